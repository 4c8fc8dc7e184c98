#include "hub/pull.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <utility>

#include <fmt/ranges.h>

#include "core/check.h"
#include "core/json.h"
#include "hub/find.h"
#include "hub/requests.h"

namespace sumi {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr const char* kIndex = "model_index.json";

/// For a message: not more than a dozen.
std::string listed(const std::vector<std::string>& names) {
  const std::size_t count = std::min<std::size_t>(names.size(), 12);
  const auto last = names.begin() + static_cast<std::ptrdiff_t>(count);
  const std::string more = count < names.size() ? fmt::format(" and {} more", names.size() - count) : "";
  return fmt::format("{}{}", fmt::join(names.begin(), last, ", "), more);
}

std::uint64_t bytes_of(const std::vector<HubFile>& files) {
  std::uint64_t bytes = 0;
  for (const HubFile& file : files) bytes += *file.size;  // at most 10^5 files of 2^44 bytes
  return bytes;
}

/// Bytes per second over the last few seconds.
class Rate {
 public:
  double over(std::uint64_t bytes) {
    const auto now = Clock::now();
    seen_.emplace_back(now, bytes);
    while (seen_.size() > 2 && now - seen_.front().first > std::chrono::seconds(5)) seen_.pop_front();
    const std::chrono::duration<double> seconds = now - seen_.front().first;
    return seconds.count() > 0 ? static_cast<double>(bytes - seen_.front().second) / seconds.count() : 0;
  }

 private:
  std::deque<std::pair<Clock::time_point, std::uint64_t>> seen_;
};

/// One pull, step by step.
class Puller {
 public:
  Puller(const PullOptions& options, const HubSettings& settings, const HubName& name)
      : options_(options), settings_(settings), place_{settings, name}, cache_(settings.cache, name) {}

  PullResult run() {
    repository_ = ask();
    PullResult result{.commit = repository_.commit};
    std::vector<HubFile> files = options_.include.empty() ? needed(result.notes) : included();
    describe(files);
    result.files = files.size();
    result.bytes = bytes_of(files);
    fetch(files, options_.progress);
    result.fetched_bytes = fetched_;
    result.path = show(files);
    return result;
  }

 private:
  Repository ask() const {
    std::vector<std::unique_ptr<HttpRequest>> requests;
    requests.push_back(std::make_unique<DescriptionRequest>(place_, place_.repository_url()));
    run_requests(requests, settings_, options_.stop, {});
    const auto& request = static_cast<const DescriptionRequest&>(*requests[0]);
    return parse_repository(request.text(), request.url());
  }

  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const HubFile& file : repository_.files) names.push_back(file.path);
    return names;
  }

  std::vector<HubFile> files_of(const std::vector<std::string>& names) const {
    std::vector<HubFile> files;
    for (const HubFile& file : repository_.files) {
      if (std::find(names.begin(), names.end(), file.path) != names.end()) files.push_back(file);
    }
    return files;
  }

  std::vector<HubFile> included() const {
    const std::vector<std::string> all = names(), matching = match_files(all, options_.include);
    check(!matching.empty(), ErrorCode::not_found, "no file of {} matches {}; it has {}", place_.name.id(),
          fmt::join(options_.include, ", "), listed(all));
    return files_of(matching);
  }

  std::vector<HubFile> needed(std::vector<std::string>& notes) {
    const std::vector<std::string> all = names();
    const Choice choice = choose_files(all, index(), options_.variant);
    const std::string id = place_.name.id();
    check(choice.candidates.empty(), ErrorCode::usage, "{} holds several models: {}; choose with --include FILE", id,
          listed(choice.candidates));
    check(choice.missing.empty(), ErrorCode::unsupported,
          "{} lacks {}; it has {}; --include PATTERN fetches files all the same", id, fmt::join(choice.missing, ", "),
          listed(all));
    for (const std::string& part : choice.left_out) {
      notes.push_back(fmt::format("left out {}; --include '{}/*' fetches it", part, part));
    }
    return files_of(choice.files);
  }

  /// The repository's model_index.json, fetched ahead, where it has one.
  std::optional<Settings> index() {
    std::vector<HubFile> files = files_of({kIndex});
    if (files.empty()) return std::nullopt;
    describe(files);
    fetch(files, {});
    return Settings(read_json(cache_.blob(files[0].digest)), place_.name.id() + "/" + kIndex);
  }

  /// Asks for what the repository's description does not tell of files.
  void describe(std::vector<HubFile>& files) const {
    std::vector<std::unique_ptr<HttpRequest>> requests;
    std::vector<HubFile*> unknown;
    for (HubFile& file : files) {
      if (!file.digest.empty() && file.size) continue;
      unknown.push_back(&file);
      const std::string url = place_.file_url(repository_.commit, file.path);
      requests.push_back(std::make_unique<DescriptionRequest>(place_, url, true));
    }
    if (requests.empty()) return;
    run_requests(requests, settings_, options_.stop, {});
    for (std::size_t i = 0; i < unknown.size(); ++i) {
      const auto& request = static_cast<const DescriptionRequest&>(*requests[i]);
      const auto told = describe_file(unknown[i]->path, request.answer().headers);
      check(told && told->size, ErrorCode::unsupported, "{} names neither the digest nor the size of {}",
            settings_.endpoint, unknown[i]->path);
      *unknown[i] = *told;
    }
  }

  void check_room(std::uint64_t bytes) const {
    fs::path folder = fs::absolute(settings_.cache);
    std::error_code problem;
    while (!fs::exists(folder, problem) && folder.has_relative_path()) folder = folder.parent_path();
    const fs::space_info space = fs::space(folder, problem);
    check(problem || bytes <= space.available, ErrorCode::io,
          "{} needs {:.2f} GB more, and {} has {:.2f} GB free; HF_HUB_CACHE names another place", place_.name.id(),
          static_cast<double>(bytes) / 1e9, folder.string(), static_cast<double>(space.available) / 1e9);
  }

  /// Brings the files into the cache.
  void fetch(const std::vector<HubFile>& files, const std::function<void(const PullProgress&)>& progress) {
    std::vector<std::unique_ptr<HttpRequest>> requests;
    std::uint64_t needed = 0;
    for (const HubFile& file : files) {
      auto request = std::make_unique<FileRequest>(place_, cache_, repository_.commit, file);
      if (!request->is_here()) needed += *file.size;
      requests.push_back(std::move(request));
    }
    const std::uint64_t kept = std::min(needed, cache_.half_fetched_bytes());
    check_room(needed - kept);
    Rate rate;
    Clock::time_point told{};
    run_requests(requests, settings_, options_.stop, [&] {
      if (!progress || Clock::now() - told < std::chrono::milliseconds(100)) return;
      told = Clock::now();
      progress(progress_of(requests, rate));
    });
    if (progress) progress(progress_of(requests, rate));
    for (const auto& each : requests) fetched_ += static_cast<const FileRequest&>(*each).fetched();
  }

  static PullProgress progress_of(std::span<const std::unique_ptr<HttpRequest>> requests, Rate& rate) {
    PullProgress progress{.files = requests.size()};
    std::uint64_t fetched = 0;
    std::size_t waiting = 0;
    for (const auto& each : requests) {
      const auto& request = static_cast<const FileRequest&>(*each);
      progress.files_done += request.is_here();
      progress.bytes += *request.file().size;
      progress.bytes_done += request.bytes_here();
      fetched += request.fetched();
      waiting += !request.is_here() && request.is_waiting();
    }
    progress.bytes_per_second = rate.over(fetched);
    progress.waiting = waiting > 0 && progress.files_done + waiting == progress.files;
    return progress;
  }

  /// Makes the snapshot, when all of its files are there. Returns the model's path.
  fs::path show(const std::vector<HubFile>& files) const {
    for (const HubFile& file : files) cache_.link(repository_.commit, file);
    cache_.write_revision(place_.name.revision, repository_.commit);
    const fs::path folder = cache_.snapshot(repository_.commit);
    const bool one = !options_.include.empty() && files.size() == 1;
    return one ? folder / files[0].path : look_at(folder).path;
  }

  const PullOptions& options_;
  const HubSettings& settings_;
  HubPlace place_;
  RepositoryCache cache_;
  Repository repository_;
  std::uint64_t fetched_ = 0;
};

PullResult from_cache(const HubName& name, const HubSettings& settings) {
  const auto snapshot = cached_snapshot(name, settings);
  check(snapshot && snapshot->missing.empty(), ErrorCode::not_found,
        "{} is not whole in {}, and HF_HUB_OFFLINE forbids to fetch it", name.id(), settings.cache.string());
  const RepositoryCache cache(settings.cache, name);
  return {.path = snapshot->path,
          .commit = *cache.commit_of(name.revision),
          .files = snapshot->files.size(),
          .bytes = snapshot->bytes};
}

}  // namespace

PullResult pull(const PullOptions& options, const HubSettings& settings) {
  const auto name = parse_hub_name(options.model);
  check(name.has_value(), ErrorCode::usage, "'{}' is no model of a hub; expected ORG/NAME or ORG/NAME@REV",
        options.model);
  return settings.offline ? from_cache(*name, settings) : Puller(options, settings, *name).run();
}

}  // namespace sumi
