#include "hub/requests.h"

#include <system_error>

#include "core/check.h"

namespace sumi {

namespace fs = std::filesystem;

std::string HubPlace::repository_url() const {
  return fmt::format("{}/api/models/{}/revision/{}?blobs=true", settings.endpoint, name.id(),
                     url_quoted(name.revision, false));
}

std::string HubPlace::file_url(const std::string& commit, const std::string& path) const {
  return fmt::format("{}/{}/resolve/{}/{}", settings.endpoint, name.id(), commit, url_quoted(path, true));
}

void HubPlace::refuse(const Answer& answer, const std::string& url) const {
  const std::string problem = header(answer.last(), "x-error-code"), id = name.id();
  const char* token = settings.token.empty() ? "set HF_TOKEN to your token" : "check the token that HF_TOKEN holds";
  if (problem == "GatedRepo") {
    fail(ErrorCode::not_found, "{} is gated: accept its conditions at {}/{} and {}", id, settings.endpoint, id, token);
  }
  if (problem == "RevisionNotFound") fail(ErrorCode::not_found, "{} has no revision '{}'", id, name.revision);
  if (problem == "EntryNotFound") fail(ErrorCode::not_found, "{} is not there", url);
  if (answer.status == 401 || answer.status == 404) {
    fail(ErrorCode::not_found, "there is no model {} at {}, or it is private: check its name, and {}", id,
         settings.endpoint, token);
  }
  if (answer.status == 403) fail(ErrorCode::not_found, "{} refuses access to {}: {}", settings.endpoint, id, token);
  fail(ErrorCode::io, "{} answers with status {}", url, answer.status);
}

FileRequest::FileRequest(const HubPlace& place, const RepositoryCache& cache, const std::string& commit, HubFile file)
    : HttpRequest(place.file_url(commit, file.path), false), place_(place), cache_(cache), file_(std::move(file)) {
  here_ = in_cache();
}

bool FileRequest::in_cache() const {
  std::error_code problem;
  const auto size = fs::file_size(cache_.blob(file_.digest), problem);
  return !problem && size == *file_.size;
}

HttpRequest::State FileRequest::prepare() {
  if (here_) return State::done;
  if (!lock_) {
    auto lock = FileLock::attempt(cache_.lock(file_.digest));
    waiting_ = !lock;
    if (waiting_) return State::waiting;
    lock_.emplace(std::move(*lock));
    if (in_cache()) {  // somebody else has fetched it meanwhile
      arrived();
      return State::done;
    }
  }
  if (!partial_) partial_.emplace(cache_.blob(file_.digest), file_);
  if (partial_->size() < *file_.size || !partial_->commit()) return State::ready;
  arrived();
  return State::done;
}

void FileRequest::begin(std::uint64_t offset) {
  if (offset == 0 && partial_->size() > 0) partial_->restart();
}

void FileRequest::add(std::span<const std::byte> bytes) {
  partial_->add(bytes);
  fetched_ += bytes.size();
}

std::string FileRequest::finish(const Answer&) {
  if (partial_->size() < *file_.size) {
    return fmt::format("{} ends after {} of {} bytes", url(), partial_->size(), *file_.size);
  }
  if (partial_->commit()) {
    arrived();
    return "";
  }
  const char* kind = file_.digest.size() == 64 ? "SHA-256" : "SHA-1 of git";
  check(++wrong_ < 2, ErrorCode::bad_file, "{} is not the file that the hub names: its {} is not {}", url(), kind,
        file_.digest);
  return fmt::format("{} came damaged", url());
}

void FileRequest::arrived() {
  here_ = true;
  partial_.reset();
  lock_.reset();
}

}  // namespace sumi
