// Makes another picture of one, in a loop of its own: image_to_image PICTURE [PROMPT [STRENGTH]]
// What Engine::generate does not do: guidance grows weaker from step to step, so that colours stay calm.
#include <cstdio>
#include <cstdlib>
#include <sumi/parts.h>

int main(int argc, char** argv) try {
  using namespace sumi::parts;
  if (argc < 2) {
    std::fprintf(stderr, "usage: image_to_image PICTURE [PROMPT [STRENGTH]]\n");
    return 2;
  }
  const sumi::Image picture = sumi::read_image(argv[1]);
  const double strength = argc > 3 ? std::atof(argv[3]) : 0.7;

  const Model model({});
  Noise noise(model.latent_shape(), {7});
  Scheduler scheduler(model, 30, {}, strength);
  UNet unet(model, TextEncoder(model).encode({argc > 2 ? argv[2] : "a green apple, 3d"}));
  const Autoencoder autoencoder(model);

  const sumi::Latents clean = autoencoder.encode(picture, noise);
  sumi::Latents latents = scheduler.add_noise(0, clean, noise.draw());
  for (int i = 0; i < scheduler.size(); ++i) {
    const sumi::Latents both = unet.predict(scheduler.scale_input(i, latents), scheduler.timestep(i));
    const double scale = 7.5 - 5.0 * i / scheduler.size();
    latents = scheduler.step(i, guide(model, both, scale), latents, noise);
    std::printf("step %d of %d\n", i + 1, scheduler.size());
  }
  sumi::write_image("changed.png", autoencoder.decode(latents).front());
  std::printf("changed.png\n");
} catch (const sumi::Error& error) {
  std::fprintf(stderr, "image_to_image: %s\n", error.what());
  return 1;
}
