#include "backend/ref/conv2d_repeated.h"

#include "core/threads.h"

namespace sumi {
namespace {

using Case = Conv2dOp::Case;
using Args = Conv2dOp::Args;

/// The pixels of an upsampled x in scratch memory, each two by two, and whatever convolves those.
class Repeated : public Implementation<Conv2dOp> {
 public:
  Repeated(Operations& operations, std::string_view last, Upsample upsample)
      : operations_(operations), last_(last), upsample_(std::move(upsample)) {}

  std::string_view name() const override { return "repeated"; }

  Decision plan(const Case& c) const override {
    if (!c.upsampled) return Declined{"upsamples x"};
    auto chosen = std::make_shared<Chosen<Conv2dOp>>(operations_.choose<Conv2dOp>(of_repeated(c)));
    if (chosen->implementation->name() == last_) return Declined{fmt::format("{} upsamples x itself", last_)};
    Plan plan = chosen->plan;
    plan.scratch_bytes += bytes_of_repeated(c);
    plan.state = std::move(chosen);
    return plan;
  }

  void pack(const Case& c, const Plan& plan, const Source& source, std::byte* to) const override {
    const auto& chosen = chosen_of(plan);
    chosen.implementation->pack(of_repeated(c), chosen.plan, source, to);
  }

  void run(const Case& c, const Plan& plan, const Args& args, std::byte* scratch) const override {
    const auto& chosen = chosen_of(plan);
    const Case inner = of_repeated(c);
    Args repeated = args;
    repeated.x = Tensor::wrap(scratch, {c.batch, inner.height, inner.width, c.in_channels}, c.x);
    upsample_({.batch = c.batch,
               .height = c.height,
               .width = c.width,
               .channels = c.in_channels,
               .out_height = inner.height,
               .out_width = inner.width,
               .x = c.x},
              {.x = args.x, .y = repeated.x});
    chosen.implementation->run(inner, chosen.plan, repeated, scratch + bytes_of_repeated(c));
  }

 private:
  static Case of_repeated(Case c) {
    c.height *= c.repeats();
    c.width *= c.repeats();
    c.upsampled = false;
    return c;
  }
  /// Whole cache lines.
  static std::size_t bytes_of_repeated(const Case& c) {
    const Case inner = of_repeated(c);
    const std::int64_t values = inner.batch * inner.height * inner.width * inner.in_channels;
    return static_cast<std::size_t>(divide_up(values * bytes_of(c.x), 64) * 64);
  }
  static const Chosen<Conv2dOp>& chosen_of(const Plan& plan) {
    return *static_cast<const Chosen<Conv2dOp>*>(plan.state.get());
  }

  Operations& operations_;
  std::string_view last_;
  Upsample upsample_;
};

}  // namespace

void add_repeated(Operations& operations, std::string_view last, Upsample upsample) {
  operations.add<Conv2dOp>(std::make_unique<Repeated>(operations, last, std::move(upsample)));
}

}  // namespace sumi
