#include "backend/cuda/epilogue.cuh"
#include "backend/cuda/kernels.h"
#include "backend/cuda/launch.h"
#include "backend/cuda/product.cuh"

namespace sumi::cuda {
namespace {

// The product of the parts of x under the kernel, one a pixel of y, with the filters: factors in the order of kernel
// row, kernel column, channel, that of both memories.

struct Geometry {
  int height, width, channels;  ///< of x
  int kernel, stride, top, left, repeats;
  int out_height, out_width;
  int factors;
  bool wide;  ///< four neighbours are of one tap
};

/// A thread's way through the part of x under the kernel at one pixel of y.
template <class X>
class Patch {
 public:
  __device__ Patch(const X* x, int pixel, int pixels, const Geometry& g) : g_(g) {
    if (pixel >= pixels) return;
    const int line = pixel / g.out_width, n = line / g.out_height;
    picture_ = x + static_cast<std::int64_t>(n) * g.height * g.width * g.channels;
    top_ = line % g.out_height * g.stride - g.top;
    left_ = pixel % g.out_width * g.stride - g.left;
    advance(loaded_factor());
  }

  __device__ __forceinline__ void next(float (&values)[4]) {
    if (g_.wide) {
      const X* from = here();
      load_four(from, from ? 4 : 0, true, values);
      advance(tile_depth);
    } else {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const X* from = here();
        values[i] = from ? to_float(*from) : 0;
        advance(1);
      }
      advance(tile_depth - 4);
    }
  }

 private:
  /// Null outside of x and beyond the last tap.
  __device__ __forceinline__ const X* here() const {
    const int i = top_ + u_, j = left_ + v_;
    if (!picture_ || u_ >= g_.kernel || i < 0 || i >= g_.height * g_.repeats || j < 0 || j >= g_.width * g_.repeats) {
      return nullptr;
    }
    return picture_ + (static_cast<std::int64_t>(i / g_.repeats) * g_.width + j / g_.repeats) * g_.channels + c_;
  }
  __device__ __forceinline__ void advance(int by) {
    for (c_ += by; c_ >= g_.channels; c_ -= g_.channels) {
      if (++v_ < g_.kernel) continue;
      v_ = 0;
      ++u_;
    }
  }

  const Geometry& g_;
  const X* picture_ = nullptr;
  int top_ = 0, left_ = 0, u_ = 0, v_ = 0, c_ = 0;
};

template <class X, class Y>
__global__ void __launch_bounds__(product_threads, 2) conv2d(const X* __restrict__ x, const X* __restrict__ filters,
                                                             const Geometry geometry, const Epilogue<X, Y> finish) {
  const TilePlace place(finish.columns);
  const Patch<X> patch(x, place.row + loaded_row(), finish.rows, geometry);
  MatrixRow<X> filter[]{{filters, place.column + loaded_row(), finish.columns, geometry.factors, geometry.wide}};
  multiply<1>(patch, filter, geometry.factors, place, finish);
}

Geometry geometry_of(const Conv2dOp::Case& c, bool wide) {
  return {.height = static_cast<int>(c.height),
          .width = static_cast<int>(c.width),
          .channels = static_cast<int>(c.in_channels),
          .kernel = static_cast<int>(c.kernel),
          .stride = static_cast<int>(c.stride),
          .top = static_cast<int>(c.padding.top),
          .left = static_cast<int>(c.padding.left),
          .repeats = static_cast<int>(c.repeats()),
          .out_height = static_cast<int>(c.out_height()),
          .out_width = static_cast<int>(c.out_width()),
          .factors = static_cast<int>(c.kernel * c.kernel * c.in_channels),
          .wide = wide};
}

}  // namespace

void run(const Device& device, const Conv2dOp::Case& c, const Conv2dOp::Args& args) {
  const std::int64_t pixels = c.out_height() * c.out_width();
  with_type(c.x, [&]<class X>(TypeTag<X>) {
    with_type(c.y, [&]<class Y>(TypeTag<Y>) {
      const auto* filters = reinterpret_cast<const X*>(args.packed);
      const auto* x = elements<const X>(args.x);
      const Epilogue<X, Y> finish{.bias = elements<const float>(args.bias),
                                  .row = elements<const X>(args.row),
                                  .residual = elements<const Y>(args.residual),
                                  .y = elements<Y>(args.y),
                                  .rows = static_cast<int>(c.batch * pixels),
                                  .columns = static_cast<int>(c.out_channels),
                                  .rows_a_picture = static_cast<int>(pixels),
                                  .activation = c.activation};
      const bool wide = aligned_for<X, 4>(c.in_channels, c.in_channels, x, filters);
      launch(conv2d<X, Y>, tiles_of(c.batch * pixels, c.out_channels), product_threads, 0, device.stream(), x, filters,
             geometry_of(c, wide), finish);
    });
  });
}

}  // namespace sumi::cuda
