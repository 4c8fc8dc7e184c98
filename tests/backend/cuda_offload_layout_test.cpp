// Which weights stay on the device, and where the others lie in the ring: sums, without a device.

#include <deque>
#include <numeric>

#include <gtest/gtest.h>

#include "backend/cuda/ring.h"
#include "backend/cuda/weight_layout.h"

namespace sumi::cuda {
namespace {

TEST(Ring, GivesWhatIsFreeAndNothingElse) {
  Ring ring(100);
  EXPECT_EQ(ring.take(101), std::nullopt);
  EXPECT_EQ(ring.take(40), 0u);
  EXPECT_EQ(ring.take(40), 40u);
  EXPECT_EQ(ring.take(30), std::nullopt);
  ring.give_back();
  EXPECT_EQ(ring.take(41), std::nullopt);
  EXPECT_EQ(ring.take(40), 0u);  // after the end, in a row
  EXPECT_EQ(ring.take(1), std::nullopt);
  ring.give_back();
  EXPECT_EQ(ring.take(40), 40u);
  EXPECT_EQ(ring.take(20), 80u);
  for (int i = 0; i < 3; ++i) ring.give_back();
  EXPECT_EQ(ring.take(100), 0u);
  EXPECT_EQ(Ring().take(1), std::nullopt);
}

TEST(Ring, NeverGivesWhatIsTaken) {
  for (const std::size_t size : {1u, 7u, 64u, 1000u}) {
    Ring ring(size);
    std::deque<std::pair<std::size_t, std::size_t>> taken;
    std::uint64_t random = size;
    for (int i = 0; i < 5000; ++i) {
      random = random * 6364136223846793005u + 1442695040888963407u;
      const std::size_t bytes = 1 + (random >> 33) % size;
      if (const auto begin = ring.take(bytes)) {
        ASSERT_LE(*begin + bytes, size);
        for (const auto& [first, end] : taken) ASSERT_TRUE(*begin >= end || *begin + bytes <= first);
        taken.push_back({*begin, *begin + bytes});
      } else {
        ASSERT_FALSE(taken.empty()) << bytes << " of " << size;
        taken.pop_front();
        ring.give_back();
      }
    }
  }
}

std::vector<WantedWeight> weights(Rank rank, std::size_t count, std::size_t bytes) {
  return std::vector(count, WantedWeight{bytes, rank});
}

std::vector<WantedWeight> joined(std::initializer_list<std::vector<WantedWeight>> parts) {
  std::vector<WantedWeight> all;
  for (const auto& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

std::size_t resident(const WeightLayout& layout, std::size_t begin, std::size_t end) {
  return static_cast<std::size_t>(std::count(layout.resident.begin() + begin, layout.resident.begin() + end, true));
}

TEST(WeightLayout, StaysWithinItsRoomAndHoldsTheLargestThatComes) {
  std::vector<WantedWeight> all;
  for (std::size_t i = 0; i < 60; ++i) all.push_back({100 + i * i * 37 % 5000, Rank(i * 7 % ranks)});
  const std::size_t least = least_room(all);
  std::size_t total = 0, last = 0;
  for (const auto& each : all) total += aligned(each.bytes);
  for (std::size_t room = least; room <= total + 1000; room += 97) {
    const WeightLayout layout = lay_out(all, room);
    ASSERT_LE(layout.resident_bytes + layout.ring_bytes, room);
    std::size_t sum = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (layout.resident[i]) sum += aligned(all[i].bytes);
      ASSERT_TRUE(layout.resident[i] || layout.ring_bytes >= aligned(all[i].bytes));
      ASSERT_TRUE(layout.resident[i] || all[i].rank != Rank::always);
    }
    ASSERT_EQ(layout.resident_bytes, sum);
    last = sum;
  }
  EXPECT_EQ(last, total);
  EXPECT_EQ(lay_out(all, total).ring_bytes, 0u);
}

// The room of all that a step uses, and of a ring for the largest of the rest: only that is resident.
TEST(WeightLayout, TakesWhatIsUsedOftenBeforeWhatIsUsedOnce) {
  const auto all = joined({weights(Rank::once, 4, 5000), weights(Rank::often, 10, 2000),
                           weights(Rank::often_before, 3, 2000), weights(Rank::once, 5, 3000)});
  const std::size_t often = 10 * aligned(2000);
  const WeightLayout exact = lay_out(all, often + aligned(5000));
  EXPECT_EQ(resident(exact, 0, 4), 0u);
  EXPECT_EQ(resident(exact, 4, 14), 10u);
  EXPECT_EQ(resident(exact, 14, 22), 0u);
  EXPECT_EQ(exact.ring_bytes, aligned(5000));
  const WeightLayout less = lay_out(all, often + aligned(5000) - 1);
  EXPECT_LT(resident(less, 4, 14), 10u);
  EXPECT_EQ(resident(less, 0, 4) + resident(less, 17, 22), 0u);
  // Room for two of the largest in a ring, then what earlier computations used.
  const WeightLayout more = lay_out(all, often + 3 * aligned(2000) + aligned(5000));
  EXPECT_EQ(resident(more, 4, 17), 13u);
}

TEST(WeightLayout, SpreadsTheResidentOnesEvenly) {
  const auto all = weights(Rank::often, 100, 256 * 10);
  const WeightLayout layout = lay_out(all, 2560 * 52);
  EXPECT_EQ(layout.ring_bytes, 2560u * 2);
  for (std::size_t i = 0; i < 100; i += 10) EXPECT_NEAR(static_cast<double>(resident(layout, i, i + 10)), 5, 1) << i;
}

TEST(WeightLayout, OfNothingIsNothing) {
  EXPECT_EQ(least_room({}), 0u);
  EXPECT_EQ(lay_out({}, 0), WeightLayout());
  const auto vectors = weights(Rank::always, 3, 100);
  EXPECT_EQ(least_room(vectors), 3u * 256);
  EXPECT_EQ(lay_out(vectors, 3 * 256).resident_bytes, 3u * 256);
}

}  // namespace
}  // namespace sumi::cuda
