#include "core/file_map.h"

#include <csignal>
#include <cstring>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "sumi/program.h"
#include "support/scratch.h"
#include "weights/safetensors.h"

namespace sumi {
namespace {

using test::error_of;
using test::expect_error;
using test::ScratchFolder;

TEST(FileMap, HoldsTheFilesBytes) {
  const ScratchFolder folder;
  const FileMap map(folder.write("a", "some bytes"));
  EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(map.bytes().data()), map.bytes().size()), "some bytes");
  map.check();
  const FileMap empty(folder.write("b", ""));
  EXPECT_TRUE(empty.bytes().empty());
  empty.check();
}

TEST(FileMap, RefusesWhatIsNoPlainFile) {
  const ScratchFolder folder;
  expect_error(ErrorCode::not_found, "no such file", [&] { FileMap map(folder / "none"); });
  expect_error(ErrorCode::io, "not a plain file", [&] { FileMap map(folder.path()); });
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  expect_error(ErrorCode::io, "not a plain file", [&] { FileMap map(folder / "pipe"); });
}

TEST(FileMap, AFileThatShrinksIsAnErrorNotASignal) {
  guard_file_maps();
  const ScratchFolder folder;
  const auto path = folder.write("big", std::string(1 << 20, 'x'));
  const FileMap map(path);
  EXPECT_EQ(map.bytes()[0], std::byte{'x'});
  std::filesystem::resize_file(path, 5000);
  EXPECT_EQ(map.bytes()[4999], std::byte{'x'});
  map.check();
  EXPECT_EQ(map.bytes()[(1 << 20) - 1], std::byte{0});
  EXPECT_EQ(map.bytes()[500'000], std::byte{0});
  EXPECT_EQ(map.bytes()[0], std::byte{'x'}) << "what is still there stays readable";
  expect_error(ErrorCode::io, path.string(), [&] { map.check(); });

  const FileMap other(folder.write("other", "y"));
  EXPECT_EQ(other.bytes()[0], std::byte{'y'});
  other.check();
}

TEST(FileMap, TensorsOfAFileThatShrinksFail) {
  guard_file_maps();
  const ScratchFolder folder;
  const Shape shape{64, 1024};
  write_safetensors(folder / "w", {{"w", values_source(shape, std::vector<float>(64 * 1024, 1.5f))}});
  const auto tensors = read_safetensors(folder / "w");
  std::filesystem::resize_file(folder / "w", 100'000);
  std::vector<float> row(1024);
  tensors.at("w")->read(0, row);
  EXPECT_EQ(row[7], 1.5f);
  expect_error(ErrorCode::io, "shrank", [&] { tensors.at("w")->read(63 * 1024, row); });
}

/// Reads a lost page that no FileMap holds.
void touch_foreign_lost_page() {
  const int file = ::memfd_create("foreign", 0);
  static_cast<void>(::ftruncate(file, 4096));
  const auto* page = static_cast<volatile char*>(::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, file, 0));
  static_cast<void>(::ftruncate(file, 0));
  static_cast<void>(page[0]);
}

/// How a child process that runs `body` ends, as `waitpid` tells it.
template <class Body>
int status_of_child(Body&& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    body();
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

TEST(FileMap, ForeignFaultsGoToTheHandlerBefore) {
  // In a process of its own, as a guard installed already would be the handler before.
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        std::signal(SIGBUS, [](int) { ::_exit(42); });
        guard_file_maps();
        touch_foreign_lost_page();
      },
      testing::ExitedWithCode(42), "");
}

TEST(FileMap, ForeignFaultsWithoutAHandlerEndTheProcess) {
  guard_file_maps();
  const int status = status_of_child([] {
    ::close(STDERR_FILENO);  // sanitizers report at length what is expected here
    touch_foreign_lost_page();
  });
  EXPECT_FALSE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

}  // namespace
}  // namespace sumi
