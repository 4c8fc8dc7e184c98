#pragma once

#include <memory>

#include "models/safety_checker.h"
#include "pipelines/session.h"
#include "sumi/engine.h"

namespace sumi {

/// Looks at pictures before anybody else does.
class SafetyGuard {
 public:
  /// The checker of EngineOptions::safety_checker, or of the model. Error(unsupported) where there is none.
  void open(const EngineOptions& options);
  /// Whether the picture is likely unfit; then it is blurred, or refused with Error(unsupported).
  bool guard(Session& session, Safety safety, Image& picture) const;

 private:
  std::shared_ptr<const SafetyChecker> checker_;
};

}  // namespace sumi
