#include "emulator/fiber.h"

#include <boost/context/protected_fixedsize_stack.hpp>
#include <memory>
#include <utility>

#include "emulator/sanitizer.h"

namespace cuda_on_host {
namespace {

/// Sanitizers make frames several times larger. Pages that are not touched cost nothing.
constexpr std::size_t stack_bytes = address_sanitizer ? 1 << 20 : 256 << 10;

}  // namespace

/// Remembers where it lies. Ends with a page that faults.
class Fiber::Stack {
 public:
  explicit Stack(Fiber& fiber) : fiber_(&fiber) {}

  boost::context::stack_context allocate() {
    const boost::context::stack_context stack = stacks_.allocate();
    fiber_->bottom_ = static_cast<const char*>(stack.sp) - stack.size;
    fiber_->bytes_ = stack.size;
    return stack;
  }
  void deallocate(boost::context::stack_context& stack) { stacks_.deallocate(stack); }

 private:
  Fiber* fiber_;
  boost::context::protected_fixedsize_stack stacks_{stack_bytes};
};

Fiber::Fiber(std::function<void(Fiber&)> body)
    : body_(std::move(body)), inside_(std::allocator_arg, Stack(*this), [this](boost::context::fiber&& outside) {
        enter_stack(nullptr, &outside_bottom_, &outside_bytes_);
        outside_ = std::move(outside);
        body_(*this);
        return std::move(outside_);
      }) {}

void Fiber::resume() {
  leave_stack(&left_outside_, bottom_, bytes_);
  inside_ = std::move(inside_).resume();
  enter_stack(left_outside_, nullptr, nullptr);
}

void Fiber::suspend() {
  leave_stack(&left_inside_, outside_bottom_, outside_bytes_);
  outside_ = std::move(outside_).resume();
  enter_stack(left_inside_, &outside_bottom_, &outside_bytes_);
}

}  // namespace cuda_on_host
