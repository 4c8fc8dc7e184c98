#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "nn/on_host.h"

namespace sumi::test {

/// What a test of models is repeated for.
struct ModelOnBackend {
  std::string model, backend;
};

/// Each model on each backend of the host.
inline std::vector<ModelOnBackend> on_host_backends(const std::vector<std::string>& models) {
  std::vector<ModelOnBackend> all;
  for (const auto& backend : host_backends()) {
    for (const auto& model : models) all.push_back({model, backend});
  }
  return all;
}

/// As a test's name, which has no dashes.
inline std::string name_of(const testing::TestParamInfo<ModelOnBackend>& each) {
  std::string name = each.param.model + "_" + each.param.backend;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

}  // namespace sumi::test
