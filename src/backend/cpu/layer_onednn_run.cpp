#include <cstring>

#include "backend/cpu/layer_onednn_state.h"
#include "core/check.h"
#include "core/threads.h"

namespace sumi::onednn {
namespace {

constexpr std::int64_t grain = 1 << 14;  ///< elements that a thread converts or copies at least

void widen(const std::byte* from, DType type, std::byte* to, std::int64_t count) {
  parallel_for(count, grain, [&](std::int64_t begin, std::int64_t end) {
    to_float(type, from + begin * bytes_of(type),
             {reinterpret_cast<float*>(to) + begin, static_cast<std::size_t>(end - begin)});
  });
}

void narrow(const std::byte* from, std::byte* to, DType type, std::int64_t count) {
  parallel_for(count, grain, [&](std::int64_t begin, std::int64_t end) {
    from_float({reinterpret_cast<const float*>(from) + begin, static_cast<std::size_t>(end - begin)}, type,
               to + begin * bytes_of(type));
  });
}

/// The row of each picture for every of its pixels, widened where y is float32 and the rows are not.
void fill_rows(const Layer& layer, const std::byte* rows, std::byte* y, DType y_type) {
  const std::int64_t channels = layer.y[1], pixels = elements(layer.y) / channels;
  const std::int64_t per_picture = pixels / layer.pictures;
  const std::size_t row_bytes = static_cast<std::size_t>(channels) * bytes_of(layer.x_type);
  const std::size_t y_bytes = static_cast<std::size_t>(channels) * bytes_of(y_type);
  parallel_for(pixels, std::max<std::int64_t>(1, grain / channels), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t pixel = begin; pixel < end; ++pixel) {
      const std::byte* row = rows + pixel / per_picture * row_bytes;
      std::byte* to = y + pixel * y_bytes;
      if (y_type == layer.x_type) {
        std::memcpy(to, row, y_bytes);
      } else {
        to_float(layer.x_type, row, {reinterpret_cast<float*>(to), static_cast<std::size_t>(channels)});
      }
    }
  });
}

/// Copies, or widens where `to_type` is float32 and `type` is not.
void copy(const std::byte* from, DType type, std::byte* to, DType to_type, std::int64_t count) {
  if (type != to_type) return widen(from, type, to, count);
  parallel_for(count, grain, [&](std::int64_t begin, std::int64_t end) {
    std::memcpy(to + begin * bytes_of(type), from + begin * bytes_of(type), (end - begin) * bytes_of(type));
  });
}

/// Runs a layer on memory of this process.
class Run {
 public:
  Run(const State& state, const LayerArgs& args, std::byte* scratch)
      : state_(state), layer_(state.layer), args_(args), scratch_(scratch) {}

  void all() {
    const std::int64_t outputs = elements(layer_.y), rows = layer_.x[0];
    const DType y_type = state_.computed(layer_.y_type);
    y_ = y_type == layer_.y_type ? args_.y : at(state_.places.y);
    choose_operands(y_type);
    if (state_.start == Start::row) fill_rows(layer_, args_.row, y_, y_type);
    if (state_.start == Start::residual) copy(args_.residual, layer_.y_type, y_, y_type, outputs);
    // The last part overlaps the one before where they do not divide the rows; the same values are written again.
    for (std::int64_t done = 0; done < rows; done += state_.part) {
      for (std::size_t i = 0; i < state_.steps.size(); ++i) step(i, std::min(done, rows - state_.part));
    }
    if (y_type != layer_.y_type) narrow(y_, args_.y, layer_.y_type, outputs);
  }

 private:
  std::byte* at(std::size_t place) const { return scratch_ + place; }

  /// What the primitives read: the arguments, or float32 copies of them.
  void choose_operands(DType y_type) {
    x_ = args_.x;
    weights_ = args_.packed;
    residual_ = args_.residual;
    if (!state_.widened) return;
    const auto widened = [&](const std::byte* from, DType type, std::size_t place, std::int64_t count) {
      widen(from, type, at(place), count);
      return at(place);
    };
    x_ = widened(args_.x, layer_.x_type, state_.places.x, elements(layer_.x));
    if (state_.steps.back().problem.post.add && layer_.y_type != y_type) {
      residual_ = widened(args_.residual, layer_.y_type, state_.places.residual, elements(layer_.y));
    }
    weights_ = at(state_.places.weights);
    for (std::size_t i = 0; i < state_.steps.size(); ++i) {
      const std::size_t count = state_.steps[i].weights.get_size() / sizeof(float);
      widened(args_.packed + i * state_.packed_step_bytes(), DType::bf16,
              state_.places.weights + i * state_.step_bytes(), static_cast<std::int64_t>(count));
    }
  }

  /// One primitive on the rows from `row` on.
  void step(std::size_t i, std::int64_t row) {
    const Step& step = state_.steps[i];
    const Problem& problem = step.problem;
    const PostOps& post = problem.post;
    const auto lend = [](const memory::desc& desc, const std::byte* data) {
      return memory(desc, engine(), const_cast<std::byte*>(data));
    };
    const auto row_bytes = [&](const memory::dims& dims, DType type) {
      return static_cast<std::size_t>(row * (elements(dims) / dims[0])) * bytes_of(state_.computed(type));
    };
    const std::size_t y_offset = row_bytes(layer_.y, layer_.y_type);
    const bool last = i + 1 == state_.steps.size();
    std::byte* value = at(state_.places.value);
    std::unordered_map<int, memory> tensors{{DNNL_ARG_SRC, lend(problem.x, x_ + row_bytes(layer_.x, layer_.x_type))},
                                            {DNNL_ARG_WEIGHTS, lend(step.weights, weights_ + i * state_.step_bytes())},
                                            {DNNL_ARG_DST, lend(problem.y, last ? y_ + y_offset : value)},
                                            {DNNL_ARG_SCRATCHPAD, lend(step.scratchpad, at(state_.places.scratchpad))}};
    if (layer_.bias) {
      tensors.emplace(DNNL_ARG_BIAS, lend(problem.bias, args_.bias + i * bytes({layer_.y[1]}, DType::f32)));
    }
    if (post.multiply) tensors.emplace(multiply_argument(post), lend(*post.multiply, value));
    if (post.add) tensors.emplace(add_argument(post), lend(*post.add, residual_ + y_offset));
    step.primitive.execute(stream(), tensors);
    stream().wait();
  }

  const State& state_;
  const Layer& layer_;
  const LayerArgs& args_;
  std::byte* scratch_;
  const std::byte *x_ = nullptr, *weights_ = nullptr, *residual_ = nullptr;
  std::byte* y_ = nullptr;
};

const State& state_of(const Plan& plan) { return *static_cast<const State*>(plan.state.get()); }

template <class Body>
void reporting(const Layer& layer, Body body) {
  try {
    body();
  } catch (const dnnl::error& error) {
    fail(error.status == dnnl_out_of_memory ? ErrorCode::out_of_memory : ErrorCode::internal, "{}: oneDNN: {}",
         layer.text, error.what());
  }
}

}  // namespace

void run_layer(const Plan& plan, const LayerArgs& args, std::byte* scratch) {
  const State& state = state_of(plan);
  check(!args.residual || args.residual != args.y, ErrorCode::internal, "{}: the residual is y itself",
        state.layer.text);
  const SameThreads same(state.threads);
  reporting(state.layer, [&] { Run(state, args, scratch).all(); });
}

void pack_layer(const Plan& plan, const Source& source, std::byte* to) {
  const State& state = state_of(plan);
  reporting(state.layer, [&] {
    const Layer& layer = state.layer;
    const PackedLayout layout = packed_layout(state.steps.front().weights, layer.convolution);
    const std::int64_t rows = layer.weights[layer.convolution ? 0 : 1];
    for (std::size_t i = 0; i < state.steps.size(); ++i) {
      const RowRange part{.first = static_cast<std::int64_t>(i) * rows, .count = rows};
      pack_matrix(source, part, layout, layer.x_type, to + i * state.packed_step_bytes());
    }
  });
}

}  // namespace sumi::onednn
