#pragma once

#include <cstddef>
#include <cstdint>

#include "backend/cpu/attention_flash.h"
#include "backend/cpu/attention_flash_words.h"
#include "backend/cpu/product_tile.h"
#include "backend/cpu/simd_math.h"

// Flash attention (Dao et al., 2022) over the vector layer V of one instruction set.
//
// Queries lie along the lanes. A panel of two vectors of queries is transposed once, and both products become
//   scores[key][query]   = sum over depth of K[key][depth] * Q[depth][query]
//   sums[channel][query] = sum over keys of V[key][channel] * P[key][query]
// in which keys and values are broadcast, maxima and sums over keys need no shuffles, and no head dim wastes lanes:
// 40 channels are 2.5 vectors, but three register tiles of 13 or 14 rows.
//
// Register tile: product_tile.h. Keys and values are packed tile by tile, so that a step broadcasts from one cache
// line: read from rows of 40 floats, scores reached 81 % of the multipliers' peak, packed 92 %; rows of 512 share two
// sets of L1, and the weighted sums rose from 69 % to 94 %.
//
// L1: the scores of a key block and a panel, 126 x 32 floats = 16 KiB, are written, exponentiated and read while there.
// L2: the packed keys and values of the block stay for all panels of a task, which divides the traffic from L3 or
// memory by the number of panels; the panels' own state (Q, sums) takes as much again.
//
// The order of every sum depends on the head dim and the keys alone: results are the same for any number of threads
// and panels.

namespace sumi {
// Internal linkage: every file has its own copy, compiled with that file's instruction set.
namespace {

constexpr std::ptrdiff_t round_up(std::ptrdiff_t n, std::ptrdiff_t to) { return (n + to - 1) / to * to; }

template <class V, class Words>
class Flash {
 public:
  static constexpr std::ptrdiff_t panel = 2 * V::lanes;

  /// At least eight: what leaves L2 then costs less than packing more often (512 channels: 60 % of peak with two).
  static std::ptrdiff_t most_panels(std::ptrdiff_t head_dim) {
    const std::ptrdiff_t state = (depth_words(head_dim) + head_dim) * panel * word_bytes;
    const std::ptrdiff_t fitting = l2_share / state;
    return fitting < 8 ? 8 : least(fitting, 16);
  }
  static std::size_t scratch_bytes(std::ptrdiff_t head_dim, std::ptrdiff_t panels) {
    return static_cast<std::size_t>(Scratch(nullptr, head_dim, panels).end);
  }
  static void run(const FlashTask& task, std::byte* memory) {
    const std::ptrdiff_t panels = (task.queries + panel - 1) / panel;
    const Scratch scratch(memory, task.head_dim, panels);
    for (std::ptrdiff_t p = 0; p < panels; ++p) start_panel(task, scratch, p);
    const std::ptrdiff_t keys = task.causal ? least(task.keys, task.first_query + task.queries) : task.keys;
    const std::ptrdiff_t block = key_block(task.head_dim);
    for (std::ptrdiff_t first = 0; first < keys; first += block) {
      const std::ptrdiff_t count = least(block, keys - first);
      pack_keys(task, scratch, first, count);
      pack_values(task, scratch, first, count);
      for (std::ptrdiff_t p = 0; p < panels; ++p) {
        if (task.causal && first >= task.first_query + (p + 1) * panel) continue;
        attend(task, scratch, p, first, count);
      }
    }
    for (std::ptrdiff_t p = 0; p < panels; ++p) write_panel(task, scratch, p);
  }

 private:
  using Reg = typename V::Reg;
  using Stored = typename Words::Stored;
  static constexpr int lanes = V::lanes;
  using Tiles = RowTiles<V>;
  static constexpr int tile_rows = sumi::tile_rows<V>;
  static constexpr auto nothing = [](std::ptrdiff_t) {};
  static constexpr std::ptrdiff_t word_bytes = 4;
  /// Of the 1 MiB or more that processors with AVX-512 have: keys and values may take one share, panels another.
  static constexpr std::ptrdiff_t l2_share = std::ptrdiff_t{256} << 10;
  /// Less than any score, but so that differences of it stay finite.
  static constexpr float lowest = -1e30f;

  static constexpr std::ptrdiff_t depth_words(std::ptrdiff_t head_dim) {
    return (head_dim + Words::per_word - 1) / Words::per_word;
  }
  /// 126 keys are whole tiles of 6 and of 14 rows; fewer where the rows of the head would leave L2, but two tiles.
  static constexpr std::ptrdiff_t key_block(std::ptrdiff_t head_dim) {
    const std::ptrdiff_t fitting = l2_share / (2 * depth_words(head_dim) * word_bytes) / (2 * tile_rows);
    return fitting < 1 ? 2 * tile_rows : least(fitting * 2 * tile_rows, 126);
  }

  /// What a thread keeps in its share of the scratch memory. Words are stored as floats, whatever they hold.
  struct Scratch {
    Scratch(std::byte* memory, std::ptrdiff_t head_dim, std::ptrdiff_t panels) : base(memory) {
      const std::ptrdiff_t block = key_block(head_dim), words = depth_words(head_dim);
      keys = take(Tiles(block).count * words * lanes);
      values = take(block / Words::per_word * Tiles(head_dim).count * lanes);
      scores = take(block * panel);
      queries_size = words * panel;
      sums_size = head_dim * panel;
      queries = take(panels * queries_size);
      sums = take(panels * sums_size);
      maxima = take(panels * panel);
      totals = take(panels * panel);
    }
    float* take(std::ptrdiff_t floats) {
      const std::ptrdiff_t begin = end;
      end += round_up(floats * word_bytes, 64);
      return base ? reinterpret_cast<float*>(base + begin) : nullptr;
    }

    std::byte* base;
    std::ptrdiff_t end = 0;
    float* keys;             ///< [tile of keys][depth word][key]: a vector has room for a tile
    float* values;           ///< [tile of channels][key word][channel]
    float* scores;           ///< [key][query], then the exponentials [key word][query]
    float *queries, *sums;   ///< of each panel: [depth word][query] and [channel][query]
    float *maxima, *totals;  ///< of each panel: the softmax state of every query
    std::ptrdiff_t queries_size, sums_size;
  };

  /// Transposes the queries of a panel, repeating the last where there are no more, and clears its state.
  static void start_panel(const FlashTask& task, const Scratch& scratch, std::ptrdiff_t p) {
    const std::ptrdiff_t count = least(panel, task.queries - p * panel);
    const Stored* q = static_cast<const Stored*>(task.q) + p * panel * task.q_stride;
    for (std::ptrdiff_t half = 0; half < panel; half += lanes) {
      const std::ptrdiff_t first = least(half, count - 1);
      transpose(q + first * task.q_stride, task.q_stride, count - first, task.head_dim,
                scratch.queries + p * scratch.queries_size + half, panel);
    }
    float* sums = scratch.sums + p * scratch.sums_size;
    for (std::ptrdiff_t i = 0; i < scratch.sums_size; i += lanes) V::store(sums + i, V::zero());
    for (std::ptrdiff_t i = 0; i < panel; i += lanes) {
      V::store(scratch.maxima + p * panel + i, V::set(lowest));
      V::store(scratch.totals + p * panel + i, V::zero());
    }
  }

  /// to[word * next + row] = word of the row, for a vector of rows. There are `count`, at least one; the last is
  /// repeated.
  static void transpose(const Stored* from, std::ptrdiff_t stride, std::ptrdiff_t count, std::ptrdiff_t head_dim,
                        float* to, std::ptrdiff_t next) {
    const Stored* at[lanes];
    for (int i = 0; i < lanes; ++i) at[i] = from + least(i, count - 1) * stride;
    const std::ptrdiff_t words = depth_words(head_dim);
    for (std::ptrdiff_t word = 0; word < words; word += lanes) {
      const std::ptrdiff_t element = word * Words::per_word, left = head_dim - element;
      Reg rows[lanes];
      if (left >= lanes * Words::per_word) {
#pragma GCC unroll 16
        for (int i = 0; i < lanes; ++i) rows[i] = Words::load(at[i] + element);
      } else {
#pragma GCC unroll 16
        for (int i = 0; i < lanes; ++i) rows[i] = Words::load_first(at[i] + element, left);
      }
      V::transpose(rows);
      const std::ptrdiff_t columns = least(lanes, words - word);
      for (std::ptrdiff_t i = 0; i < columns; ++i) V::store(to + (word + i) * next, rows[i]);
    }
  }

  static void pack_keys(const FlashTask& task, const Scratch& scratch, std::ptrdiff_t first, std::ptrdiff_t count) {
    const std::ptrdiff_t words = depth_words(task.head_dim);
    const Tiles tiles(count);
    for (std::ptrdiff_t tile = 0; tile < tiles.count; ++tile) {
      const Stored* k = static_cast<const Stored*>(task.k) + (first + tiles.begin(tile)) * task.k_stride;
      transpose(k, task.k_stride, tiles.size(tile), task.head_dim, scratch.keys + tile * words * lanes, lanes);
    }
  }

  static void pack_values(const FlashTask& task, const Scratch& scratch, std::ptrdiff_t first, std::ptrdiff_t count) {
    const std::ptrdiff_t stride = task.v_stride;
    const Tiles tiles(task.head_dim);
    float* to = scratch.values;
    for (std::ptrdiff_t tile = 0; tile < tiles.count; ++tile) {
      const std::ptrdiff_t channels = tiles.size(tile);
      const Stored* v = static_cast<const Stored*>(task.v) + first * stride + tiles.begin(tile);
      for (std::ptrdiff_t key = 0; key < count; key += Words::per_word, to += lanes) {
        Reg word = V::load_first(v + key * stride, channels);
        if constexpr (Words::per_word == 2) {
          word = V::pair(word, key + 1 < count ? V::load_first(v + (key + 1) * stride, channels) : V::zero());
        }
        V::store(to, word);
      }
    }
  }

  /// One panel over one block of keys.
  static void attend(const FlashTask& task, const Scratch& scratch, std::ptrdiff_t p, std::ptrdiff_t first,
                     std::ptrdiff_t count) {
    constexpr float log2_e = 1.44269504f;
    const std::ptrdiff_t words = depth_words(task.head_dim);
    score(scratch.keys, count, words, scratch.queries + p * scratch.queries_size, scratch.scores);
    const std::ptrdiff_t first_query = task.first_query + p * panel;
    if (task.causal && first + count > first_query + 1) mask(scratch.scores, count, first - first_query);
    Reg correction[2];
    soften(scratch.scores, count, task.scale * log2_e, scratch.maxima + p * panel, scratch.totals + p * panel,
           correction);
    const std::ptrdiff_t key_words = (count + Words::per_word - 1) / Words::per_word;
    accumulate(scratch.values, task.head_dim, key_words, scratch.scores, correction,
               scratch.sums + p * scratch.sums_size);
  }

  /// scores[key][query], not scaled.
  static void score(const float* keys, std::ptrdiff_t count, std::ptrdiff_t words, const float* queries,
                    float* scores) {
    const Tiles tiles(count);
    for (std::ptrdiff_t tile = 0; tile < tiles.count; ++tile) {
      score_tile<tile_rows>(tiles.size(tile), keys + tile * words * lanes, words, queries,
                            scores + tiles.begin(tile) * panel);
    }
  }

  template <int rows>
  static void score_tile(std::ptrdiff_t count, const float* keys, std::ptrdiff_t words, const float* queries,
                         float* scores) {
    if constexpr (rows > 1) {
      if (count < rows) return score_tile<rows - 1>(count, keys, words, queries, scores);
    }
    Reg sums[rows][2];
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i) sums[i][0] = sums[i][1] = V::zero();
    multiply_tile<V, Words, 1, lanes>(keys, queries, words, sums, nothing);
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i) {
      V::store(scores + i * panel, sums[i][0]);
      V::store(scores + i * panel + lanes, sums[i][1]);
    }
  }

  /// Hides keys after the query: key i of the block is `offset` + i places after the panel's first query.
  static void mask(float* scores, std::ptrdiff_t count, std::ptrdiff_t offset) {
    for (std::ptrdiff_t key = 0; key < count; ++key) {
      for (std::ptrdiff_t half = 0; half < panel; half += lanes) {
        float* at = scores + key * panel + half;
        const Reg places = V::add(V::lane_numbers(), V::set(static_cast<float>(half - offset - key)));
        V::store(at, V::where_negative(places, V::set(lowest), V::load(at)));
      }
    }
  }

  /// Replaces scores by exponentials of what they are less than the largest so far, which go into the totals; `scale`
  /// is positive and brings them to units of log 2. `correction` is the factor that brings earlier sums to the new
  /// maximum.
  static void soften(float* scores, std::ptrdiff_t count, float scale, float* maxima, float* totals,
                     Reg (&correction)[2]) {
    const Reg factor = V::set(scale);
    if (count % Words::per_word) {
      for (int half = 0; half < 2; ++half) V::store(scores + count * panel + half * lanes, V::set(lowest));
    }
    Reg most[2];
    largest(scores, count, most);
    Reg total[2], offset[2];
    for (int half = 0; half < 2; ++half) {
      const Reg before = V::load(maxima + half * lanes);
      most[half] = V::max(before, V::mul(most[half], factor));
      offset[half] = V::sub(V::zero(), most[half]);
      V::store(maxima + half * lanes, most[half]);
      correction[half] = exp2<V, 5>(V::sub(before, most[half]));
      total[half] = V::mul(V::load(totals + half * lanes), correction[half]);
    }
    const auto power_of = [&](const float* at, int half) {
      return exp2<V, Words::exp2_degree>(V::fma(V::load(at), factor, offset[half]));
    };
    for (std::ptrdiff_t key = 0; key < count; key += Words::per_word) {
      for (int half = 0; half < 2; ++half) {
        const float* at = scores + key * panel + half * lanes;
        float* to = scores + key / Words::per_word * panel + half * lanes;
        const Reg power = power_of(at, half);
        total[half] = V::add(total[half], power);
        if constexpr (Words::per_word == 1) {
          V::store(to, power);
        } else {
          const Reg next = power_of(at + panel, half);
          total[half] = V::add(total[half], next);
          V::store(to, V::pair(power, next));
        }
      }
    }
    for (int half = 0; half < 2; ++half) V::store(totals + half * lanes, total[half]);
  }

  /// The largest score of each query; four chains hide the latency of the maximum.
  static void largest(const float* scores, std::ptrdiff_t count, Reg (&most)[2]) {
    constexpr int chains = 4;
    Reg found[chains][2];
    for (auto& each : found) each[0] = each[1] = V::set(lowest);
    std::ptrdiff_t key = 0;
    for (; key + chains <= count; key += chains) {
#pragma GCC unroll 4
      for (int i = 0; i < chains; ++i) {
        found[i][0] = V::max(found[i][0], V::load(scores + (key + i) * panel));
        found[i][1] = V::max(found[i][1], V::load(scores + (key + i) * panel + lanes));
      }
    }
    for (; key < count; ++key) {
      found[0][0] = V::max(found[0][0], V::load(scores + key * panel));
      found[0][1] = V::max(found[0][1], V::load(scores + key * panel + lanes));
    }
    for (int half = 0; half < 2; ++half) {
      most[half] = V::max(V::max(found[0][half], found[1][half]), V::max(found[2][half], found[3][half]));
    }
  }

  /// sums[channel][query] = correction * sums + the values weighted by the exponentials.
  static void accumulate(const float* values, std::ptrdiff_t head_dim, std::ptrdiff_t key_words, const float* powers,
                         const Reg (&correction)[2], float* sums) {
    const Tiles tiles(head_dim);
    for (std::ptrdiff_t tile = 0; tile < tiles.count; ++tile) {
      accumulate_tile<tile_rows>(tiles.size(tile), values + tile * key_words * lanes, key_words, powers, correction,
                                 sums + tiles.begin(tile) * panel);
    }
  }

  template <int rows>
  static void accumulate_tile(std::ptrdiff_t count, const float* values, std::ptrdiff_t key_words, const float* powers,
                              const Reg (&correction)[2], float* to) {
    if constexpr (rows > 1) {
      if (count < rows) return accumulate_tile<rows - 1>(count, values, key_words, powers, correction, to);
    }
    Reg sums[rows][2];
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i) {
      sums[i][0] = V::mul(V::load(to + i * panel), correction[0]);
      sums[i][1] = V::mul(V::load(to + i * panel + lanes), correction[1]);
    }
    multiply_tile<V, Words, 1, lanes>(values, powers, key_words, sums, nothing);
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i) {
      V::store(to + i * panel, sums[i][0]);
      V::store(to + i * panel + lanes, sums[i][1]);
    }
  }

  /// Divides by the totals, transposes back and stores.
  static void write_panel(const FlashTask& task, const Scratch& scratch, std::ptrdiff_t p) {
    const std::ptrdiff_t count = least(panel, task.queries - p * panel);
    const float* sums = scratch.sums + p * scratch.sums_size;
    Stored* y = static_cast<Stored*>(task.y) + p * panel * task.y_stride;
    for (std::ptrdiff_t half = 0; half < count; half += lanes) {
      const Reg share = V::reciprocal(V::load(scratch.totals + p * panel + half));
      const std::ptrdiff_t queries = least(lanes, count - half);
      for (std::ptrdiff_t channel = 0; channel < task.head_dim; channel += lanes) {
        const std::ptrdiff_t left = task.head_dim - channel;
        Reg rows[lanes];
#pragma GCC unroll 16
        for (int i = 0; i < lanes; ++i) {
          rows[i] = V::mul(V::load(sums + (channel + least(i, left - 1)) * panel + half), share);
        }
        V::transpose(rows);
        for (std::ptrdiff_t i = 0; i < queries; ++i) store<V>(y + (half + i) * task.y_stride + channel, rows[i], left);
      }
    }
  }
};

template <class V, class Words>
constexpr FlashKernel flash_kernel() {
  using Kernel = Flash<V, Words>;
  return {Kernel::panel, Kernel::most_panels, Kernel::scratch_bytes, Kernel::run};
}

}  // namespace
}  // namespace sumi
