#pragma once

/// All parts of a pipeline. A picture from a prompt, as `Engine` makes it:
///
///     using namespace sumi::parts;
///     const Model model({.model = "path/to/model"});
///     Noise noise(model.latent_shape(), {7});
///     Scheduler scheduler(model, 30, {.sampler = "euler"});
///     UNet unet(model, TextEncoder(model).encode({"a red apple"}));
///     sumi::Latents latents = scheduler.begin(noise.draw_first());
///     for (int i = 0; i < scheduler.size(); ++i) {
///       const sumi::Latents both = unet.predict(scheduler.scale_input(i, latents), scheduler.timestep(i));
///       latents = scheduler.step(i, guide(model, both, 7.5), latents, noise);
///     }
///     const sumi::Image picture = Autoencoder(model).decode(latents).front();
#include "sumi/parts/autoencoder.h"
#include "sumi/parts/model.h"
#include "sumi/parts/noise.h"
#include "sumi/parts/scheduler.h"
#include "sumi/parts/text.h"
#include "sumi/parts/unet.h"
