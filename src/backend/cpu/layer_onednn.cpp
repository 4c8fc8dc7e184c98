#include "backend/cpu/layer_onednn.h"

#include <cstring>
#include <functional>
#include <numeric>

#include "core/arena.h"
#include "core/check.h"
#include "core/threads.h"

namespace sumi::onednn {
namespace {

constexpr std::int64_t grain = 1 << 14;  ///< elements that a thread converts or copies at least

std::int64_t elements(const memory::dims& dims) {
  return std::accumulate(dims.begin(), dims.end(), std::int64_t{1}, std::multiplies<>());
}

std::size_t bytes(const memory::dims& dims, DType type) {
  return static_cast<std::size_t>(elements(dims)) * bytes_of(type);
}

memory::desc channels_last(const memory::dims& dims, DType type) {
  return {dims, type_of(type), dims.size() == 4 ? memory::format_tag::nhwc : memory::format_tag::ab};
}

memory::desc in_file_order(const memory::dims& dims, DType type) {
  return {dims, type_of(type), dims.size() == 4 ? memory::format_tag::oihw : memory::format_tag::ba};
}

/// What y holds before the last step, which adds to it.
enum class Start { none, row, residual };

/// One primitive of a layer. A gated layer has two: values, then gates.
struct Step {
  Problem problem;
  memory::desc weights, scratchpad;
  dnnl::primitive primitive;
};

/// Where things lie in scratch. Widened layers have float32 copies of what is bf16 outside.
struct Places {
  std::size_t weights = 0, x = 0, y = 0, value = 0, residual = 0, scratchpad = 0;
};

struct State {
  Layer layer;
  bool widened;
  Start start;
  int threads;  ///< that the primitives divide their work by
  std::vector<Step> steps;
  Places places;
};

DType computed(bool widened, DType type) { return widened ? DType::f32 : type; }

std::string unsuited(const Layer& layer, Arithmetic arithmetic, Isa isa) {
  const bool f32 = layer.x_type == DType::f32 && layer.y_type == DType::f32;
  const bool bf16 = layer.x_type == DType::bf16 && (layer.y_type == DType::bf16 || layer.y_type == DType::f32);
  if (arithmetic == Arithmetic::emulated && isa != Isa::avx512) return "needs AVX-512 without BF16";
  if (arithmetic == Arithmetic::native && bf16 && isa < Isa::avx512bf16) return "needs AVX-512 BF16";
  if (!bf16 && (!f32 || arithmetic != Arithmetic::native)) {
    return fmt::format("takes {}bf16, not {} to {}", arithmetic == Arithmetic::native ? "f32 and " : "",
                       name_of(layer.x_type), name_of(layer.y_type));
  }
  return elements(layer.x) == 0 || elements(layer.y) == 0 ? "nothing to compute" : "";
}

/// Convolutions add the residual by a sum with what y held, after a copy: a binary operation would keep them from
/// oneDNN's fastest implementation (2.6.3 on AVX-512, f32: brgconv with a sum, jit with a binary operation). Widened
/// layers convert the residual anyway.
Start start_of(const Layer& layer, bool widened) {
  if (layer.row) return Start::row;
  const bool plain_sum = layer.residual && layer.activation == Activation::none && !layer.gated;
  return plain_sum && (layer.convolution || widened) ? Start::residual : Start::none;
}

/// The layer's last problem, or with `values` the first of a gated one: the values, in float32.
Problem problem_of(const Layer& layer, bool widened, Start start, bool values = false) {
  const memory::desc y = channels_last(layer.y, values ? DType::f32 : computed(widened, layer.y_type));
  Problem problem{.convolution = layer.convolution,
                  .x = channels_last(layer.x, computed(widened, layer.x_type)),
                  .weights = {layer.weights, type_of(computed(widened, layer.x_type)), memory::format_tag::any},
                  .bias = {},
                  .y = y,
                  .strides = layer.strides,
                  .low = layer.low,
                  .high = layer.high,
                  .post = {}};
  if (layer.bias && layer.convolution) problem.bias = {{layer.y[1]}, memory::data_type::f32, memory::format_tag::a};
  if (layer.bias && !layer.convolution) {
    problem.bias = {{1, layer.y[1]}, memory::data_type::f32, memory::format_tag::ab};
  }
  if (values) return problem;
  problem.post = {.add_to_y = start != Start::none, .activation = layer.activation, .multiply = {}, .add = {}};
  if (layer.gated) problem.post.multiply = channels_last(layer.y, DType::f32);
  if (layer.residual && start != Start::residual) problem.post.add = y;
  return problem;
}

/// The layout that suits a picture of 64 x 64, or 1024 rows, so that all sizes share packed weights where they can.
memory::desc shared_weights(Layer layer, bool widened) {
  if (layer.convolution) {
    for (const std::size_t axis : {0, 1}) {
      layer.x[axis + 2] = 64;
      layer.y[axis + 2] = (64 + layer.low[axis] + layer.high[axis] - layer.weights[axis + 2]) / layer.strides[axis] + 1;
    }
  }
  layer.x[0] = layer.y[0] = layer.convolution ? 1 : 1024;
  layer.activation = Activation::none;
  layer.gated = layer.residual = false;
  return Description(problem_of(layer, widened, Start::none)).weights();
}

/// With the shared layout unless that costs the implementation that oneDNN likes best.
Description describe(const Layer& layer, bool widened, Problem problem) {
  Description best(problem);
  try {
    problem.weights = shared_weights(layer, widened);
    const Description shared(problem);
    if (shared.implementation() == best.implementation()) return shared;
  } catch (const dnnl::error& error) {
    if (error.status == dnnl_out_of_memory) throw;
  }
  return best;
}

Step step_of(const Layer& layer, bool widened, const Problem& problem) {
  const Description description = describe(layer, widened, problem);
  const std::string implementation = description.implementation();
  if (implementation.starts_with("ref")) {
    throw dnnl::error(dnnl_unimplemented, "only the plain loops of its reference take it");
  }
  // 2.6.3 adds the wrong elements of the tensor where there are several pictures or rows of pixels.
  if (problem.convolution && problem.post.add && implementation.find("gemm") != std::string::npos) {
    throw dnnl::error(dnnl_unimplemented, "its gemm convolution adds a residual after an activation wrongly");
  }
  return {problem, description.weights(), description.scratchpad(), description.primitive()};
}

/// Places one after the other; returns their end.
std::size_t place(State& state) {
  const Layer& layer = state.layer;
  std::size_t end = 0, scratchpad = 0;
  const auto take = [&](std::size_t& at, bool needed, std::size_t size) {
    at = end;
    if (needed) end += (size + Arena::alignment - 1) / Arena::alignment * Arena::alignment;
  };
  for (const Step& step : state.steps) scratchpad = std::max(scratchpad, step.scratchpad.get_size());
  const bool widened = state.widened;
  take(state.places.weights, widened, state.steps.back().weights.get_size());
  take(state.places.x, widened, bytes(layer.x, DType::f32));
  take(state.places.y, widened && layer.y_type != DType::f32, bytes(layer.y, DType::f32));
  take(state.places.value, layer.gated, bytes(layer.y, DType::f32));
  take(state.places.residual, widened && state.steps.back().problem.post.add, bytes(layer.y, DType::f32));
  take(state.places.scratchpad, true, scratchpad);
  return end;
}

/// Bytes of one step's packed weights; those of a second step follow at once, aligned like the first.
std::size_t packed_bytes(const State& state) {
  const std::size_t size = state.steps.front().weights.get_size() / (state.widened ? 2 : 1);
  return (size + Arena::alignment - 1) / Arena::alignment * Arena::alignment;
}

Plan planned(const Layer& layer, bool widened) {
  auto state = std::make_shared<State>(State{.layer = layer,
                                             .widened = widened,
                                             .start = start_of(layer, widened),
                                             .threads = threads(),
                                             .steps = {},
                                             .places = {}});
  if (layer.gated) state->steps.push_back(step_of(layer, widened, problem_of(layer, widened, state->start, true)));
  state->steps.push_back(step_of(layer, widened, problem_of(layer, widened, state->start)));
  const std::string layout = layout_text(state->steps.back().weights);
  if (layout.empty() || layout_text(state->steps.front().weights) != layout) {
    throw dnnl::error(dnnl_unimplemented, "its layout of the weights is its own secret");
  }
  Plan plan;
  plan.scratch_bytes = place(*state);
  plan.packed_bytes = packed_bytes(*state) * state->steps.size();
  plan.layout =
      fmt::format("onednn {}{}{}", state->steps.size() == 2 ? "halves " : "", widened ? "narrowed " : "", layout);
  plan.state = std::move(state);
  return plan;
}

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

/// One row, of `from` type, for each pixel of its picture.
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

/// Primitives divide their work by the threads they were made for.
class SameThreads {
 public:
  explicit SameThreads(int count) : before_(threads()) {
    if (count != before_) set_threads(count);
  }
  SameThreads(const SameThreads&) = delete;
  SameThreads& operator=(const SameThreads&) = delete;
  ~SameThreads() {
    if (threads() != before_) set_threads(before_);
  }

 private:
  int before_;
};

/// Runs the steps of a layer on memory of this process.
class Run {
 public:
  Run(const State& state, const LayerArgs& args, std::byte* scratch) : state_(state), args_(args), scratch_(scratch) {}

  void all() {
    const Layer& layer = state_.layer;
    const std::int64_t outputs = elements(layer.y);
    const DType y_type = computed(state_.widened, layer.y_type);
    y_ = y_type == layer.y_type ? args_.y : at(state_.places.y);
    x_ = args_.x;
    residual_ = args_.residual;
    if (state_.widened) {
      x_ = at(state_.places.x);
      widen(args_.x, layer.x_type, at(state_.places.x), elements(layer.x));
    }
    if (state_.steps.back().problem.post.add && layer.y_type != y_type) {
      residual_ = at(state_.places.residual);
      widen(args_.residual, layer.y_type, at(state_.places.residual), outputs);
    }
    if (state_.start == Start::row) fill_rows(layer, args_.row, y_, y_type);
    if (state_.start == Start::residual) copy(args_.residual, layer.y_type, y_, y_type, outputs);
    for (std::size_t i = 0; i < state_.steps.size(); ++i) step(i);
    if (y_type != layer.y_type) narrow(y_, args_.y, layer.y_type, outputs);
  }

 private:
  std::byte* at(std::size_t place) const { return scratch_ + place; }

  const std::byte* weights(std::size_t i) const {
    const std::byte* packed = args_.packed + i * packed_bytes(state_);
    if (!state_.widened) return packed;
    widen(packed, DType::bf16, at(state_.places.weights),
          static_cast<std::int64_t>(state_.steps[i].weights.get_size() / sizeof(float)));
    return at(state_.places.weights);
  }

  void step(std::size_t i) {
    const Step& step = state_.steps[i];
    const Problem& problem = step.problem;
    const auto lend = [](const memory::desc& desc, const std::byte* data) {
      return memory(desc, engine(), const_cast<std::byte*>(data));
    };
    const bool last = i + 1 == state_.steps.size();
    std::unordered_map<int, memory> tensors{{DNNL_ARG_SRC, lend(problem.x, x_)},
                                            {DNNL_ARG_WEIGHTS, lend(step.weights, weights(i))},
                                            {DNNL_ARG_DST, lend(problem.y, last ? y_ : at(state_.places.value))},
                                            {DNNL_ARG_SCRATCHPAD, lend(step.scratchpad, at(state_.places.scratchpad))}};
    if (state_.layer.bias) {
      tensors.emplace(DNNL_ARG_BIAS, lend(problem.bias, args_.bias + i * state_.layer.y[1] * sizeof(float)));
    }
    const PostOps& post = problem.post;
    if (post.multiply) tensors.emplace(multiply_argument(post), lend(*post.multiply, at(state_.places.value)));
    if (post.add) tensors.emplace(add_argument(post), lend(*post.add, residual_));
    step.primitive.execute(stream(), tensors);
    stream().wait();
  }

  const State& state_;
  const LayerArgs& args_;
  std::byte* scratch_;
  const std::byte *x_ = nullptr, *residual_ = nullptr;
  std::byte* y_ = nullptr;
};

/// Values [first, first + count) of the source, rounded to `type`.
void read(const Source& source, std::int64_t first, std::int64_t count, DType type, std::byte* to) {
  parallel_for(count, grain, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> values(static_cast<std::size_t>(std::min(grain, end - begin)));
    for (std::int64_t i = begin; i < end; i += grain) {
      const std::span<float> part(values.data(), static_cast<std::size_t>(std::min(grain, end - i)));
      source.read(first + i, part);
      from_float(part, type, to + i * bytes_of(type));
    }
  });
}

void pack_step(const State& state, std::size_t i, const Source& source, std::byte* to) {
  const Layer& layer = state.layer;
  const memory::desc& packed = state.steps[i].weights;
  const DType type = computed(state.widened, layer.x_type);
  const std::int64_t count = elements(layer.weights);
  const auto staged = std::make_unique_for_overwrite<std::byte[]>(bytes(layer.weights, type));
  read(source, static_cast<std::int64_t>(i) * count, count, type, staged.get());
  const auto wide = std::make_unique_for_overwrite<std::byte[]>(state.widened ? packed.get_size() : 0);
  memory from(in_file_order(layer.weights, type), engine(), staged.get());
  memory reordered(packed, engine(), state.widened ? wide.get() : to);
  dnnl::reorder(from, reordered).execute(stream(), from, reordered);
  stream().wait();
  if (state.widened) narrow(wide.get(), to, DType::bf16, static_cast<std::int64_t>(packed.get_size() / sizeof(float)));
}

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

Decision plan_layer(const Layer& layer, Arithmetic arithmetic, Isa isa) {
  const std::string reason = unsuited(layer, arithmetic, isa);
  if (!reason.empty()) return Declined{reason};
  try {
    return planned(layer, arithmetic == Arithmetic::widened);
  } catch (const dnnl::error& error) {
    check(error.status != dnnl_out_of_memory, ErrorCode::out_of_memory, "{}: oneDNN: {}", layer.text, error.what());
    return Declined{fmt::format("oneDNN: {}", error.what())};
  }
}

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
    for (std::size_t i = 0; i < state.steps.size(); ++i) pack_step(state, i, source, to + i * packed_bytes(state));
  });
}

}  // namespace sumi::onednn
