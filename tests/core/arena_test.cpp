#include "core/arena.h"

#include <cstring>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "support/scratch.h"

namespace sumi::test {
namespace {

std::shared_ptr<std::byte> aligned(std::size_t bytes) {
  constexpr std::align_val_t alignment{Arena::alignment};
  return {static_cast<std::byte*>(::operator new(bytes, alignment)),
          [](std::byte* data) { ::operator delete(data, alignment); }};
}

/// The same takes and releases for the same seed, whatever the arena. `visit` sees the held blocks after each.
template <class Visit>
void exercise(Arena& arena, unsigned seed, Visit visit) {
  std::mt19937 random(seed);
  std::vector<Block> held;
  for (int step = 0; step < 400; ++step) {
    if (held.empty() || random() % 5 < 3) {
      const std::size_t bytes = random() % 4 ? random() % 5000 : random() % 100000;
      held.push_back(arena.take(bytes));
    } else {
      const auto at = static_cast<std::ptrdiff_t>(random() % held.size());
      held.erase(held.begin() + at);
    }
    visit(held);
  }
}

TEST(Arena, DryPeakIsTheCapacityThatTheSameCallsNeed) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    Arena dry = Arena::dry();
    exercise(dry, seed, [](const auto&) {});
    ASSERT_GT(dry.peak(), 0u);
    EXPECT_EQ(dry.used(), 0u);

    Arena exact(aligned(dry.peak()), dry.peak());
    exercise(exact, seed, [](const auto&) {});
    EXPECT_EQ(exact.peak(), dry.peak());

    const std::size_t less = dry.peak() - Arena::alignment;
    Arena tight(aligned(dry.peak()), less);
    EXPECT_EQ(error_of([&] { exercise(tight, seed, [](const auto&) {}); }).code(), ErrorCode::out_of_memory);
    EXPECT_EQ(tight.used(), 0u);
    exercise(dry, seed, [](const auto&) {});
    EXPECT_LE(exact.peak(), dry.peak());
  }
}

TEST(Arena, BlocksNeverOverlap) {
  constexpr std::size_t capacity = 32 << 20;
  const auto memory = aligned(capacity);
  for (unsigned seed = 100; seed < 120; ++seed) {
    Arena arena(memory, capacity);
    exercise(arena, seed, [&](const std::vector<Block>& held) {
      std::vector<std::pair<const std::byte*, const std::byte*>> ranges;
      std::size_t used = 0;
      for (const Block& block : held) {
        if (block.size() == 0) continue;
        ASSERT_EQ(reinterpret_cast<std::uintptr_t>(block.data()) % Arena::alignment, 0u);
        ASSERT_GE(block.data(), memory.get());
        ASSERT_LE(block.data() + block.size(), memory.get() + arena.peak());
        ranges.emplace_back(block.data(), block.data() + block.size());
        used += block.size();
      }
      std::sort(ranges.begin(), ranges.end());
      for (std::size_t i = 1; i < ranges.size(); ++i) ASSERT_LE(ranges[i - 1].second, ranges[i].first);
      ASSERT_EQ(arena.used(), used);
    });
  }
}

TEST(Arena, FillsTheSmallestHoleThatFits) {
  Arena arena(aligned(4096), 4096);
  Block a = arena.take(640), wall_a = arena.take(64), b = arena.take(256), wall_b = arena.take(64);
  std::byte* const hole = b.data();
  a = {};
  b = {};
  EXPECT_EQ(arena.take(200).data(), hole);
  EXPECT_EQ(arena.peak(), 1024u);
}

TEST(Arena, JoinsNeighbouringHoles) {
  Arena arena(aligned(4096), 4096);
  Block a = arena.take(64), b = arena.take(64), c = arena.take(64), wall = arena.take(64);
  std::byte* const first = a.data();
  a = {};
  c = {};
  b = {};
  EXPECT_EQ(arena.take(192).data(), first);
  EXPECT_EQ(arena.peak(), 256u);
}

TEST(Arena, SaysWhatExceedsThePlan) {
  Arena arena(aligned(256), 256);
  const Block held = arena.take(100);
  expect_error(ErrorCode::out_of_memory, "arena: 192 more bytes on top of 128 in use exceed the planned 256",
               [&] { arena.take(129); });
  EXPECT_EQ(arena.take(128).size(), 128u);
}

TEST(Arena, RefusesSizesThatWrapAround) {
  Arena dry = Arena::dry();
  const Block held = dry.take(1000);
  EXPECT_EQ(error_of([&] { dry.take(SIZE_MAX / 4 * 3); }).code(), ErrorCode::out_of_memory);
  EXPECT_EQ(error_of([&] { dry.take(SIZE_MAX); }).code(), ErrorCode::out_of_memory);
  EXPECT_EQ(dry.used(), 1024u);
}

TEST(Arena, ABlockOutlivesItsArenaAndMoves) {
  Block block;
  std::weak_ptr<std::byte> watch;
  {
    auto memory = aligned(256);
    watch = memory;
    Arena arena(std::move(memory), 256);
    Block first = arena.take(64);
    block = std::move(first);
    EXPECT_EQ(first.data(), nullptr);
    EXPECT_EQ(arena.used(), 64u);
  }
  ASSERT_FALSE(watch.expired());
  std::memset(block.data(), 1, block.size());
  block = {};
  EXPECT_TRUE(watch.expired());
}

TEST(Arena, NothingTakesNothing) {
  Arena arena(nullptr, 0);
  EXPECT_EQ(arena.take(0).data(), nullptr);
  EXPECT_EQ(arena.peak(), 0u);
}

}  // namespace
}  // namespace sumi::test
