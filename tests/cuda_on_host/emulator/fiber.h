#pragma once

#include <boost/context/fiber.hpp>
#include <functional>

namespace cuda_on_host {

/// A function with a stack of its own, which can stop in the middle and go on later.
class Fiber {
 public:
  /// `body` never returns.
  explicit Fiber(std::function<void(Fiber&)> body);
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  /// From outside: until the body suspends itself.
  void resume();
  /// From the body.
  void suspend();

 private:
  class Stack;

  std::function<void(Fiber&)> body_;
  // For the address sanitizer. `inside_` is made last: its stack is told here.
  const void* bottom_ = nullptr;
  const void* outside_bottom_ = nullptr;
  std::size_t bytes_ = 0, outside_bytes_ = 0;
  void* left_inside_ = nullptr;
  void* left_outside_ = nullptr;
  boost::context::fiber outside_, inside_;
};

}  // namespace cuda_on_host
