#include "core/file_map.h"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <fcntl.h>
#include <mutex>
#include <sys/mman.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "core/check.h"
#include "sumi/program.h"

namespace sumi {

/// What the handler knows of one map. A signal may come at any time, so ranges are linked once and never freed; one
/// whose `begin` is 0 waits to be used again.
struct MappedRange {
  std::atomic<std::uintptr_t> begin{0};
  std::atomic<std::uintptr_t> end{0};
  std::atomic<bool> lost{false};
  MappedRange* next = nullptr;
};

namespace {

namespace fs = std::filesystem;

std::atomic<MappedRange*> ranges{nullptr};
std::mutex ranges_mutex;
struct sigaction previous_action {};
std::uintptr_t page_bytes = 4096;

MappedRange* register_range(std::span<const std::byte> bytes) {
  const std::lock_guard lock(ranges_mutex);
  MappedRange* range = ranges;
  while (range && range->begin != 0) range = range->next;
  if (!range) {
    range = new MappedRange;
    range->next = ranges;
    ranges = range;
  }
  const auto begin = reinterpret_cast<std::uintptr_t>(bytes.data());
  range->lost = false;
  range->end = begin + bytes.size();
  range->begin = begin;
  return range;
}

/// Whether `address` lay in one of our maps and now reads as zero. All to the map's end is replaced: where a file
/// shrank, the rest is gone as well, and one signal is enough.
bool replace_lost_page(std::uintptr_t address) {
  for (MappedRange* range = ranges; range; range = range->next) {
    const std::uintptr_t begin = range->begin, end = range->end;
    // A map ends on a page, its file may not.
    if (begin == 0 || address < begin || address >= (end + page_bytes - 1) / page_bytes * page_bytes) continue;
    const std::uintptr_t page = address / page_bytes * page_bytes;
    range->lost = true;
    const int kind = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE;
    return ::mmap(reinterpret_cast<void*>(page), end - page, PROT_READ, kind, -1, 0) != MAP_FAILED;
  }
  return false;
}

void on_bus_error(int signal, siginfo_t* info, void* context) {
  const int saved_errno = errno;
  // A positive code is the system's own: a signal sent by a process carries no address.
  const bool ours = info->si_code > 0 && replace_lost_page(reinterpret_cast<std::uintptr_t>(info->si_addr));
  errno = saved_errno;
  if (ours) return;
  if (previous_action.sa_flags & SA_SIGINFO) {
    previous_action.sa_sigaction(signal, info, context);
  } else if (previous_action.sa_handler == SIG_DFL || previous_action.sa_handler == SIG_IGN) {
    ::sigaction(SIGBUS, &previous_action, nullptr);
    // Blocked until we return, then it ends the process as it would have; a fault also repeats by itself.
    if (info->si_code <= 0 && previous_action.sa_handler == SIG_DFL) ::raise(SIGBUS);
  } else {
    previous_action.sa_handler(signal);
  }
}

std::string reason(int error) { return std::system_category().message(error); }

}  // namespace

void guard_file_maps() {
  static std::once_flag once;
  std::call_once(once, [] {
    page_bytes = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    struct sigaction action {};
    action.sa_sigaction = on_bus_error;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    ::sigemptyset(&action.sa_mask);
    ::sigaction(SIGBUS, nullptr, &previous_action);
    ::sigaction(SIGBUS, &action, nullptr);
  });
}

FileMap::FileMap(const fs::path& path) : path_(path) {
  // Without O_NONBLOCK a pipe of that name would wait for a writer.
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) {
    const int error = errno;
    const bool missing = error == ENOENT || error == ENOTDIR;
    sumi::check(!missing, ErrorCode::not_found, "{}: no such file", path.string());
    fail(ErrorCode::io, "{}: cannot be opened: {}", path.string(), reason(error));
  }
  struct stat status {};
  const bool plain = ::fstat(file, &status) == 0 && S_ISREG(status.st_mode);
  const auto size = static_cast<std::size_t>(plain ? status.st_size : 0);
  void* data = size ? ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file, 0) : nullptr;
  const int error = errno;
  ::close(file);
  sumi::check(plain, ErrorCode::io, "{}: not a plain file", path.string());
  sumi::check(data != MAP_FAILED, error == ENOMEM ? ErrorCode::out_of_memory : ErrorCode::io,
              "{}: cannot be mapped: {}", path.string(), reason(error));
  if (size == 0) return;
  bytes_ = {static_cast<const std::byte*>(data), size};
  try {
    range_ = register_range(bytes_);
  } catch (...) {
    ::munmap(data, size);
    throw;
  }
}

FileMap::~FileMap() {
  if (!range_) return;
  range_->begin = 0;
  ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

void FileMap::check() const {
  sumi::check(!range_ || !range_->lost, ErrorCode::io,
              "{}: shrank or failed while it was read; put the whole file back and start again", path_.string());
}

}  // namespace sumi
