#include <filesystem>

#include <gtest/gtest.h>

#include "program.h"
#include "sumi/image.h"

namespace sumi::test {
namespace {

namespace fs = std::filesystem;

// One line on standard error means that no run had begun: its progress would be there too.

TEST(Output, AMissingFolderIsToldBeforeTheRun) {
  const ScratchFolder folder;
  expect_refusal(run(folder.path(), quick({"-o", "nowhere/apple.png"})), 1, "nowhere: no such folder", folder.path());
}

TEST(Output, APlaceThatTakesNoFilesIsToldBeforeTheRun) {
  const ScratchFolder folder, files;
  const std::string file = files.write("file", "text").string();
  // These refuse root as well, unlike folders without permissions.
  for (const std::string& place : {file + "/apple.png", std::string("/proc/apple.png")}) {
    expect_refusal(run(folder.path(), quick({"-o", place})), 1, fs::path(place).parent_path().string(), folder.path());
  }
  expect_refusal(run(folder.path(), quick({"--trace", file + "/trace.json"})), 1, "file", folder.path());
  expect_refusal(run(folder.path(), quick({"--preview", file + "/now.png"})), 1, "file", folder.path());
}

TEST(Output, AReadOnlyFolderIsToldBeforeTheRun) {
  const ScratchFolder folder;
  fs::permissions(folder.path(), fs::perms::owner_write, fs::perm_options::remove);
  const bool refuses = ::access(folder.path().c_str(), W_OK) != 0;
  if (refuses) expect_refusal(run(folder.path(), quick({})), 1, "Permission denied", folder.path());
  fs::permissions(folder.path(), fs::perms::owner_write, fs::perm_options::add);
  if (!refuses) GTEST_SKIP() << "root may write everywhere";
}

TEST(Output, AFullDiskIsTold) {
  const ScratchFolder folder;
  fs::create_symlink("/dev/full", folder / "apple.png");
  const Ran ran = run(folder.path(), quick({"-q", "--steps", "1", "-o", "apple.png"}));
  EXPECT_EQ(ran.status, 1);
  ASSERT_EQ(ran.err_lines().size(), 1u) << ran.err;
  EXPECT_NE(ran.err.find("apple.png"), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find("No space left"), std::string::npos) << ran.err;
  EXPECT_EQ(files_in(folder.path()), std::vector<std::string>{"apple.png"});
}

TEST(Output, StandardOutputThatFailsIsTold) {
  const ScratchFolder folder;
  for (const char* out : {"/dev/full", "closed"}) {
    const Ran ran = run(folder.path(), quick({"-q", "--json", "--steps", "1", "-o", "apple.png"}), out);
    EXPECT_EQ(ran.status, 1) << out;
    ASSERT_EQ(ran.err_lines().size(), 1u) << ran.err;
    EXPECT_NE(ran.err.find("standard output"), std::string::npos) << ran.err;
    EXPECT_EQ(read_image(folder / "apple.png").width, 128);  // written before it was told of
  }
}

TEST(Output, AFolderTakesTheDefaultName) {
  const ScratchFolder folder;
  fs::create_directory(folder / "pictures");
  ASSERT_EQ(run(folder.path(), quick({"--steps", "1", "--seed", "4", "-o", "pictures"})).status, 0);
  EXPECT_EQ(files_in(folder / "pictures"), std::vector<std::string>{"a-red-apple-3d-4.png"});
}

TEST(Output, PromptsAreMadeSafeForNames) {
  const ScratchFolder folder;
  const auto name_of = [&](const std::string& prompt) {
    const Ran ran =
        run(folder.path(), {"generate", "-p", prompt, "--steps", "1", "--threads", "1", "--seed", "1", "--json", "-q"});
    EXPECT_EQ(ran.status, 0) << ran.err;
    return Json::parse(ran.out).at("path").get<std::string>();
  };
  EXPECT_EQ(name_of("../../etc/(Passwd:1.2) *"), "etc-passwd-1-2-1.png");
  EXPECT_EQ(name_of("..."), "picture-1.png");
  EXPECT_EQ(name_of("\u732b on a \u5c71"), "\u732b-on-a-\u5c71-1.png");
  EXPECT_EQ(name_of("doctor"), "doctor-1.png");  // a prompt may be the name of a command
  EXPECT_LE(name_of(std::string(400, 'x') + " and more").size(), 70u);
}

}  // namespace
}  // namespace sumi::test
