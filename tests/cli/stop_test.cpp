#include <chrono>
#include <csignal>
#include <thread>

#include <gtest/gtest.h>

#include "program.h"

namespace sumi::test {
namespace {

using Clock = std::chrono::steady_clock;

/// Waits until the program says `word`, at most a minute.
bool says(const Program& program, const std::string& word) {
  const auto end = Clock::now() + std::chrono::minutes(1);
  while (Clock::now() < end) {
    if (program.err_so_far().find(word) != std::string::npos) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return false;
}

TEST(Stop, SignalsEndTheRunWithinAStepAndLeaveNothing) {
  for (const int signal : {SIGINT, SIGTERM}) {
    const ScratchFolder folder;
    Program program(folder.path(), {"generate", "a red apple, 3d", "--steps", "1000", "--threads", "1", "--trace",
                                    "trace.json", "-o", "apple.png"});
    ASSERT_TRUE(says(program, "reading the prompt:")) << program.err_so_far();  // it denoises from here on
    const auto begin = Clock::now();
    program.signal(signal);
    const Ran ran = program.wait();
    EXPECT_LT(Clock::now() - begin, std::chrono::seconds(10));
    EXPECT_EQ(ran.status, 130);
    EXPECT_TRUE(ran.err_lines().back().starts_with("sumi: ")) << ran.err;
    EXPECT_EQ(ran.err.find("step 250"), std::string::npos) << "it was too late to stop: " << ran.err;
    EXPECT_EQ(ran.out, "");
    EXPECT_TRUE(files_in(folder.path()).empty()) << files_in(folder.path()).front();
  }
}

}  // namespace
}  // namespace sumi::test
