#include "backend/cpu/layer_onednn_state.h"
#include "core/check.h"
#include "core/threads.h"

namespace sumi::onednn {
namespace {

memory::desc channels_last(const memory::dims& dims, DType type) {
  return {dims, type_of(type), dims.size() == 4 ? memory::format_tag::nhwc : memory::format_tag::ab};
}

DType computed(bool widened, DType type) { return widened ? DType::f32 : type; }

std::string unsuited(const Layer& layer, Arithmetic arithmetic, Isa isa) {
  const bool f32 = layer.x_type == DType::f32 && layer.y_type == DType::f32;
  const bool bf16 = layer.x_type == DType::bf16 && (layer.y_type == DType::bf16 || layer.y_type == DType::f32);
  if (arithmetic == Arithmetic::emulated && (isa < Isa::avx512 || isa >= Isa::avx512bf16)) {
    return "needs AVX-512 without BF16";
  }
  if (arithmetic == Arithmetic::native && bf16 && isa < Isa::avx512bf16) return "needs AVX-512 BF16";
  if (layer.rounding != Rounding::none) return "has no steps for each row";
  if (layer.upsampled) return "takes x as it is";
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

/// Values of 128 rows a thread are still in its cache when the gates want them, and scratch does not grow with the
/// picture: 8192 rows of 320 -> 1280 take 1.3 MB in two threads, 42 MB at once.
std::int64_t rows_at_a_time(const Layer& layer) {
  const std::int64_t rows = layer.x[0], most = layer.gated ? std::int64_t{128} * threads() : rows;
  return divide_up(rows, divide_up(rows, most));
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
  const Step& last = state.steps.back();
  const bool widened = state.widened;
  std::size_t end = 0, scratchpad = 0;
  const auto take = [&](std::size_t& at, bool needed, std::size_t size) {
    at = end;
    if (needed) end += aligned(size);
  };
  for (const Step& step : state.steps) scratchpad = std::max(scratchpad, step.scratchpad.get_size());
  take(state.places.weights, widened, state.steps.size() * state.step_bytes());
  take(state.places.x, widened, bytes(layer.x, DType::f32));
  take(state.places.y, widened && layer.y_type != DType::f32, bytes(layer.y, DType::f32));
  take(state.places.value, layer.gated, state.steps.front().problem.y.get_size());
  take(state.places.residual, widened && layer.y_type != DType::f32 && last.problem.post.add,
       bytes(layer.y, DType::f32));
  take(state.places.scratchpad, true, scratchpad);
  return end;
}

Plan planned(const Layer& layer, bool widened) {
  const Start start = start_of(layer, widened);
  auto state = std::make_shared<State>(State{.layer = layer,
                                             .part = rows_at_a_time(layer),
                                             .widened = widened,
                                             .start = start,
                                             .threads = threads(),
                                             .steps = {},
                                             .places = {}});
  Layer part = layer;
  part.x[0] = part.y[0] = state->part;
  if (layer.gated) state->steps.push_back(step_of(part, widened, problem_of(part, widened, start, true)));
  state->steps.push_back(step_of(part, widened, problem_of(part, widened, start)));
  const std::string layout = layout_text(state->steps.back().weights);
  if (layout.empty() || layout_text(state->steps.front().weights) != layout) {
    throw dnnl::error(dnnl_unimplemented, "its layout of the weights is its own secret");
  }
  Plan plan;
  plan.scratch_bytes = place(*state);
  plan.packed_bytes = state->packed_step_bytes() * state->steps.size();
  plan.packed_type = layer.x_type;
  plan.layout =
      fmt::format("onednn {}{}{}", state->steps.size() == 2 ? "halves " : "", widened ? "narrowed " : "", layout);
  plan.state = std::move(state);
  return plan;
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

}  // namespace sumi::onednn
