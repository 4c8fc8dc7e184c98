#include "backend/cpu/onednn.h"

#include "core/check.h"

namespace sumi::onednn {
namespace {

dnnl::algorithm algorithm_of(Activation activation) {
  switch (activation) {
    case Activation::gelu: return dnnl::algorithm::eltwise_gelu_erf;
    case Activation::relu:
    case Activation::leaky_relu: return dnnl::algorithm::eltwise_relu;  // alpha x below 0
    case Activation::tanh: return dnnl::algorithm::eltwise_tanh;
    default: return dnnl::algorithm::eltwise_swish;  // x / (1 + exp(-alpha x))
  }
}

float alpha_of(Activation activation) {
  switch (activation) {
    case Activation::silu: return 1.0f;
    case Activation::quick_gelu: return 1.702f;
    case Activation::leaky_relu: return 0.2f;
    default: return 0.0f;
  }
}

void append_activation(dnnl::post_ops& ops, Activation activation) {
#if DNNL_VERSION_MAJOR >= 3
  ops.append_eltwise(algorithm_of(activation), alpha_of(activation), 0.0f);
#else
  ops.append_eltwise(1.0f, algorithm_of(activation), alpha_of(activation), 0.0f);
#endif
}

dnnl::primitive_attr attributes(const PostOps& post) {
  dnnl::post_ops ops;
  if (post.add_to_y) ops.append_sum(1.0f);
  if (post.activation != Activation::none) append_activation(ops, post.activation);
  if (post.multiply) ops.append_binary(dnnl::algorithm::binary_mul, *post.multiply);
  if (post.add) ops.append_binary(dnnl::algorithm::binary_add, *post.add);
  dnnl::primitive_attr attributes;
  attributes.set_post_ops(ops);
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

dnnl::convolution_forward::primitive_desc describe_convolution(const Problem& p) {
  constexpr auto kind = dnnl::prop_kind::forward_inference;
  constexpr auto direct = dnnl::algorithm::convolution_direct;
#if DNNL_VERSION_MAJOR >= 3
  return {engine(), kind, direct, p.x, p.weights, p.bias, p.y, p.strides, p.low, p.high, attributes(p.post)};
#else
  return {{kind, direct, p.x, p.weights, p.bias, p.y, p.strides, p.low, p.high}, attributes(p.post), engine()};
#endif
}

dnnl::matmul::primitive_desc describe_product(const Problem& p) {
#if DNNL_VERSION_MAJOR >= 3
  return {engine(), p.x, p.weights, p.bias, p.y, attributes(p.post)};
#else
  return {{p.x, p.weights, p.bias, p.y}, attributes(p.post), engine()};
#endif
}

/// The dimensions, type and order of a memory, as both versions tell them.
struct Blocking {
  bool blocked;
  memory::dims dims, strides, blocks, block_axes;
  int type;
};

Blocking blocking_of(const memory::desc& desc) {
#if DNNL_VERSION_MAJOR >= 3
  const bool blocked = desc.get_format_kind() == memory::format_kind::blocked;
  return {blocked,
          desc.get_padded_dims(),
          desc.get_strides(),
          desc.get_inner_blks(),
          desc.get_inner_idxs(),
          static_cast<int>(desc.get_data_type())};
#else
  const auto& d = desc.data;
  const auto& b = d.format_desc.blocking;
  const auto first = [](const dnnl_dim_t* values, int count) { return memory::dims(values, values + count); };
  return {d.format_kind == dnnl_blocked && d.extra.flags == 0,
          first(d.padded_dims, d.ndims),
          first(b.strides, d.ndims),
          first(b.inner_blks, b.inner_nblks),
          first(b.inner_idxs, b.inner_nblks),
          static_cast<int>(d.data_type)};
#endif
}

/// For each index of an axis, padded as the layout pads it, what it adds to the place of an element.
std::vector<std::int64_t> places_along(const Blocking& b, int axis) {
  const auto along = static_cast<std::size_t>(axis);
  std::vector<std::int64_t> places(static_cast<std::size_t>(b.dims.at(along)));
  for (std::size_t i = 0; i < places.size(); ++i) {
    std::int64_t index = static_cast<std::int64_t>(i), stride = 1;
    for (std::size_t block = b.blocks.size(); block-- > 0; stride *= b.blocks[block]) {
      if (b.block_axes[block] != axis) continue;
      places[i] += index % b.blocks[block] * stride;
      index /= b.blocks[block];
    }
    places[i] += index * b.strides[along];
  }
  return places;
}

}  // namespace

void cap_isa(Isa cap) {
  using dnnl::cpu_isa;
  switch (cap) {
    case Isa::portable:
    case Isa::neon: dnnl::set_max_cpu_isa(cpu_isa::sse41); return;
    case Isa::avx2: dnnl::set_max_cpu_isa(cpu_isa::avx2); return;
    case Isa::avx512: dnnl::set_max_cpu_isa(cpu_isa::avx512_core); return;
    case Isa::avx512vnni: dnnl::set_max_cpu_isa(cpu_isa::avx512_core_vnni); return;
    case Isa::avx512bf16: dnnl::set_max_cpu_isa(cpu_isa::avx512_core_bf16); return;
    case Isa::amx: return;
  }
}

bool uses_amx() {
  constexpr auto amx = static_cast<unsigned>(dnnl::cpu_isa::avx512_core_amx);
  return (static_cast<unsigned>(dnnl::get_effective_cpu_isa()) & amx) == amx;
}

std::string version() {
  const dnnl_version_t& v = *dnnl_version();
  return fmt::format("{}.{}.{}", v.major, v.minor, v.patch);
}

std::string effective_isa() {
  using dnnl::cpu_isa;
  switch (dnnl::get_effective_cpu_isa()) {
    case cpu_isa::sse41: return "sse41";
    case cpu_isa::avx: return "avx";
    case cpu_isa::avx2: return "avx2";
    case cpu_isa::avx2_vnni: return "avx2_vnni";
    case cpu_isa::avx512_core: return "avx512_core";
    case cpu_isa::avx512_core_vnni: return "avx512_core_vnni";
    case cpu_isa::avx512_core_bf16: return "avx512_core_bf16";
    case cpu_isa::avx512_core_amx: return "avx512_core_amx";
    default: return fmt::format("{:#x}", static_cast<unsigned>(dnnl::get_effective_cpu_isa()));
  }
}

const dnnl::engine& engine() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

dnnl::stream& stream() {
  static thread_local dnnl::stream stream(engine());
  return stream;
}

memory::data_type type_of(DType type) {
  check(type == DType::f32 || type == DType::bf16, ErrorCode::internal, "oneDNN: no kernels for {}", name_of(type));
  return type == DType::f32 ? memory::data_type::f32 : memory::data_type::bf16;
}

int multiply_argument(const PostOps& post) {
  const int place = (post.add_to_y ? 1 : 0) + (post.activation != Activation::none ? 1 : 0);
  return DNNL_ARG_ATTR_MULTIPLE_POST_OP(place) | DNNL_ARG_SRC_1;
}

int add_argument(const PostOps& post) {
  const int place = (post.add_to_y ? 1 : 0) + (post.activation != Activation::none ? 1 : 0) + (post.multiply ? 1 : 0);
  return DNNL_ARG_ATTR_MULTIPLE_POST_OP(place) | DNNL_ARG_SRC_1;
}

Description::Description(const Problem& problem) {
  if (problem.convolution)
    convolution_ = describe_convolution(problem);
  else
    product_ = describe_product(problem);
}

dnnl::primitive Description::primitive() const {
  if (convolution_) return dnnl::convolution_forward(*convolution_);
  return dnnl::matmul(*product_);
}

memory::desc Description::weights() const {
  return convolution_ ? convolution_->weights_desc() : product_->weights_desc();
}

memory::desc Description::scratchpad() const {
  return convolution_ ? convolution_->scratchpad_desc() : product_->scratchpad_desc();
}

std::string Description::implementation() const {
  return convolution_ ? convolution_->impl_info_str() : product_->impl_info_str();
}

std::string layout_text(const memory::desc& desc) {
  const Blocking b = blocking_of(desc);
  if (!b.blocked) return {};
  return fmt::format("{} strides {} blocks {} of {} type {}", fmt::join(b.dims, "x"), fmt::join(b.strides, ","),
                     fmt::join(b.blocks, "x"), fmt::join(b.block_axes, ","), b.type);
}

PackedLayout packed_layout(const memory::desc& weights, bool convolution) {
  const Blocking b = blocking_of(weights);
  check(b.blocked, ErrorCode::internal, "oneDNN: a layout that only it can describe");
  if (!convolution) return {.rows = places_along(b, 1), .columns = places_along(b, 0)};
  PackedLayout layout{.rows = places_along(b, 0), .columns = {}};
  const auto down = places_along(b, 2), across = places_along(b, 3);
  for (const std::int64_t channel : places_along(b, 1)) {
    for (const std::int64_t u : down) {
      for (const std::int64_t v : across) layout.columns.push_back(channel + u + v);
    }
  }
  return layout;
}

}  // namespace sumi::onednn
