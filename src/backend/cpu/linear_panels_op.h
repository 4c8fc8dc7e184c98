#pragma once

#include "backend/cpu/linear_panels.h"
#include "ops/operations.h"

namespace sumi {

/// How a case is cut into tasks: a block of rows with a group of panels, for which a thread lays the rows out itself
/// unless it has them from its last task. The last blocks, one for each thread, are cut finer: where another program
/// slows one thread, the others take what it does not come to.
struct PanelCut {
  std::int64_t block, blocks;  ///< rows of one, blocks
  std::int64_t last;           ///< blocks that are cut finer
  std::int64_t panels, group;  ///< of all, of a task
  std::int64_t last_group;     ///< of a task of the last blocks
  std::size_t panel_bytes;     ///< of packed weights
  std::size_t thread_bytes;    ///< of rows laid out
  int threads;                 ///< that scratch memory was booked for
};

/// A linear by one PanelKernel. What the arithmetics do not share is which cases they take and how a panel is packed.
class PanelLinear : public Implementation<LinearOp> {
 public:
  PanelLinear(std::string_view name) : name_(name) {}

  std::string_view name() const override { return name_; }
  Decision plan(const LinearOp::Case& c) const override;
  void run(const LinearOp::Case& c, const Plan& plan, const LinearOp::Args& args, std::byte* scratch) const override;

 protected:
  using Case = LinearOp::Case;

  /// Why the case is none for this arithmetic; empty if it is one.
  virtual std::string unsuited(const Case& c) const = 0;
  virtual const PanelKernel& kernel(const Case& c) const = 0;
  /// Before a panel's words.
  virtual std::size_t head_bytes() const { return 0; }
  virtual std::string layout(const Case& c) const = 0;
  virtual DType packed_type(const Case&) const { return DType::f32; }

  static const PanelCut& cut_of(const Plan& plan) { return *static_cast<const PanelCut*>(plan.state.get()); }
  /// Columns of y that a panel has.
  static std::int64_t width_of(const Case& c, const PanelKernel& kernel) {
    return c.gated ? kernel.panel_columns / 2 : kernel.panel_columns;
  }

 private:
  PanelCut cut(const Case& c) const;

  std::string_view name_;
};

}  // namespace sumi
