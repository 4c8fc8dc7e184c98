#include "core/arena.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include "core/check.h"

namespace sumi {

struct Block::Ranges {
  std::shared_ptr<std::byte> memory;
  std::size_t capacity = std::numeric_limits<std::size_t>::max() / 2;
  std::map<std::size_t, std::size_t> holes;  // offset to size, all below top, never adjacent
  std::size_t top = 0, used = 0, peak = 0;

  std::size_t take(std::size_t size) {
    auto best = holes.end();
    for (auto hole = holes.begin(); hole != holes.end(); ++hole) {
      if (hole->second >= size && (best == holes.end() || hole->second < best->second)) best = hole;
    }
    std::size_t offset = top;
    if (best != holes.end()) {
      offset = best->first;
      const std::size_t rest = best->second - size;
      holes.erase(best);
      if (rest) holes.emplace(offset + size, rest);
    } else {
      check(size <= capacity - top, ErrorCode::out_of_memory,
            "arena: {} more bytes on top of {} in use exceed the planned {}", size, used, capacity);
      top += size;
    }
    used += size;
    peak = std::max(peak, top);
    return offset;
  }

  void give(std::size_t offset, std::size_t size) {
    used -= size;
    auto hole = holes.emplace(offset, size).first;
    if (const auto next = std::next(hole); next != holes.end() && offset + size == next->first) {
      hole->second += next->second;
      holes.erase(next);
    }
    if (hole != holes.begin()) {
      if (const auto before = std::prev(hole); before->first + before->second == offset) {
        before->second += hole->second;
        holes.erase(hole);
        hole = before;
      }
    }
    if (hole->first + hole->second == top) {
      top = hole->first;
      holes.erase(hole);
    }
  }
};

Block::~Block() {
  if (ranges_) ranges_->give(offset_, size_);
}

void Block::swap(Block& other) noexcept {
  std::swap(ranges_, other.ranges_);
  std::swap(data_, other.data_);
  std::swap(offset_, other.offset_);
  std::swap(size_, other.size_);
}

Arena Arena::dry() {
  Arena arena;
  arena.ranges_ = std::make_shared<Block::Ranges>();
  return arena;
}

Arena::Arena(std::shared_ptr<std::byte> memory, std::size_t capacity) : ranges_(std::make_shared<Block::Ranges>()) {
  ranges_->memory = std::move(memory);
  ranges_->capacity = capacity;
}

Block Arena::take(std::size_t bytes) {
  Block block;
  if (bytes == 0) return block;
  check(bytes <= std::numeric_limits<std::size_t>::max() - alignment, ErrorCode::out_of_memory,
        "arena: {} bytes are more than any memory holds", bytes);
  block.size_ = (bytes + alignment - 1) / alignment * alignment;
  block.offset_ = ranges_->take(block.size_);
  block.ranges_ = ranges_;
  if (ranges_->memory) block.data_ = ranges_->memory.get() + block.offset_;
  return block;
}

std::size_t Arena::used() const { return ranges_->used; }
std::size_t Arena::peak() const { return ranges_->peak; }

}  // namespace sumi
