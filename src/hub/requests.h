#pragma once

#include <optional>
#include <string>

#include "hub/cache.h"
#include "hub/http.h"
#include "hub/partial.h"

namespace sumi {

/// Which repository of which hub, for addresses and errors.
struct HubPlace {
  const HubSettings& settings;
  HubName name;

  std::string repository_url() const;
  std::string file_url(const std::string& commit, const std::string& path) const;
  /// The error for a status that stays: gated, private, missing.
  [[noreturn]] void refuse(const Answer& answer, const std::string& url) const;
};

/// The hub's description of a repository, or with `head` of one file.
class DescriptionRequest final : public TextRequest {
 public:
  DescriptionRequest(const HubPlace& place, std::string url, bool head = false)
      : TextRequest(std::move(url), head), place_(place) {}
  [[noreturn]] void refuse(const Answer& answer) override { place_.refuse(answer, url()); }

 private:
  const HubPlace& place_;
};

/// One file of a commit on its way into the cache, under its lock.
class FileRequest final : public HttpRequest {
 public:
  /// `file` has a size and a digest.
  FileRequest(const HubPlace& place, const RepositoryCache& cache, const std::string& commit, HubFile file);

  State prepare() override;
  std::uint64_t offset() const override { return partial_ ? partial_->size() : 0; }
  void begin(std::uint64_t offset) override;
  void add(std::span<const std::byte> bytes) override;
  std::string finish(const Answer& answer) override;
  [[noreturn]] void refuse(const Answer& answer) override { place_.refuse(answer, url()); }

  const HubFile& file() const { return file_; }
  bool is_here() const { return here_; }
  bool is_waiting() const { return waiting_; }  ///< for another program's lock
  std::uint64_t bytes_here() const { return here_ ? *file_.size : offset(); }
  std::uint64_t fetched() const { return fetched_; }

 private:
  bool in_cache() const;
  void arrived();

  const HubPlace& place_;
  const RepositoryCache& cache_;
  HubFile file_;
  std::optional<FileLock> lock_;
  std::optional<PartialBlob> partial_;
  std::uint64_t fetched_ = 0;
  int wrong_ = 0;  ///< times that the content was not what its digest names
  bool here_ = false, waiting_ = false;
};

}  // namespace sumi
