#pragma once

#include <array>
#include <cstring>
#include <type_traits>

// What the threads of a warp do together. Everything here is made of `warp_collective`: shuffles and votes below, and
// what else an instruction of a whole warp computes, products of matrices say.

namespace cuda_on_host {

constexpr int warp_lanes = 32;
constexpr unsigned all_lanes = 0xffffffffu;

/// The calling thread's place in its warp.
int lane();

/// Lanes of the calling thread's warp whose threads have not returned from the kernel.
unsigned live_lanes();

/// What each lane brought to a collective.
template <class T>
class Lanes {
 public:
  explicit Lanes(const std::array<const void*, warp_lanes>& values) : values_(values) {}

  /// Whether that lane took part.
  bool has(int lane) const { return values_[static_cast<std::size_t>(lane)] != nullptr; }
  /// What a lane that took no part would give is not defined: all bits set, which is NaN.
  T operator[](int lane) const {
    T value;
    if (has(lane)) {
      std::memcpy(&value, values_[static_cast<std::size_t>(lane)], sizeof(T));
    } else {
      std::memset(static_cast<void*>(&value), 0xff, sizeof(T));
    }
    return value;
  }

 private:
  const std::array<const void*, warp_lanes>& values_;
};

/// A lane that waits for the others of `mask`; `read` looks at all their values for this lane.
struct Collective {
  unsigned mask;
  const void* value;
  const void* reader;
  void (*read)(const void* reader, const std::array<const void*, warp_lanes>& values);
};
void run_collective(const Collective& collective);

/// Waits until all lanes of `mask` that still run have called it with the same mask, then returns read(lanes) of each.
/// As on the device, lanes that are not in the mask, or whose masks or operations differ, are a mistake: an error of
/// the kernel. `read` runs for one lane at a time and finds no threadIdx of use.
template <class T, class Read>
auto warp_collective(unsigned mask, const T& value, const Read& read) {
  static_assert(std::is_trivially_copyable_v<T>);
  using Result = std::invoke_result_t<const Read&, const Lanes<T>&>;
  struct Reader {
    const Read& read;
    Result& result;
  };
  Result result{};
  const Reader reader{read, result};
  run_collective({mask, &value, &reader, [](const void* context, const std::array<const void*, warp_lanes>& values) {
                    const Reader& self = *static_cast<const Reader*>(context);
                    self.result = self.read(Lanes<T>(values));
                  }});
  return result;
}

/// The values of all lanes of the warp.
template <class T>
std::array<T, warp_lanes> warp_exchange(const T& value, unsigned mask = all_lanes) {
  return warp_collective(mask, value, [](const Lanes<T>& lanes) {
    std::array<T, warp_lanes> all;
    for (int i = 0; i < warp_lanes; ++i) all[static_cast<std::size_t>(i)] = lanes[i];
    return all;
  });
}

/// Lanes of `mask` for which `predicate` holds.
inline unsigned vote(unsigned mask, bool predicate) {
  return warp_collective(mask, predicate, [](const Lanes<bool>& lanes) {
    unsigned bits = 0;
    for (int i = 0; i < warp_lanes; ++i) bits |= lanes.has(i) && lanes[i] ? 1u << i : 0u;
    return bits;
  });
}

/// What CUDA shuffles: 32 or 64 bits, and the narrow floats of cuda_fp16.h and cuda_bf16.h.
template <class T>
constexpr bool shuffled = std::is_arithmetic_v<T> && sizeof(T) >= 4;

template <class T>
T shuffle(unsigned mask, T value, int from) {
  return warp_collective(mask, value, [from](const Lanes<T>& lanes) { return lanes[from]; });
}

/// First lane of the calling thread's group of `width`.
inline int group_of(int width) { return lane() & ~(width - 1); }

/// Folds what lanes of `mask` have, in the order of the lanes.
template <class T, class Fold>
T reduce(unsigned mask, T value, const Fold& fold) {
  return warp_collective(mask, value, [&fold](const Lanes<T>& lanes) {
    bool first = true;
    T sum{};
    for (int i = 0; i < warp_lanes; ++i) {
      if (!lanes.has(i)) continue;
      sum = first ? lanes[i] : fold(sum, lanes[i]);
      first = false;
    }
    return sum;
  });
}

}  // namespace cuda_on_host

inline void __syncwarp(unsigned mask = cuda_on_host::all_lanes) { cuda_on_host::vote(mask, true); }
inline unsigned __activemask() { return cuda_on_host::live_lanes(); }

template <class T>
  requires cuda_on_host::shuffled<T>
T __shfl_sync(unsigned mask, T value, int from, int width = 32) {
  return cuda_on_host::shuffle(mask, value, cuda_on_host::group_of(width) + (from & (width - 1)));
}
template <class T>
  requires cuda_on_host::shuffled<T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32) {
  const int lane = cuda_on_host::lane(), from = lane - static_cast<int>(delta);
  return cuda_on_host::shuffle(mask, value, from < cuda_on_host::group_of(width) ? lane : from);
}
template <class T>
  requires cuda_on_host::shuffled<T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32) {
  const int lane = cuda_on_host::lane(), from = lane + static_cast<int>(delta);
  return cuda_on_host::shuffle(mask, value, from >= cuda_on_host::group_of(width) + width ? lane : from);
}
template <class T>
  requires cuda_on_host::shuffled<T>
T __shfl_xor_sync(unsigned mask, T value, int bits, int width = 32) {
  const int lane = cuda_on_host::lane(), from = lane ^ bits;
  return cuda_on_host::shuffle(mask, value, from >= cuda_on_host::group_of(width) + width ? lane : from);
}

inline unsigned __ballot_sync(unsigned mask, int predicate) { return cuda_on_host::vote(mask, predicate != 0); }
inline int __any_sync(unsigned mask, int predicate) { return cuda_on_host::vote(mask, predicate != 0) != 0; }
inline int __all_sync(unsigned mask, int predicate) { return cuda_on_host::vote(mask, predicate == 0) == 0; }

// Of compute capability 8.0.
template <class T>
  requires std::is_integral_v<T>
T __reduce_add_sync(unsigned mask, T value) {
  return cuda_on_host::reduce(mask, value, [](T a, T b) { return static_cast<T>(a + b); });
}
template <class T>
  requires std::is_integral_v<T>
T __reduce_max_sync(unsigned mask, T value) {
  return cuda_on_host::reduce(mask, value, [](T a, T b) { return a < b ? b : a; });
}
template <class T>
  requires std::is_integral_v<T>
T __reduce_min_sync(unsigned mask, T value) {
  return cuda_on_host::reduce(mask, value, [](T a, T b) { return b < a ? b : a; });
}
