#include "hub/partial.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

#include "core/check.h"
#include "hub/cache.h"

namespace sumi {
namespace {

namespace fs = std::filesystem;

/// Once more for a call that a signal broke off.
template <class Call>
auto uninterrupted(Call&& call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

[[noreturn]] void refuse_to_write(const fs::path& path, int error) {
  const bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
  fail(ErrorCode::io, "cannot write {}: {}{}", path.string(), std::system_category().message(error),
       full ? "; make room and pull again: what came is kept" : "");
}

}  // namespace

std::optional<FileLock> FileLock::attempt(const fs::path& path) {
  make_folders_above(path);
  FileLock lock(uninterrupted([&] { return ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666); }));
  if (lock.file_ < 0) refuse_to_write(path, errno);
  if (uninterrupted([&] { return ::flock(lock.file_, LOCK_EX | LOCK_NB); }) != 0) {
    if (errno != EWOULDBLOCK) refuse_to_write(path, errno);
    return std::nullopt;
  }
  // The holder before may have removed the file: this lock is then on one that nobody else will open.
  struct stat status {};
  if (::fstat(lock.file_, &status) != 0 || status.st_nlink == 0) return std::nullopt;
  return lock;
}

FileLock::FileLock(FileLock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}

FileLock::~FileLock() {
  if (file_ >= 0) ::close(file_);
}

PartialBlob::PartialBlob(const fs::path& blob, const HubFile& file)
    : blob_(blob),
      path_(blob.string() + ".incomplete"),
      expected_(file.digest),
      expected_size_(file.size.value()),
      digest_(expected_, expected_size_) {
  make_folders_above(path_);
  file_ = uninterrupted([&] { return ::open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666); });
  if (file_ < 0) refuse(errno);
  take_up();
}

PartialBlob::~PartialBlob() {
  if (file_ >= 0) ::close(file_);
}

void PartialBlob::take_up() {
  std::vector<std::byte> buffer(std::size_t{1} << 20);
  for (;;) {
    const ssize_t got = uninterrupted([&] { return ::read(file_, buffer.data(), buffer.size()); });
    if (got < 0) refuse(errno);
    if (got == 0) return;
    const auto count = static_cast<std::size_t>(got);
    if (size_ + count > expected_size_) return restart();
    digest_.add(std::span(buffer).first(count));
    size_ += count;
  }
}

void PartialBlob::add(std::span<const std::byte> bytes) {
  if (bytes.size() > expected_size_ - size_) {
    restart();
    fail(ErrorCode::bad_file, "the hub sends more than the {} bytes that it told of {}", expected_size_, expected_);
  }
  while (!bytes.empty()) {
    const ssize_t done = uninterrupted([&] { return ::write(file_, bytes.data(), bytes.size()); });
    if (done < 0) refuse(errno);
    const auto count = static_cast<std::size_t>(done);
    digest_.add(bytes.first(count));
    size_ += count;
    bytes = bytes.subspan(count);
  }
}

void PartialBlob::restart() {
  if (uninterrupted([&] { return ::ftruncate(file_, 0); }) != 0) refuse(errno);
  digest_ = Digest(expected_, expected_size_);
  size_ = 0;
}

bool PartialBlob::commit() {
  if (digest_.finish() != expected_) {
    restart();
    return false;
  }
  if (uninterrupted([&] { return ::fsync(file_); }) != 0) refuse(errno);
  if (::rename(path_.c_str(), blob_.c_str()) != 0) refuse(errno);
  return true;
}

void PartialBlob::refuse(int error) const { refuse_to_write(path_, error); }

}  // namespace sumi
