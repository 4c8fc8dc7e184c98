#pragma once

#include <optional>
#include <string>

#include <oneapi/dnnl/dnnl.hpp>

#include "backend/cpu/isa.h"
#include "backend/cpu/pack.h"
#include "core/dtype.h"
#include "core/threads.h"
#include "ops/activation.h"

/// The one place that knows oneDNN's versions: 2.6 (Debian 12) and 3.x, which dropped operation descriptors.
namespace sumi::onednn {

using dnnl::memory;

/// Caps the instruction sets of oneDNN, which reads this once: at its first use.
void cap_isa(Isa cap);
/// True where oneDNN will use AMX: the processor has it, the system lends it, and nothing caps it.
bool uses_amx();
std::string version();
/// The instruction set that oneDNN uses, in its words: "avx512_core_bf16".
std::string effective_isa();

const dnnl::engine& engine();
/// The calling thread's.
dnnl::stream& stream();

/// f32 or bf16; Error(internal) for others.
memory::data_type type_of(DType type);

/// What is done to each sum before it is stored, in this order.
struct PostOps {
  bool add_to_y = false;  ///< adds what y held before
  Activation activation = Activation::none;
  std::optional<memory::desc> multiply, add;  ///< by and of a tensor like y
};
/// The place of the tensors of `multiply` and `add` in a primitive's arguments.
int multiply_argument(const PostOps& post);
int add_argument(const PostOps& post);

/// A convolution, or the product of a row matrix with a weight.
struct Problem {
  bool convolution = false;
  memory::desc x, weights, bias, y;  ///< no bias: a desc of zero dimensions; weights of format `any` leave it to oneDNN
  memory::dims strides, low, high;   ///< of convolutions: steps, padding before and after
  PostOps post;
};

/// How oneDNN would compute a problem, and with which layout of weights. Scratch memory is the caller's.
class Description {
 public:
  /// Throws dnnl::error where oneDNN has no implementation.
  explicit Description(const Problem& problem);

  dnnl::primitive primitive() const;
  memory::desc weights() const;
  memory::desc scratchpad() const;
  std::string implementation() const;  ///< "brgconv:avx512_core"

 private:
  std::optional<dnnl::convolution_forward::primitive_desc> convolution_;
  std::optional<dnnl::matmul::primitive_desc> product_;
};

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

/// Two descriptions of equal text lay the same values out in the same bytes. Empty for layouts that only oneDNN can
/// describe.
std::string layout_text(const memory::desc& desc);

/// Where weights lie that files hold as outputs by inputs, with the taps of a convolution innermost. With blocks, an
/// index is a number of mixed digits, each of which has its own stride; so the place of an element is a sum over its
/// indices. For layouts that `layout_text` describes.
PackedLayout packed_layout(const memory::desc& weights, bool convolution);

}  // namespace sumi::onednn
