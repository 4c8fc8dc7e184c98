#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace sumi::cli {

/// What a picture's file is called.
class OutputName {
 public:
  /// `pattern`: a file's name with {seed}, {index} (from 1) and {prompt}, ending in .png, .jpg, .jpeg or .webp; or a
  /// folder; or empty for the current one. Without {seed} or {index} the names of several `pictures` get "-SEED"
  /// appended. In a folder the name is PROMPT-SEED.png, with "-2", "-3" appended rather than overwriting a file.
  /// Error(usage) for another ending or placeholder.
  OutputName(const std::string& pattern, const std::string& prompt, bool several);

  /// Error(not_found, io) where no file can be made in the folder.
  void check_writable() const;
  std::filesystem::path of(std::uint64_t seed, int index) const;

 private:
  std::filesystem::path folder_;
  std::string name_;    ///< with its placeholders, without the ending
  std::string ending_;  ///< ".png"
  std::string prompt_;
  bool keeps_ = false;  ///< leaves existing files alone
};

/// A prompt as part of a file's name: letters and digits in lower case, other scripts as they are, everything else a
/// hyphen; at most some 60 bytes. "picture" where nothing is left.
std::string slug(const std::string& prompt);

/// Error(not_found, io) where no file can be made in the folder that `file` is to lie in, or `file` is a folder.
void check_writable(const std::filesystem::path& file);

}  // namespace sumi::cli
