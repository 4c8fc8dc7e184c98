#include "core/threads.h"

#include <atomic>
#include <mutex>
#include <stdexcept>
#include <vector>

#include <gtest/gtest.h>

namespace sumi::test {
namespace {

class Threads : public ::testing::Test {
 protected:
  ~Threads() override { set_threads(before_); }
  int before_ = threads();
};

TEST_F(Threads, RunEveryPartOnce) {
  for (const int count : {1, 2, 5}) {
    set_threads(count);
    EXPECT_EQ(threads(), count);
    std::vector<std::atomic<int>> ran(static_cast<std::size_t>(count));
    parallel([&](int part, int parts) {
      EXPECT_EQ(parts, count);
      ++ran[static_cast<std::size_t>(part)];
    });
    for (const auto& times : ran) EXPECT_EQ(times, 1);
  }
}

TEST_F(Threads, ZeroMeansOnePerCore) {
  set_threads(0);
  EXPECT_GE(threads(), 1);
}

TEST_F(Threads, SplitRangesCoverAllInWholeGrains) {
  for (const int count : {1, 2, 3, 7}) {
    set_threads(count);
    for (const std::int64_t n : {0, 1, 7, 8, 9, 63, 64, 65, 1000}) {
      for (const std::int64_t grain : {1, 8, 64, 5000}) {
        std::vector<std::atomic<int>> seen(static_cast<std::size_t>(n));
        parallel_for(n, grain, [&](std::int64_t begin, std::int64_t end) {
          EXPECT_LT(begin, end);
          EXPECT_EQ(begin % grain, 0);
          EXPECT_TRUE(end % grain == 0 || end == n);
          for (std::int64_t i = begin; i < end; ++i) ++seen[static_cast<std::size_t>(i)];
        });
        for (const auto& times : seen) ASSERT_EQ(times, 1) << n << " by " << grain << " on " << count;
      }
    }
  }
}

TEST_F(Threads, TheFirstExceptionComesOutAfterAllEnded) {
  set_threads(4);
  std::atomic<int> ended = 0;
  const auto run = [&] {
    parallel([&](int part, int) {
      if (part % 2 == 1) throw std::runtime_error("part");
      ++ended;
    });
  };
  EXPECT_THROW(run(), std::runtime_error);
  EXPECT_EQ(ended, 2);
  ended = 0;
  parallel([&](int, int) { ++ended; });
  EXPECT_EQ(ended, 4);
  EXPECT_THROW(parallel_for(100, 1, [](std::int64_t, std::int64_t) { throw std::logic_error("range"); }),
               std::logic_error);
}

TEST_F(Threads, NestedCallsRunInOneThread) {
  set_threads(3);
  std::atomic<int> inner = 0, ranges = 0;
  parallel([&](int, int) {
    parallel([&](int part, int parts) {
      EXPECT_EQ(part, 0);
      EXPECT_EQ(parts, 1);
      ++inner;
    });
    parallel_for(1000, 1, [&](std::int64_t begin, std::int64_t end) {
      EXPECT_EQ(end - begin, 1000);
      ++ranges;
    });
  });
  EXPECT_EQ(inner, 3);
  EXPECT_EQ(ranges, 3);
}

}  // namespace
}  // namespace sumi::test
