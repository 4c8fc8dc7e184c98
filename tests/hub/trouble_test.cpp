#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <thread>

#include <gtest/gtest.h>

#include "fake_hub.h"
#include "hub/pull.h"
#include "support/scratch.h"

extern char** environ;

namespace sumi::test {
namespace {

namespace fs = std::filesystem;
using httplib::Request;
using httplib::Response;

/// Pulls through which a hub, a disk or a user does what it should not.
class Trouble : public testing::Test {
 protected:
  Trouble() { hub_.add_model(); }
  ~Trouble() override { over_ = true; }

  PullResult pull_all() const { return pull({.model = "org/name"}, hub_.settings(cache_.path())); }
  void expect_refusal(ErrorCode code, std::string_view text) {
    expect_error(code, text, [&] { pull_all(); });
    EXPECT_FALSE(fs::exists(cache_ / "models--org--name/snapshots")) << "nothing half-fetched is to be seen";
  }
  bool whole() const {
    std::ifstream file(cache_ / "models--org--name/snapshots" / FakeHub::commit / kUnet, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {}) == hub_.content(kUnet);
  }
  fs::path partial() const { return cache_ / "models--org--name/blobs" / (hub_.digest(kUnet) + ".incomplete"); }

  std::atomic<bool> over_{false};  ///< of what a test lets the hub do; it ends before this
  FakeHub hub_;
  ScratchFolder cache_;
};

TEST_F(Trouble, ACutIsResumedWhereItBroke) {
  hub_.trouble(kUnet, [&](const Request& request, Response& response, int count) {
    if (count < 3) hub_.serve(request, response, kUnet, 100'000);
    return count < 3;
  });
  const PullResult result = pull_all();
  EXPECT_TRUE(whole());
  const auto asked = hub_.asked(kUnet);
  ASSERT_EQ(asked.size(), 3u);
  EXPECT_EQ(asked[0].range, "");
  EXPECT_EQ(asked[1].range, "bytes=100000-");
  EXPECT_EQ(asked[2].range, "bytes=200000-");
  EXPECT_EQ(result.fetched_bytes, result.bytes) << "no byte came twice";
}

TEST_F(Trouble, AServerThatIgnoresRangesBeginsAnew) {
  hub_.trouble(kUnet, [&](const Request& request, Response& response, int count) {
    hub_.serve(request, response, kUnet, count < 2 ? 100'000 : SIZE_MAX, false);
    return true;
  });
  const PullResult result = pull_all();
  EXPECT_TRUE(whole());
  EXPECT_EQ(result.fetched_bytes, result.bytes + 100'000);
}

TEST_F(Trouble, AnotherPartThanAskedForIsRefused) {
  hub_.trouble(kUnet, [&](const Request& request, Response& response, int count) {
    hub_.serve(request, response, kUnet, count < 2 ? 100'000 : SIZE_MAX);
    if (count < 2) return true;
    response.headers.erase("Content-Range");
    response.set_header("Content-Range", "bytes 5-299999/300000");
    return true;
  });
  expect_refusal(ErrorCode::bad_file, "another part than was asked for");
}

TEST_F(Trouble, CutsThatNeverEndAreGivenUp) {
  hub_.trouble(kUnet, [&](const Request& request, Response& response, int count) {
    hub_.serve(request, response, kUnet, count == 1 ? 50'000 : 0);
    return true;
  });
  expect_refusal(ErrorCode::io, "the same command goes on from there");
  EXPECT_EQ(hub_.asked(kUnet).size(), 5u);
  EXPECT_EQ(fs::file_size(partial()), 50'000u);
  hub_.trouble(kUnet, [](const Request&, Response&, int) { return false; });
  pull_all();
  EXPECT_TRUE(whole());
  EXPECT_EQ(hub_.asked(kUnet).back().range, "bytes=50000-");
}

TEST_F(Trouble, AStallCountsAsACut) {
  hub_.trouble(kUnet, [&](const Request&, Response& response, int count) {
    if (count > 1) return false;
    response.set_content_provider(300'000, "application/octet-stream",
                                  [&](std::size_t, std::size_t, httplib::DataSink&) {
                                    while (!over_) std::this_thread::sleep_for(std::chrono::milliseconds(5));
                                    return false;
                                  });
    return true;
  });
  pull_all();
  over_ = true;
  EXPECT_TRUE(whole());
  EXPECT_EQ(hub_.asked(kUnet).size(), 2u);
}

TEST_F(Trouble, DamageOnTheWayIsMendedOnce) {
  hub_.trouble(kUnet, [&](const Request&, Response& response, int count) {
    if (count == 1) response.set_content(std::string(hub_.content(kUnet).size(), 'x'), "application/octet-stream");
    return count == 1;
  });
  pull_all();
  EXPECT_TRUE(whole());
}

TEST_F(Trouble, AnotherFileThanNamedIsRefused) {
  hub_.trouble(kUnet, [&](const Request&, Response& response, int) {
    response.set_content(std::string(hub_.content(kUnet).size(), 'x'), "application/octet-stream");
    return true;
  });
  expect_refusal(ErrorCode::bad_file, "its SHA-256 is not " + hub_.digest(kUnet));
  EXPECT_EQ(fs::file_size(partial()), 0u);
  EXPECT_EQ(hub_.asked(kUnet).size(), 2u);
}

TEST_F(Trouble, ASmallFileIsCheckedTooByGitsDigest) {
  hub_.trouble("unet/config.json", [](const Request&, Response& response, int) {
    response.set_content(R"({"sample_size": 65})", "application/json");
    return true;
  });
  expect_refusal(ErrorCode::bad_file, "its SHA-1 of git is not " + hub_.digest("unet/config.json"));
}

TEST_F(Trouble, FilesOfAnotherSizeAreRefused) {
  hub_.trouble(kUnet, [&](const Request&, Response& response, int) {
    response.set_content(hub_.content(kUnet) + "more", "application/octet-stream");
    return true;
  });
  expect_refusal(ErrorCode::bad_file, "more than the 300000 bytes");
  hub_.trouble(kUnet, [&](const Request& request, Response& response, int) {
    if (request.has_header("Range")) {
      response.status = 416;
    } else {
      response.set_content(hub_.content(kUnet).substr(1), "application/octet-stream");
    }
    return true;
  });
  expect_refusal(ErrorCode::io, "");
}

TEST_F(Trouble, BusyServersAreTriedAgain) {
  hub_.trouble(kUnet, [](const Request&, Response& response, int count) {
    response.status = 503;
    return count < 4;
  });
  pull_all();
  EXPECT_TRUE(whole());
}

TEST_F(Trouble, BusyServersAreGivenUpInTheEnd) {
  hub_.trouble(kUnet, [](const Request&, Response& response, int) { return response.status = 502, true; });
  expect_refusal(ErrorCode::io, "status 502");
  EXPECT_EQ(hub_.asked(kUnet).size(), 5u);
}

TEST_F(Trouble, RetryAfterIsObeyed) {
  hub_.trouble(kUnet, [](const Request&, Response& response, int count) {
    response.status = 429;
    response.set_header("Retry-After", "1");
    return count == 1;
  });
  const auto begin = std::chrono::steady_clock::now();
  pull_all();
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::seconds(1));
  EXPECT_TRUE(whole());
}

TEST_F(Trouble, AMissingFileIsNamed) {
  hub_.trouble(kUnet, [](const Request&, Response& response, int) {
    response.status = 404;
    response.set_header("X-Error-Code", "EntryNotFound");
    return true;
  });
  expect_refusal(ErrorCode::not_found, std::string(kUnet) + " is not there");
}

TEST_F(Trouble, MissingPrivateAndGatedModels) {
  hub_.status = 404;
  expect_refusal(ErrorCode::not_found, "there is no model org/name at " + hub_.endpoint());
  hub_.error_code = "RevisionNotFound";
  expect_refusal(ErrorCode::not_found, "org/name has no revision 'main'");
  hub_.status = 401, hub_.error_code = "RepoNotFound";
  expect_refusal(ErrorCode::not_found, "or it is private");
  hub_.status = 403, hub_.error_code = "GatedRepo";
  expect_refusal(ErrorCode::not_found, "org/name is gated: accept its conditions at " + hub_.endpoint() + "/org/name");
  hub_.error_code = "";
  expect_refusal(ErrorCode::not_found, "refuses access to org/name");
}

TEST_F(Trouble, TheTokenStaysWithTheHub) {
  FakeHub other;
  other.add_model();
  hub_.trouble(kUnet, [&](const Request& request, Response& response, int) {
    response.set_redirect(other.endpoint("localhost") + request.path);
    return true;
  });
  hub_.trouble("unet/config.json", [&](const Request& request, Response& response, int) {
    response.set_redirect(other.endpoint() + request.path);  // another port is another server
    return true;
  });
  pull_all();
  EXPECT_TRUE(whole());
  EXPECT_EQ(hub_.asked(kUnet).at(0).authorization, "Bearer secret");
  EXPECT_EQ(other.asked(kUnet).at(0).authorization, "");
  EXPECT_EQ(other.asked("unet/config.json").at(0).authorization, "");
}

TEST_F(Trouble, RangesSurviveARedirect) {
  FakeHub other;
  other.add_model();
  other.trouble(kUnet, [&](const Request& request, Response& response, int count) {
    if (count == 1) other.serve(request, response, kUnet, 100'000);
    return count == 1;
  });
  hub_.trouble(kUnet, [&](const Request& request, Response& response, int) {
    const_cast<Request&>(request).ranges.clear();
    response.set_redirect(other.endpoint() + request.path);
    return true;
  });
  pull_all();
  EXPECT_TRUE(whole());
  EXPECT_EQ(other.asked(kUnet).at(1).range, "bytes=100000-");
}

TEST_F(Trouble, EndlessRedirectsAreRefused) {
  hub_.trouble(kUnet, [&](const Request& request, Response& response, int) {
    response.set_redirect(hub_.endpoint() + request.path);
    return true;
  });
  expect_refusal(ErrorCode::bad_file, "redirects without end");
}

TEST_F(Trouble, HostileDescriptionsAreRefused) {
  hub_.raw_description = "<!doctype html><title>Log in to this hotel's network</title>";
  expect_refusal(ErrorCode::bad_file, "not valid JSON");
  hub_.raw_description = "";
  const auto with_file = [](const Json& file) {
    return Json{{"sha", FakeHub::commit}, {"siblings", Json::array({file})}};
  };
  hub_.description = with_file({{"rfilename", "../../../etc/cron.d/x"}, {"size", 1}});
  expect_refusal(ErrorCode::bad_file, "no path of a file");
  hub_.description = with_file({{"rfilename", "model_index.json"}, {"size", 1e30}});
  expect_refusal(ErrorCode::bad_file, "size");
  hub_.description = with_file({{"rfilename", "x.safetensors"}, {"size", 1ll << 43}, {"blobId", std::string(40, 'a')}});
  expect_refusal(ErrorCode::io, "GB free");
}

TEST_F(Trouble, AVanishedServerIsToldInOneLine) {
  HubSettings settings = hub_.settings(cache_.path());
  {
    const FakeHub gone;
    settings.endpoint = gone.endpoint();
  }
  expect_error(ErrorCode::io, settings.endpoint, [&] { pull({.model = "org/name"}, settings); });
}

TEST_F(Trouble, AStopEndsAtOnceAndIsResumed) {
  std::atomic<bool> stop{false};
  hub_.trouble(kUnet, [&](const Request& request, Response& response, int count) {
    if (count == 1) hub_.serve(request, response, kUnet, 100'000);
    if (count == 2) stop = true, response.status = 503;
    return count < 3;
  });
  expect_error(ErrorCode::cancelled, "goes on",
               [&] { pull({.model = "org/name", .stop = &stop}, hub_.settings(cache_.path())); });
  EXPECT_EQ(fs::file_size(partial()), 100'000u);
  pull_all();
  EXPECT_TRUE(whole());
}

TEST_F(Trouble, AFolderThatCannotBeWrittenIsNamed) {
  cache_.write("file", "");
  HubSettings settings = hub_.settings(cache_ / "file/hub");
  expect_error(ErrorCode::io, (cache_ / "file/hub").string(), [&] { pull({.model = "org/name"}, settings); });
}

/// A pull in another process.
class Process {
 public:
  Process(const HubSettings& settings, const fs::path& output, const char* limit = nullptr) {
    ::setenv("HF_ENDPOINT", settings.endpoint.c_str(), 1);
    ::setenv("HF_HUB_CACHE", settings.cache.c_str(), 1);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_addopen(&actions, 1, output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    std::vector<char*> arguments{const_cast<char*>("puller"), const_cast<char*>("org/name"), const_cast<char*>(limit),
                                 nullptr};
    EXPECT_EQ(::posix_spawn(&id_, SUMI_PULLER, &actions, nullptr, arguments.data(), environ), 0);
    ::posix_spawn_file_actions_destroy(&actions);
    for (const char* name : {"HF_ENDPOINT", "HF_HUB_CACHE"}) ::unsetenv(name);
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() { kill(); }

  void kill() {
    if (id_ > 0) ::kill(id_, SIGKILL);
    wait();
  }
  int wait() {
    int status = 0;
    if (id_ > 0) ::waitpid(std::exchange(id_, -1), &status, 0);
    return status;
  }

 private:
  pid_t id_ = -1;
};

TEST_F(Trouble, AKilledPullIsResumedByTheNext) {
  hub_.trouble(kUnet, [&](const Request&, Response& response, int count) {
    if (count > 1) return false;
    response.set_content_provider(300'000, "application/octet-stream",
                                  [&](std::size_t offset, std::size_t, httplib::DataSink& sink) {
                                    if (offset == 0) return sink.write(hub_.content(kUnet).data(), 100'000);
                                    while (!over_) std::this_thread::sleep_for(std::chrono::milliseconds(5));
                                    return false;
                                  });
    return true;
  });
  Process process(hub_.settings(cache_.path()), cache_ / "out");
  const auto size = [&] {
    std::error_code missing;
    const auto bytes = fs::file_size(partial(), missing);
    return missing ? 0 : bytes;
  };
  for (int i = 0; i < 1000 && size() < 100'000; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  process.kill();
  over_ = true;
  EXPECT_EQ(size(), 100'000u);
  EXPECT_FALSE(whole());
  pull_all();
  EXPECT_TRUE(whole());
  EXPECT_EQ(hub_.asked(kUnet).at(1).range, "bytes=100000-");
}

TEST_F(Trouble, TwoProcessesWaitForEachOther) {
  hub_.trouble(kUnet, [](const Request&, Response&, int) {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    return false;
  });
  Process first(hub_.settings(cache_.path()), cache_ / "one"), second(hub_.settings(cache_.path()), cache_ / "two");
  EXPECT_EQ(first.wait(), 0);
  EXPECT_EQ(second.wait(), 0);
  EXPECT_TRUE(whole());
  EXPECT_EQ(hub_.asked(kUnet).size(), 1u);
}

TEST_F(Trouble, AFullDiskIsToldAndNothingIsLost) {
  Process process(hub_.settings(cache_.path()), cache_ / "out", "150000");
  EXPECT_EQ(WEXITSTATUS(process.wait()), 1);
  std::ifstream out(cache_ / "out");
  std::string line;
  std::getline(out, line);
  EXPECT_NE(line.find("make room and pull again"), line.npos) << line;
  EXPECT_EQ(fs::file_size(partial()), 150'000u);
  const PullResult result = pull_all();
  EXPECT_TRUE(whole());
  EXPECT_EQ(hub_.asked(kUnet).at(1).range, "bytes=150000-");
}

}  // namespace
}  // namespace sumi::test
