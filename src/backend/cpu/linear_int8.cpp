#include <cstring>
#include <vector>

#include "backend/cpu/kernels.h"
#include "backend/cpu/linear_panels_op.h"
#include "core/threads.h"
#include "ops/rounding.h"

namespace sumi {
namespace {

/// Products of 127 * 127 whose sum, and what it begins with, fit 32 bits.
constexpr std::int64_t most_inputs = 1 << 17;

class Int8Linear : public PanelLinear {
 public:
  Int8Linear(std::string_view name, const PanelKernel& kernel) : PanelLinear(name), kernel_(kernel) {}

  void pack(const Case& c, const Plan& plan, const Source& source, std::byte* to) const override {
    const PanelCut& cut = cut_of(plan);
    const std::int64_t width = width_of(c, kernel_);
    parallel_each(cut.panels, threads(), [&](std::int64_t number, int) {
      std::byte* panel = to + static_cast<std::size_t>(number) * cut.panel_bytes;
      std::memset(panel, 0, cut.panel_bytes);
      const std::int64_t first = number * width, count = std::min(width, c.out - first);
      std::vector<float> rows(static_cast<std::size_t>(count * c.in));
      for (std::int64_t half = 0; half < (c.gated ? 2 : 1); ++half) {
        source.read((half * c.out + first) * c.in, rows);
        pack_columns(c, half * width, count, rows, panel);
      }
    });
  }

 protected:
  std::string unsuited(const Case& c) const override {
    if (c.rounding != Rounding::int8) return "computes int8";
    return c.in > most_inputs ? fmt::format("sums of more than {} products need 64 bits", most_inputs) : "";
  }
  const PanelKernel& kernel(const Case&) const override { return kernel_; }
  std::size_t head_bytes() const override { return static_cast<std::size_t>(kernel_.panel_columns) * 8; }
  std::string layout(const Case& c) const override {
    return fmt::format("int8 panels of {} words of {}{}", kernel_.panel_columns, kernel_.per_word,
                       c.gated ? ", values and gates" : "");
  }

 private:
  /// Rows of the weight as the columns of a panel, from column `first` on.
  void pack_columns(const Case& c, std::int64_t first, std::int64_t count, std::vector<float>& rows,
                    std::byte* panel) const {
    const std::int64_t columns = kernel_.panel_columns, per_word = kernel_.per_word;
    auto* steps = reinterpret_cast<float*>(panel);
    auto* starts = reinterpret_cast<std::int32_t*>(steps + columns);
    auto* words = reinterpret_cast<std::int8_t*>(starts + columns);
    for (std::int64_t i = 0; i < count; ++i) {
      const std::span row(rows.data() + i * c.in, static_cast<std::size_t>(c.in));
      steps[first + i] = round_to(Rounding::int8, row);
      std::int64_t sum = 0;
      for (std::int64_t k = 0; k < c.in; ++k) {
        const auto value = static_cast<std::int8_t>(row[static_cast<std::size_t>(k)]);
        sum += value;
        words[(k / per_word * columns + first + i) * per_word + k % per_word] = value;
      }
      starts[first + i] = static_cast<std::int32_t>(-kernel_.start_of_one * sum);
    }
  }

  const PanelKernel& kernel_;
};

}  // namespace

void add_int8(Operations& operations, Isa isa) {
  const auto add = [&](std::string_view name, const PanelKernel& kernel) {
    operations.add<LinearOp>(std::make_unique<Int8Linear>(name, kernel));
  };
#if defined(__x86_64__)
  if (isa >= Isa::avx512vnni) add("int8-avx512vnni", avx512vnni::int8_panels);
  if (isa >= Isa::avx2) add("int8-avx2", avx2::int8_panels);
#elif defined(__aarch64__)
  if (isa >= Isa::neon) add("int8-neon", neon::int8_panels);
#endif
}

}  // namespace sumi
