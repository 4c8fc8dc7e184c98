#include "core/atomic_file.h"

#include <csignal>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "pictures.h"

namespace sumi {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::Folder;
using test::text_of;

TEST(AtomicFile, NothingIsSeenBeforeTheCommit) {
  const Folder folder;
  AtomicFile file(folder / "a.txt");
  file.write("half ");
  EXPECT_FALSE(fs::exists(folder / "a.txt"));
  file.write("whole");
  file.commit();
  EXPECT_EQ(text_of(folder / "a.txt"), "half whole");
  EXPECT_EQ(folder.files(), 1u);
}

TEST(AtomicFile, WithoutACommitTheOldFileStays) {
  const Folder folder;
  write_whole_file(folder / "a.txt", std::as_bytes(std::span("old", 3)));
  { AtomicFile(folder / "a.txt").write("new"); }
  EXPECT_EQ(text_of(folder / "a.txt"), "old");
  EXPECT_EQ(folder.files(), 1u);
}

TEST(AtomicFile, KeepsPermissionsAndFollowsLinks) {
  const Folder folder;
  write_whole_file(folder / "a.txt", {});
  fs::permissions(folder / "a.txt", fs::perms{0640});
  fs::create_symlink("a.txt", folder / "link");
  write_whole_file(folder / "link", std::as_bytes(std::span("new", 3)));
  EXPECT_TRUE(fs::is_symlink(folder / "link"));
  EXPECT_EQ(text_of(folder / "a.txt"), "new");
  EXPECT_EQ(fs::status(folder / "a.txt").permissions(), fs::perms{0640});

  fs::create_symlink("later.txt", folder / "dangling");
  write_whole_file(folder / "dangling", std::as_bytes(std::span("new", 3)));
  EXPECT_EQ(text_of(folder / "later.txt"), "new");
}

TEST(AtomicFile, ALongNameFits) {
  const Folder folder;
  const std::string name = std::string(251, 'n') + ".png";
  write_image(folder / name, test::waves(2, 2));
  EXPECT_TRUE(fs::exists(folder / name));
}

TEST(AtomicFile, ADeviceIsWrittenToAndStaysADevice) {
  write_whole_file("/dev/null", std::as_bytes(std::span("gone", 4)));
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
}

TEST(AtomicFile, MissingFolder) {
  const Folder folder;
  const auto path = folder / "missing/a.png";
  EXPECT_EQ(error_of(ErrorCode::io, [&] { write_image(path, test::waves(2, 2)); }),
            "cannot write " + path.string() + ": No such file or directory");
}

TEST(AtomicFile, AFolderOfThatName) {
  const Folder folder;
  const auto path = folder / "a.png";
  fs::create_directory(path);
  EXPECT_EQ(error_of(ErrorCode::io, [&] { write_image(path, test::waves(2, 2)); }),
            "cannot write " + path.string() + ": Is a directory");
}

TEST(AtomicFile, FullDevice) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "there is no /dev/full";
  EXPECT_EQ(error_of(ErrorCode::io, [] { write_whole_file("/dev/full", std::as_bytes(std::span("a", 1))); }),
            "cannot write /dev/full: No space left on device");
}

/// The size that a file may have, for as long as the object lives: writing stops half way, as on a full disk.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    old_handler_ = std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old_limit_);
    const rlimit limit{bytes, old_limit_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &old_limit_);
    std::signal(SIGXFSZ, old_handler_);
  }

 private:
  rlimit old_limit_{};
  void (*old_handler_)(int);
};

TEST(AtomicFile, NoHalfPictureWhereTheDiskEnds) {
  const Folder folder;
  for (const char* name : {"a.png", "a.jpg", "a.webp"}) {
    write_image(folder / name, test::waves(4, 4));
    const std::string old = text_of(folder / name);
    const std::string error = [&] {
      const FileSizeLimit limit(1000);
      return error_of(ErrorCode::io, [&] { write_image(folder / name, test::waves(200, 200)); });
    }();
    EXPECT_EQ(error, "cannot write " + (folder / name).string() + ": File too large");
    EXPECT_EQ(text_of(folder / name), old);
  }
  EXPECT_EQ(folder.files(), 3u);
}

TEST(AtomicFile, ReadOnlyFolderAndFile) {
  const Folder folder;
  write_image(folder / "old.png", test::waves(2, 2));
  fs::permissions(folder / "old.png", fs::perms{0444});
  fs::permissions(folder.path(), fs::perms{0555});
  // The superuser may write anywhere, so the test is somebody else for a moment.
  const bool superuser = geteuid() == 0;
  if (superuser) {
    ASSERT_EQ(seteuid(65534), 0);
  }
  const auto denied = [&](const char* name) {
    return error_of(ErrorCode::io, [&] { write_image(folder / name, test::waves(2, 2)); });
  };
  const std::string new_file = denied("new.png"), old_file = denied("old.png");
  if (superuser) {
    ASSERT_EQ(seteuid(0), 0);
  }
  fs::permissions(folder.path(), fs::perms{0755});
  EXPECT_EQ(new_file, "cannot write " + (folder / "new.png").string() + ": Permission denied");
  EXPECT_EQ(old_file, "cannot write " + (folder / "old.png").string() + ": Permission denied");
  EXPECT_EQ(folder.files(), 1u);
}

}  // namespace
}  // namespace sumi
