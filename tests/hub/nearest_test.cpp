#include "core/nearest.h"

#include <gtest/gtest.h>

namespace sumi {
namespace {

using Names = std::vector<std::string>;
const Names kSamplers = {"ddim", "pndm", "euler", "euler-a", "dpmpp-2m", "lcm"};

TEST(Nearest, SlipsOfTheFinger) {
  EXPECT_EQ(nearest_names("eulr", kSamplers), (Names{"euler"}));
  EXPECT_EQ(nearest_names("Euler", kSamplers), (Names{"euler", "euler-a"}));
  EXPECT_EQ(nearest_names("dpmpp2m", kSamplers), (Names{"dpmpp-2m"}));
  EXPECT_EQ(nearest_names("ddmi", kSamplers), (Names{"ddim"})) << "a swap is one slip";
  EXPECT_EQ(nearest_names("dpm", kSamplers), (Names{"dpmpp-2m"})) << "the beginning of a name";
}

TEST(Nearest, NothingIsNear) {
  EXPECT_EQ(nearest_names("heun", kSamplers), Names{});
  EXPECT_EQ(nearest_names("", kSamplers), Names{});
  EXPECT_EQ(nearest_names("euler", {}), Names{});
  EXPECT_EQ(nearest_names(std::string(100000, 'x'), kSamplers), Names{});
}

TEST(Nearest, AtMostThreeOfEachOnce) {
  const Names names = {"sd15", "sd21", "sd14", "sd1", "sd15"};
  EXPECT_EQ(nearest_names("sd15", names), (Names{"sd15", "sd1", "sd14"}));
}

TEST(Nearest, Sentence) {
  EXPECT_EQ(did_you_mean("zzz", kSamplers), "");
  EXPECT_EQ(did_you_mean("eulr", kSamplers), "; did you mean euler?");
  EXPECT_EQ(did_you_mean("Euler", kSamplers), "; did you mean euler or euler-a?");
  EXPECT_EQ(did_you_mean("ab", Names{"ac", "ab1", "ab2"}), "; did you mean ab1 or ab2?");
  EXPECT_EQ(did_you_mean("abcd", Names{"abc1", "abc2", "abc3"}), "; did you mean abc1, abc2 or abc3?");
}

}  // namespace
}  // namespace sumi
