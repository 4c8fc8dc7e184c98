#pragma once

#include <cmath>
#include <cstring>
#include <deque>
#include <memory>
#include <random>
#include <vector>

#include "core/arena.h"
#include "core/tensor.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace sumi::test {

using Values = std::vector<float>;

/// Exactly `bytes` bytes, aligned as an arena aligns, between guards. All bits are set at first, guards too: what is
/// read before it is written, or from beyond, is NaN in every float type.
class Guarded {
 public:
  explicit Guarded(std::size_t bytes) : bytes_(bytes) {
    // Without memory behind it an arena gives null, and so does a plan without scratch.
    if (bytes == 0) return;
    const std::size_t total = guard + (bytes + Arena::alignment - 1) / Arena::alignment * Arena::alignment + guard;
    memory_.reset(static_cast<std::byte*>(::operator new(total, std::align_val_t(Arena::alignment))));
    after_ = total - guard - bytes;
    std::memset(memory_.get(), 0xff, total);
    poison(true);
  }
  Guarded(Guarded&&) = default;
  ~Guarded() { poison(false); }

  std::byte* data() const { return memory_ ? memory_.get() + guard : nullptr; }
  std::size_t size() const { return bytes_; }
  bool intact() const {
    if (!memory_) return true;
    poison(false);
    const auto set = [](const std::byte* from, std::size_t n) {
      return std::all_of(from, from + n, [](std::byte each) { return each == std::byte{0xff}; });
    };
    const bool good = set(memory_.get(), guard) && set(data() + bytes_, after_);
    poison(true);
    return good;
  }

 private:
  static constexpr std::size_t guard = 256;
  struct Delete {
    void operator()(std::byte* data) const { ::operator delete(data, std::align_val_t(Arena::alignment)); }
  };

  void poison([[maybe_unused]] bool on) const {
#if defined(__SANITIZE_ADDRESS__)
    if (!memory_) return;
    const auto set = [on](const std::byte* from, std::size_t n) {
      on ? __asan_poison_memory_region(from, n) : __asan_unpoison_memory_region(from, n);
    };
    set(memory_.get(), guard);
    set(data() + bytes_, after_);
#endif
  }

  std::size_t bytes_, after_ = 0;
  std::unique_ptr<std::byte, Delete> memory_;
};

/// Guarded tensors that live as long as it does.
class Memory {
 public:
  Tensor tensor(const Shape& shape, DType type) { return tensor(shape, type, shape[-1]); }
  /// Rows `stride` elements apart, as columns of a wider tensor; what lies between them is NaN.
  Tensor tensor(const Shape& shape, DType type, std::int64_t stride) {
    Shape wide = shape;
    wide[-1] = stride;
    const std::int64_t width = shape[-1], offset = std::min(width, stride - width);
    const std::int64_t elements = shape.elements() ? wide.elements() - stride + offset + width : 0;
    buffers_.emplace_back(static_cast<std::size_t>(elements) * bytes_of(type));
    return Tensor::wrap(buffers_.back().data(), wide, type).columns(offset, offset + width);
  }
  Tensor tensor(const Shape& shape, const Values& values) {
    const Tensor made = tensor(shape, DType::f32);
    std::copy(values.begin(), values.end(), made.data<float>());
    return made;
  }
  /// The same values, rounded to another type. An absent tensor stays absent.
  Tensor converted(const Tensor& from, DType type) {
    return mapped(from, type, [](float x) { return x; });
  }
  template <class Function>
  Tensor mapped(const Tensor& from, DType type, Function function) {
    if (!from) return from;
    const Tensor made = tensor(from.shape(), type, from.row_stride());
    Values row(static_cast<std::size_t>(from.shape()[-1]));
    const auto at = [](const Tensor& t, std::int64_t i) {
      return t.raw() + static_cast<std::size_t>(i * t.row_stride()) * bytes_of(t.dtype());
    };
    for (std::int64_t i = 0; i < from.rows(); ++i) {
      to_float(from.dtype(), at(from, i), row);
      for (float& value : row) value = function(value);
      from_float(row, type, at(made, i));
    }
    return made;
  }
  bool intact() const {
    return std::all_of(buffers_.begin(), buffers_.end(), [](const Guarded& each) { return each.intact(); });
  }

 private:
  std::deque<Guarded> buffers_;
};

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  Values normals(std::int64_t n, double mean = 0, double deviation = 1) {
    std::normal_distribution<double> distribution(mean, deviation);
    Values values(static_cast<std::size_t>(n));
    for (float& value : values) value = static_cast<float>(distribution(engine_));
    return values;
  }
  std::int64_t below(std::int64_t n) { return std::uniform_int_distribution<std::int64_t>(0, n - 1)(engine_); }

 private:
  std::mt19937_64 engine_;
};

}  // namespace sumi::test
