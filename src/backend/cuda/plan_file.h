#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sumi::cuda {

/// What trying on the device has shown to be fastest, kept from one run of the program to the next. A file that is
/// missing, damaged or of another machine counts as empty, and one that cannot be written is not: then the device is
/// asked again. May be used from any thread.
class PlanFile {
 public:
  /// `machine` is all that a choice depends on besides its key: device and versions of libraries. Without a path it
  /// remembers as long as it lives.
  PlanFile(std::filesystem::path path, std::string machine);
  PlanFile(const PlanFile&) = delete;
  PlanFile& operator=(const PlanFile&) = delete;
  /// Saves.
  ~PlanFile();

  std::optional<std::vector<std::byte>> find(const std::string& key) const;
  void keep(const std::string& key, std::span<const std::byte> bytes);
  /// Writes what is new, together with what other processes have written meanwhile.
  void save();

 private:
  using Plans = std::map<std::string, std::vector<std::byte>>;
  Plans read() const;
  void write(const Plans& plans) const;

  std::filesystem::path path_;
  std::string machine_;
  mutable std::mutex mutex_;
  Plans plans_;
  Plans unsaved_;
};

/// The file for a device, in `sumi` within the user's folder of caches ($XDG_CACHE_HOME, else ~/.cache); empty where
/// the environment names none.
std::filesystem::path plan_file_path(std::string_view device);

}  // namespace sumi::cuda
