#include "backend/cuda/attention_flash.h"

#include <algorithm>
#include <array>
#include <limits>

#include "backend/cuda/attention_flash_run.h"

namespace sumi::cuda {
namespace {

using Case = AttentionOp::Case;
using Args = AttentionOp::Args;
using flash::Cut;

/// What a chunk of 16 bytes holds. Copies to shared memory and rows of y are made of them.
constexpr int chunk = 8;

int padded(std::int64_t head_dim) {
  constexpr std::array kernels{16, 32, 48, 64, 80, 96, 128, flash::widest_head};
  return *std::lower_bound(kernels.begin(), kernels.end(), head_dim);
}

/// Blocks with so many bytes that the shared memory of a multiprocessor is enough for.
std::size_t together(const Device& device, std::size_t bytes) {
  const cudaDeviceProp& properties = device.properties();
  if (bytes > properties.sharedMemPerBlockOptin) return 0;
  return properties.sharedMemPerMultiprocessor / (bytes + properties.reservedSharedMemPerBlock);
}

/// With two tiles of queries a warp loads every factor of keys and values for two products, so it needs about four
/// fifths of the time for as many queries; unless too few blocks are left, or they go to multiprocessors unevenly.
bool worth_two_tiles(const Case& c, const Device& device, int head_dim) {
  if (head_dim < 48 || head_dim > 128) return false;
  const auto blocks = [&](std::int64_t rows) { return (c.queries + rows - 1) / rows * c.heads * c.batch; };
  const auto of_busiest = [&](std::int64_t rows) {
    return (blocks(rows) + device.processors() - 1) / device.processors() * rows;
  };
  const int one = flash::queries_of_block({.head_dim = head_dim, .tiles = 1, .stages = 1});
  return blocks(2 * one) >= 2 * device.processors() && 4 * of_busiest(2 * one) <= 5 * of_busiest(one);
}

/// The first of these with which a multiprocessor keeps two blocks: one computes while the other waits.
Cut choose(const Case& c, const Device& device) {
  const int head_dim = padded(c.head_dim);
  const int stages = device.capability() >= 80 && c.keys > flash::keys_of_tile(head_dim) ? 2 : 1;
  for (const int tiles : {2, 1}) {
    const Cut cut{.head_dim = head_dim, .tiles = tiles, .stages = stages};
    if (tiles == 2 && !worth_two_tiles(c, device, head_dim)) continue;
    if (together(device, flash::shared_bytes(cut)) >= 2) return cut;
  }
  return {.head_dim = head_dim, .tiles = 1, .stages = 1};
}

bool in_chunks(std::int64_t elements) { return elements % chunk == 0; }
bool in_chunks(const Tensor& x) {
  return reinterpret_cast<std::uintptr_t>(x.raw()) % (chunk * bytes_of(x.dtype())) == 0;
}

/// Why neither kernel takes a case, if so.
std::string why_not(const Case& c, const Device& device) {
  if (c.x != DType::f16 && c.x != DType::bf16) return fmt::format("multiplies f16 and bf16, not {}", name_of(c.x));
  if (c.x == DType::bf16 && !device.multiplies_bf16()) return "needs compute capability 8.0 for bf16";
  if (!in_chunks(c.head_dim)) return fmt::format("head dim {} is not a multiple of 8", c.head_dim);
  if (!in_chunks(c.q_stride) || !in_chunks(c.k_stride) || !in_chunks(c.v_stride)) {
    return "rows are not aligned to 16 bytes";
  }
  if (c.keys < 1) return "nothing to attend to";
  // Kernels count in 32 bits within a head; heads and batch are the grid's second and third axis.
  constexpr std::int64_t most = std::numeric_limits<int>::max(), axis = 65535;
  const bool small = std::max(c.queries, c.keys) <= most / 2 && std::max(c.heads, c.batch) <= axis &&
                     std::max({c.q_stride, c.k_stride, c.v_stride}) <= most / 256;
  return small ? "" : "too large for 32 bits or the grid of a launch";
}

Declined needs_shared(std::size_t bytes) {
  return {fmt::format("needs {} KiB of shared memory", (bytes + 1023) >> 10)};
}

/// Columns that heads take up begin where a row does, or after whole heads, so addresses are as even as strides.
void check_addresses(const Case& c, const Args& args) {
  check(in_chunks(args.q) && in_chunks(args.k) && in_chunks(args.v) && in_chunks(args.y), ErrorCode::internal,
        "attention: {}: columns that are not aligned to 16 bytes", c.text());
}

class FlashAttention final : public Implementation<AttentionOp> {
 public:
  explicit FlashAttention(const Device& device) : device_(device) {}

  std::string_view name() const override { return "flash-mma"; }

  Decision plan(const Case& c) const override {
    if (const std::string reason = why_not(c, device_); !reason.empty()) return Declined{reason};
    if (c.head_dim > flash::widest_head) {
      return Declined{fmt::format("head dim {} exceeds {}", c.head_dim, flash::widest_head)};
    }
    const Cut cut = choose(c, device_);
    if (together(device_, flash::shared_bytes(cut)) == 0) return needs_shared(flash::shared_bytes(cut));
    return Plan{.state = std::make_shared<Cut>(cut)};
  }

  void run(const Case& c, const Plan& plan, const Args& args, std::byte*) const override {
    check_addresses(c, args);
    device_.use();
    run_flash(device_, *static_cast<const Cut*>(plan.state.get()), c, args);
  }

 private:
  const Device& device_;
};

class WideFlashAttention final : public Implementation<AttentionOp> {
 public:
  explicit WideFlashAttention(const Device& device) : device_(device) {}

  std::string_view name() const override { return "flash-mma-wide"; }

  Decision plan(const Case& c) const override {
    if (const std::string reason = why_not(c, device_); !reason.empty()) return Declined{reason};
    if (c.head_dim <= flash::widest_head || c.head_dim > flash::wide::head_dim) {
      return Declined{fmt::format("head dim {} is not above {} and at most {}", c.head_dim, flash::widest_head,
                                  flash::wide::head_dim)};
    }
    for (const int keys : {64, 32}) {
      if (together(device_, flash::wide::shared_bytes(keys)) > 0) return Plan{.state = std::make_shared<int>(keys)};
    }
    return needs_shared(flash::wide::shared_bytes(32));
  }

  void run(const Case& c, const Plan& plan, const Args& args, std::byte*) const override {
    check_addresses(c, args);
    device_.use();
    run_flash_wide(device_, *static_cast<const int*>(plan.state.get()), c, args);
  }

 private:
  const Device& device_;
};

}  // namespace

void add_flash_attention(Operations& operations, const Device& device) {
  operations.add<AttentionOp>(std::make_unique<FlashAttention>(device));
  operations.add<AttentionOp>(std::make_unique<WideFlashAttention>(device));
}

}  // namespace sumi::cuda
