#include "backend/ref/match_tokens.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "backend/cpu/kernels.h"
#include "backend/cpu/layer_onednn_state.h"
#include "core/threads.h"

namespace sumi {
namespace {

using onednn::aligned;
using onednn::bytes;
using onednn::memory;
using ref::TokenMatch;
using Case = MatchTokensOp::Case;
using Args = MatchTokensOp::Args;

/// Dot products of `part` sources at a time with all destinations. Scratch holds the part's sources, the destinations
/// at length 1, their products and what oneDNN wants.
struct Products {
  std::int64_t part;
  int threads;
  onednn::Problem problem;
  memory::desc scratchpad;
  dnnl::primitive primitive;

  std::size_t sources_bytes() const { return aligned(problem.x.get_size()); }
  std::size_t destinations_bytes() const { return aligned(problem.weights.get_size()); }
  std::size_t products_bytes() const { return aligned(problem.y.get_size()); }
};

/// The products of 256 sources with the 1024 destinations of a picture of 64 x 64 tokens fit a second-level cache.
constexpr std::int64_t kMostPart = 256;

std::shared_ptr<const Products> prepare(const Case& c) {
  const std::int64_t part = divide_up(c.sources(), divide_up(c.sources(), kMostPart));
  constexpr auto f32 = memory::data_type::f32;
  auto products = std::make_shared<Products>();
  products->part = part;
  products->threads = threads();
  products->problem = {.x = {{part, c.channels}, f32, memory::format_tag::ab},
                       .weights = {{c.channels, c.destinations}, f32, memory::format_tag::ba},
                       .y = {{part, c.destinations}, f32, memory::format_tag::ab}};
  const onednn::Description description(products->problem);
  products->scratchpad = description.scratchpad();
  products->primitive = description.primitive();
  return products;
}

/// A token in float32; the inverse of its length, 0 for zeros.
float widen(const Case& c, const Args& args, std::int64_t token, float* to) {
  const std::span<float> values(to, static_cast<std::size_t>(c.channels));
  to_float(c.x, args.x.raw() + static_cast<std::size_t>(token * c.channels) * bytes_of(c.x), values);
  double squares = 0;
  for (const float value : values) squares += static_cast<double>(value) * value;
  return squares > 0 ? static_cast<float>(1 / std::sqrt(squares)) : 0;
}

/// The first of the largest.
std::int64_t largest_at(const float* values, std::int64_t n) {
  constexpr std::int64_t lanes = 16;
  std::array<float, lanes> most;
  most.fill(-INFINITY);
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    for (std::int64_t lane = 0; lane < lanes; ++lane) {
      float& best = most[static_cast<std::size_t>(lane)];
      best = values[i + lane] > best ? values[i + lane] : best;
    }
  }
  float best = *std::max_element(most.begin(), most.end());
  for (; i < n; ++i) best = std::max(best, values[i]);
  // Nothing equals the largest where all are NaN.
  const float* found = std::find(values, values + n, best);
  return found == values + n ? 0 : found - values;
}

class MatchTokens final : public Implementation<MatchTokensOp> {
 public:
  std::string_view name() const override { return "onednn"; }

  Decision plan(const Case& c) const override {
    if (c.x != DType::f32 && c.x != DType::bf16) {
      return Declined{fmt::format("reads f32 and bf16, not {}", name_of(c.x))};
    }
    if (c.sources() < 1 || c.batch < 1 || c.channels < 1) return Declined{"nothing to match"};
    try {
      auto products = prepare(c);
      return Plan{.scratch_bytes = products->sources_bytes() + products->destinations_bytes() +
                                   products->products_bytes() + products->scratchpad.get_size(),
                  .state = std::move(products)};
    } catch (const dnnl::error& error) {
      return Declined{fmt::format("oneDNN: {}", error.what())};
    }
  }

  void run(const Case& c, const Plan& plan, const Args& args, std::byte* scratch) const override {
    const auto& products = *static_cast<const Products*>(plan.state.get());
    const onednn::SameThreads same(products.threads);
    const auto sources = ref::source_tokens(c, args);
    std::vector<TokenMatch> matches(sources.size());
    for (std::int64_t n = 0; n < c.batch; ++n) {
      load_destinations(c, products, args, n, scratch);
      // The last part overlaps the one before where they do not divide the sources; it finds the same again.
      for (std::int64_t done = 0; done < c.sources(); done += products.part) {
        match(c, products, args, n, sources, std::min(done, c.sources() - products.part), scratch, matches);
      }
      ref::place_tokens(c, args, matches, args.y.data<std::int32_t>() + n * c.tokens);
    }
  }

 private:
  static void load_destinations(const Case& c, const Products& products, const Args& args, std::int64_t n,
                                std::byte* scratch) {
    auto* to = reinterpret_cast<float*>(scratch + products.sources_bytes());
    const auto* tokens = args.destinations.data<std::int32_t>();
    parallel_for(c.destinations, 16, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t d = begin; d < end; ++d) {
        float* row = to + d * c.channels;
        const float inverse = widen(c, args, n * c.tokens + tokens[d], row);
        for (std::int64_t i = 0; i < c.channels; ++i) row[i] *= inverse;
      }
    });
  }

  /// Of the sources from `first` on. A source's length changes its products all alike: what they are largest for stays.
  static void match(const Case& c, const Products& products, const Args& args, std::int64_t n,
                    const std::vector<std::int32_t>& sources, std::int64_t first, std::byte* scratch,
                    std::vector<TokenMatch>& matches) {
    auto* rows = reinterpret_cast<float*>(scratch);
    std::byte* destinations = scratch + products.sources_bytes();
    std::byte* results = destinations + products.destinations_bytes();
    parallel_for(products.part, 16, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const auto source = static_cast<std::size_t>(first + i);
        matches[source].cosine = widen(c, args, n * c.tokens + sources[source], rows + i * c.channels);
      }
    });
    multiply(products, scratch, destinations, results);
    const auto* dots = reinterpret_cast<const float*>(results);
    parallel_for(products.part, 16, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const float* row = dots + i * c.destinations;
        const std::int64_t at = largest_at(row, c.destinations);
        TokenMatch& match = matches[static_cast<std::size_t>(first + i)];
        match = {match.cosine * static_cast<double>(row[at]), static_cast<std::int32_t>(at)};
      }
    });
  }

  static void multiply(const Products& products, std::byte* sources, std::byte* destinations, std::byte* results) {
    const auto lend = [](const memory::desc& desc, std::byte* data) { return memory(desc, onednn::engine(), data); };
    try {
      products.primitive.execute(
          onednn::stream(), {{DNNL_ARG_SRC, lend(products.problem.x, sources)},
                             {DNNL_ARG_WEIGHTS, lend(products.problem.weights, destinations)},
                             {DNNL_ARG_DST, lend(products.problem.y, results)},
                             {DNNL_ARG_SCRATCHPAD, lend(products.scratchpad, results + products.products_bytes())}});
      onednn::stream().wait();
    } catch (const dnnl::error& error) {
      fail(ErrorCode::internal, "match_tokens: oneDNN: {}", error.what());
    }
  }
};

}  // namespace

void add_token_merging(Operations& operations) { operations.add<MatchTokensOp>(std::make_unique<MatchTokens>()); }

}  // namespace sumi
