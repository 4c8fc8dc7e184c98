#pragma once

#include <cstddef>
#include <map>
#include <memory>

namespace sumi {

class Arena;

/// A range of an arena, given back when destroyed.
class Block {
 public:
  Block() = default;
  Block(Block&& other) noexcept { swap(other); }
  Block& operator=(Block&& other) noexcept {
    Block(std::move(other)).swap(*this);
    return *this;
  }
  ~Block();

  std::byte* data() const { return data_; }  ///< null in a dry arena
  std::size_t size() const { return size_; }

 private:
  friend class Arena;
  struct Ranges;
  void swap(Block& other) noexcept;

  std::shared_ptr<Ranges> ranges_;
  std::byte* data_ = nullptr;
  std::size_t offset_ = 0, size_ = 0;
};

/// Memory for the tensors of a run. The order of `take` and release alone decides where a block lies: a dry run, which
/// has no memory behind it, gives the exact capacity that the same calls need later.
/// Not for use from several threads.
class Arena {
 public:
  static constexpr std::size_t alignment = 64;  ///< a cache line, and an AVX-512 register

  /// Books without memory and without a limit.
  static Arena dry();
  /// Hands out `memory`, of `capacity` bytes, aligned to `alignment`.
  Arena(std::shared_ptr<std::byte> memory, std::size_t capacity);

  /// Best fit below the highest block in use, else on top of it. Error(out_of_memory) where the capacity is exceeded.
  Block take(std::size_t bytes);
  std::size_t used() const;
  std::size_t peak() const;  ///< the capacity that all calls so far needed

 private:
  Arena() = default;
  std::shared_ptr<Block::Ranges> ranges_;
};

}  // namespace sumi
