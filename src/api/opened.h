#pragma once

#include "api/device.h"
#include "pipelines/extras.h"
#include "pipelines/session.h"

namespace sumi {

/// A model on a device, with all that lasts from run to run.
struct Opened {
  explicit Opened(const EngineOptions& chosen);

  /// A computation of its own, in an arena of exactly the size that its dry run tells.
  void run(const Session::Body& body);

  EngineOptions options;
  Device device;
  std::shared_ptr<Model> model;
  Extras extras;
  Session session;
};

}  // namespace sumi
