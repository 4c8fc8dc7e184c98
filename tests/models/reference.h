#pragma once

#include <string>
#include <vector>

#include "ops/context.h"
#include "support/fixture.h"
#include "weights/safetensors.h"

namespace sumi::test {

/// Inputs and results of one of the reference's models, as the *_fixtures.py files write them.
class Reference {
 public:
  explicit Reference(const std::string& name) : tensors_(read_safetensors(fixtures() / (name + ".safetensors"))) {}

  bool has(const std::string& name) const { return tensors_.contains(name); }
  Shape shape(const std::string& name) const { return tensors_.at(name)->shape(); }
  std::vector<float> values(const std::string& name) const { return read_all(*tensors_.at(name)); }
  Tensor upload(Context& ctx, const std::string& name) const {
    return ctx.upload(values(name), tensors_.at(name)->shape());
  }

 private:
  TensorMap tensors_;
};

/// An input of a fixture, (N, C, H, W) there.
inline Tensor upload_channels_last(Context& ctx, const Fixture& fixture, const std::string& name) {
  const Shape s = fixture.shape(name);
  return ctx.upload(channels_last(fixture.values(name), s), {s[0], s[2], s[3], s[1]});
}

}  // namespace sumi::test
