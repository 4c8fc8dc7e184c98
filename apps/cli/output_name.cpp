#include "output_name.h"

#include <array>
#include <cerrno>
#include <cstddef>
#include <stdlib.h>
#include <system_error>
#include <unistd.h>
#include <vector>

#include "arguments.h"
#include "sumi/program.h"

namespace sumi::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostSlugBytes = 60;

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(fs::symlink_status(path, ignored));
}

std::string lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

void check_ending(const std::string& pattern, const std::string& ending) {
  for (const char* known : {".png", ".jpg", ".jpeg", ".webp"}) {
    if (lower(ending) == known) return;
  }
  refuse("--output: '{}' ends in none of .png, .jpg, .webp", pattern);
}

/// Replaces each {word} by what `value` makes of it.
template <class Value>
std::string expand(const std::string& pattern, const Value& value) {
  std::string out;
  for (std::size_t at = 0; at < pattern.size();) {
    const std::size_t close = pattern[at] == '{' ? pattern.find('}', at) : std::string::npos;
    if (close == std::string::npos) {
      out += pattern[at++];
    } else {
      out += value(pattern.substr(at, close + 1 - at));
      at = close + 1;
    }
  }
  return out;
}

void check_placeholders(const std::string& name) {
  expand(name, [](const std::string& word) {
    const std::vector<std::string> known{"{seed}", "{index}", "{prompt}"};
    for (const std::string& each : known) {
      if (word == each) return word;
    }
    refuse("--output: {} is not known{}; there are {{seed}}, {{index}} and {{prompt}}", word,
           did_you_mean(word, known));
  });
}

}  // namespace

std::string slug(const std::string& prompt) {
  std::string out;
  for (const char c : lower(prompt)) {
    const bool kept = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c & 0x80);
    if (kept) out += c;
    if (!kept && !out.empty() && out.back() != '-') out += '-';
  }
  if (out.size() > kMostSlugBytes) {
    std::size_t end = kMostSlugBytes;
    while (end > 0 && (out[end] & 0xc0) == 0x80) --end;  // not inside a UTF-8 character
    const std::size_t hyphen = out.rfind('-', end);
    out.resize(hyphen != std::string::npos && hyphen > kMostSlugBytes / 2 ? hyphen : end);
  }
  while (out.ends_with('-')) out.pop_back();
  return out.empty() ? "picture" : out;
}

void check_writable(const fs::path& file) {
  const fs::path folder = file.has_parent_path() ? file.parent_path() : ".";
  if (!is_there(folder)) {
    throw Error(ErrorCode::not_found, fmt::format("{}: no such folder; make it first", folder.string()));
  }
  if (is_folder(file)) throw Error(ErrorCode::io, fmt::format("{}: is a folder; give a file's name", file.string()));
  // Permissions do not tell all: a file system may be mounted read-only, or take no files at all.
  std::string probe = (folder / ".sumi-XXXXXX").string();
  const int descriptor = ::mkstemp(probe.data());
  if (descriptor < 0) {
    const std::string reason = std::generic_category().message(errno);
    throw Error(ErrorCode::io,
                fmt::format("{}: no file can be written there: {}; choose another place", folder.string(), reason));
  }
  ::close(descriptor);
  ::unlink(probe.c_str());
}

OutputName::OutputName(const std::string& pattern, const std::string& prompt, bool several) : prompt_(slug(prompt)) {
  const fs::path path(pattern);
  if (pattern.empty() || !path.has_filename() || is_folder(path)) {
    folder_ = path;
    name_ = "{prompt}-{seed}";
    ending_ = ".png";
    keeps_ = true;
    return;
  }
  folder_ = path.parent_path();
  ending_ = path.extension().string();
  name_ = path.stem().string();
  check_ending(pattern, ending_);
  check_placeholders(name_);
  const bool distinct = name_.find("{seed}") != std::string::npos || name_.find("{index}") != std::string::npos;
  if (several && !distinct) name_ += "-{seed}";
}

void OutputName::check_writable() const { cli::check_writable(of(0, 1)); }

fs::path OutputName::of(std::uint64_t seed, int index) const {
  const std::string name = expand(name_, [&](const std::string& word) {
    return word == "{seed}" ? std::to_string(seed) : word == "{index}" ? std::to_string(index) : prompt_;
  });
  fs::path path = folder_ / (name + ending_);
  for (int again = 2; keeps_ && is_there(path); ++again) {
    path = folder_ / fmt::format("{}-{}{}", name, again, ending_);
  }
  return path;
}

}  // namespace sumi::cli
