#pragma once

#include "api/opened.h"
#include "pipelines/noise.h"
#include "sumi/parts.h"

namespace sumi::parts {

struct Model::State : Opened {
  using Opened::Opened;
};

struct Noise::State {
  sumi::Noise noise;
};

}  // namespace sumi::parts
