// What the device was found to do best, from one process to the next: without a device.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "backend/cuda/plan_file.h"
#include "core/atomic_file.h"

namespace sumi::test {
namespace {

namespace fs = std::filesystem;
using cuda::PlanFile;

class CudaPlanFile : public ::testing::Test {
 protected:
  CudaPlanFile() { fs::create_directories(folder_); }
  ~CudaPlanFile() override {
    fs::permissions(folder_, fs::perms::owner_all);
    fs::remove_all(folder_);
  }

  static std::vector<std::byte> bytes(std::string_view text) {
    const auto all = std::as_bytes(std::span(text));
    return {all.begin(), all.end()};
  }
  void write(std::string_view text) const { write_whole_file(path_, std::as_bytes(std::span(text))); }
  std::string text() const {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  /// A file with one choice, `kept` for `key`.
  void write_one() const {
    PlanFile file(path_, machine);
    file.keep("key", bytes("kept"));
  }
  bool has_one() const { return PlanFile(path_, machine).find("key") == bytes("kept"); }

  static constexpr const char* machine = "NVIDIA H100 80GB HBM3, 9.0, cublasLt 13.0.2";
  const fs::path folder_ =
      fs::temp_directory_path() / ("sumi-plans-" + std::to_string(getpid()) + "-" +
                                   ::testing::UnitTest::GetInstance()->current_test_info()->name());
  const fs::path path_ = folder_ / "new" / "plans.json";
};

TEST_F(CudaPlanFile, GivesBackWhatItWasGiven) {
  std::vector<std::byte> all;
  for (int value = 0; value < 256; ++value) all.push_back(static_cast<std::byte>(value));
  {
    PlanFile file(path_, machine);
    EXPECT_FALSE(file.find("all"));
    file.keep("all", all);
    file.keep("none", {});
    file.keep("a \"quoted\" key\n", bytes("x"));
    file.keep("twice", bytes("first"));
    file.keep("twice", bytes("second"));
    EXPECT_EQ(file.find("all"), all) << "before it is saved";
  }
  const PlanFile file(path_, machine);
  EXPECT_EQ(file.find("all"), all);
  EXPECT_EQ(file.find("none"), bytes(""));
  EXPECT_EQ(file.find("a \"quoted\" key\n"), bytes("x"));
  EXPECT_EQ(file.find("twice"), bytes("second"));
  EXPECT_FALSE(file.find("other"));
}

TEST_F(CudaPlanFile, WritesOnlyWhatIsNew) {
  { const PlanFile file(path_, machine); }
  EXPECT_FALSE(fs::exists(path_));
  write_one();
  const auto written = fs::last_write_time(path_) - std::chrono::hours(1);
  fs::last_write_time(path_, written);
  {
    PlanFile file(path_, machine);
    file.save();
  }
  EXPECT_EQ(fs::last_write_time(path_), written);
}

TEST_F(CudaPlanFile, BelongsToOneMachine) {
  write_one();
  EXPECT_TRUE(has_one());
  {
    PlanFile other(path_, "another");
    EXPECT_FALSE(other.find("key"));
    other.keep("key", bytes("its own"));
  }
  EXPECT_FALSE(has_one()) << "the newer library's choices replace the older's";
  EXPECT_EQ(PlanFile(path_, "another").find("key"), bytes("its own"));
}

TEST_F(CudaPlanFile, TakesDamageForNothing) {
  write_one();
  const std::string good = text();
  std::string binary;
  for (int i = 0; i < 100000; ++i) binary += static_cast<char>(i * 2654435761u >> 11);
  for (const std::string& bad : {std::string(), std::string("{}"), std::string("[]"), std::string("null"), binary,
                                 std::string(1000000, '['), std::string("{\"machine\": 1, \"plans\": 2}"),
                                 std::string("{\"machine\": \"") + machine + "\", \"plans\": [1]}",
                                 std::string("{\"machine\": \"") + machine + "\", \"plans\": {\"key\": 7}}",
                                 good + std::string(std::size_t{129} << 20, ' ')}) {
    write(bad);
    EXPECT_FALSE(PlanFile(path_, machine).find("key")) << bad.substr(0, 80);
    write_one();
    EXPECT_TRUE(has_one()) << "after " << bad.substr(0, 80);
  }
  for (std::size_t length = 0; length < good.size() - 2; ++length) {
    write(good.substr(0, length));
    EXPECT_FALSE(has_one()) << length;
  }
  for (const char* value : {"6b65707", "6b6570zz", "6B657074", " 6b6570"}) {
    write(std::string("{\"machine\": \"") + machine + "\", \"plans\": {\"key\": \"" + value + "\", \"good\": \"78\"}}");
    const PlanFile file(path_, machine);
    EXPECT_FALSE(file.find("key")) << value;
    EXPECT_EQ(file.find("good"), bytes("x"));
  }
}

TEST_F(CudaPlanFile, HoldsThePlansOfSeveralModels) {
  const std::vector<std::byte> plan(100000, std::byte{7});
  {
    PlanFile file(path_, machine);
    for (int i = 0; i < 400; ++i) file.keep(std::to_string(i), plan);
  }
  const PlanFile file(path_, machine);
  EXPECT_EQ(file.find("0"), plan);
  EXPECT_EQ(file.find("399"), plan);
}

TEST_F(CudaPlanFile, WorksWithoutAFile) {
  PlanFile nowhere({}, machine);
  nowhere.keep("key", bytes("kept"));
  nowhere.save();
  EXPECT_EQ(nowhere.find("key"), bytes("kept"));

  // A file where a folder should be keeps even root from writing.
  std::ofstream(folder_ / "new") << "no folder";
  write_one();
  EXPECT_FALSE(fs::exists(path_));
  PlanFile blocked(path_, machine);
  blocked.keep("key", bytes("kept"));
  blocked.save();
  EXPECT_EQ(blocked.find("key"), bytes("kept"));
  fs::remove(folder_ / "new");
  blocked.save();
  EXPECT_TRUE(has_one()) << "what could not be written is still new";

  fs::create_directories(folder_ / "new" / "folder.json");
  PlanFile folder(folder_ / "new" / "folder.json", machine);
  folder.keep("key", bytes("kept"));
  folder.save();
  EXPECT_TRUE(fs::is_directory(folder_ / "new" / "folder.json"));
}

TEST_F(CudaPlanFile, JoinsWhatTwoProcessesFound) {
  PlanFile mine(path_, machine);
  mine.keep("mine", bytes("1"));
  mine.keep("both", bytes("1"));
  const pid_t other = fork();
  ASSERT_GE(other, 0);
  if (other == 0) {
    PlanFile theirs(path_, machine);
    theirs.keep("theirs", bytes("2"));
    theirs.keep("both", bytes("2"));
    theirs.save();
    _exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(other, &status, 0), other);
  ASSERT_EQ(status, 0);
  mine.save();
  const PlanFile all(path_, machine);
  EXPECT_EQ(all.find("mine"), bytes("1"));
  EXPECT_EQ(all.find("theirs"), bytes("2"));
  EXPECT_EQ(all.find("both"), bytes("1")) << "the last to save";
  EXPECT_EQ(std::distance(fs::directory_iterator(path_.parent_path()), {}), 1) << "nothing is left beside it";
}

TEST_F(CudaPlanFile, LiesInTheUsersCaches) {
  const auto set = [](const char* name, const char* value) { value ? setenv(name, value, 1) : unsetenv(name); };
  const char *caches = std::getenv("XDG_CACHE_HOME"), *home = std::getenv("HOME");
  const std::string old_caches = caches ? caches : "", old_home = home ? home : "";
  set("XDG_CACHE_HOME", "/somewhere");
  set("HOME", "/somebody");
  EXPECT_EQ(cuda::plan_file_path("NVIDIA H100 80GB HBM3"), "/somewhere/sumi/cuda-NVIDIA-H100-80GB-HBM3.json");
  set("XDG_CACHE_HOME", "relative");  // to be ignored, says the specification
  EXPECT_EQ(cuda::plan_file_path("../A/B"), "/somebody/.cache/sumi/cuda----A-B.json");
  set("XDG_CACHE_HOME", nullptr);
  set("HOME", nullptr);
  EXPECT_TRUE(cuda::plan_file_path("A").empty());
  set("XDG_CACHE_HOME", caches ? old_caches.c_str() : nullptr);
  set("HOME", home ? old_home.c_str() : nullptr);
}

}  // namespace
}  // namespace sumi::test
