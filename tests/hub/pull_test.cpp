#include "hub/pull.h"

#include <algorithm>
#include <atomic>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "fake_hub.h"
#include "hub/cache.h"
#include "hub/find.h"
#include "support/scratch.h"

namespace sumi::test {
namespace {

namespace fs = std::filesystem;

std::string read_text(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Paths of all that is not a folder, relative to `folder`.
std::set<std::string> tree(const fs::path& folder) {
  std::set<std::string> paths;
  for (const auto& item : fs::recursive_directory_iterator(folder)) {
    if (!item.is_directory()) paths.insert(item.path().lexically_relative(folder).string());
  }
  return paths;
}

class Pull : public testing::Test {
 protected:
  Pull() { hub_.add_model(); }

  fs::path repository() const { return cache_ / "models--org--name"; }
  fs::path snapshot() const { return repository() / "snapshots" / FakeHub::commit; }
  PullResult pull_all() const { return pull({.model = "org/name"}, hub_.settings(cache_.path())); }
  void expect_model() const {
    for (const char* path : {"model_index.json", "scheduler/scheduler_config.json", "unet/config.json", kUnet}) {
      EXPECT_TRUE(read_text(snapshot() / path) == hub_.content(path)) << path;
    }
  }

  FakeHub hub_;
  ScratchFolder cache_;
};

TEST_F(Pull, BringsWhatTheModelNeedsInTheLayoutOfTheHubsLibrary) {
  const PullResult result = pull_all();
  expect_model();
  EXPECT_EQ(tree(snapshot()),
            (std::set<std::string>{"model_index.json", "scheduler/scheduler_config.json", "unet/config.json", kUnet}));
  EXPECT_EQ(tree(repository() / "blobs"),
            (std::set<std::string>{hub_.digest("model_index.json"), hub_.digest("scheduler/scheduler_config.json"),
                                   hub_.digest("unet/config.json"), hub_.digest(kUnet)}));
  EXPECT_EQ(fs::read_symlink(snapshot() / kUnet), "../../../blobs/" + hub_.digest(kUnet));
  EXPECT_EQ(read_text(repository() / "refs/main"), FakeHub::commit);
  EXPECT_EQ(tree(cache_ / ".locks/models--org--name").size(), 4u);
  EXPECT_EQ(result.path, snapshot());
  EXPECT_EQ(result.commit, FakeHub::commit);
  EXPECT_EQ(result.files, 4u);
  EXPECT_EQ(result.fetched_bytes, result.bytes);
}

TEST_F(Pull, ASecondTimeNothingIsFetched) {
  pull_all();
  const std::size_t asked = hub_.asked_in_all();
  EXPECT_EQ(pull_all().fetched_bytes, 0u);
  EXPECT_EQ(hub_.asked_in_all(), asked);
}

TEST_F(Pull, TellsItsProgress) {
  std::vector<PullProgress> told;
  const auto keep = [&](const PullProgress& progress) { told.push_back(progress); };
  const PullResult result = pull({.model = "org/name", .progress = keep}, hub_.settings(cache_.path()));
  ASSERT_FALSE(told.empty());
  EXPECT_EQ(told.back().files_done, 4u);
  EXPECT_EQ(told.back().files, 4u);
  EXPECT_EQ(told.back().bytes_done, result.bytes);
  EXPECT_EQ(told.back().bytes, result.bytes);
}

TEST_F(Pull, PatternsAndVariantsChooseOtherFiles) {
  const HubSettings settings = hub_.settings(cache_.path());
  EXPECT_EQ(pull({.model = "org/name", .include = {"*.ckpt"}}, settings).path, snapshot() / "whole.ckpt");
  EXPECT_EQ(tree(snapshot()), (std::set<std::string>{"whole.ckpt"}));
  expect_error(ErrorCode::not_found, "no file of org/name matches *.gguf; it has README.md",
               [&] { pull({.model = "org/name", .include = {"*.gguf"}}, settings); });
  pull({.model = "org/name", .variant = "fp16"}, settings);
  EXPECT_TRUE(fs::exists(snapshot() / "unet/diffusion_pytorch_model.fp16.safetensors"));
  EXPECT_FALSE(fs::exists(snapshot() / kUnet));
}

TEST_F(Pull, ARevisionIsAskedForAndRemembered) {
  const HubSettings settings = hub_.settings(cache_.path());
  pull({.model = "org/name@refs/pr/1"}, settings);
  EXPECT_EQ(read_text(repository() / "refs/refs/pr/1"), FakeHub::commit);
  EXPECT_FALSE(fs::exists(repository() / "refs/main"));
  pull({.model = "org/name@" + FakeHub::commit}, settings);
  EXPECT_FALSE(fs::exists(repository() / "refs" / FakeHub::commit)) << "a commit stands for itself";
  expect_error(ErrorCode::usage, "ORG/NAME", [&] { pull({.model = "org/../name"}, settings); });
}

TEST_F(Pull, HubsThatTellNoDigestsAreAskedFileByFile) {
  hub_.tells_digests = false;
  EXPECT_EQ(pull_all().files, 4u);
  expect_model();
}

TEST_F(Pull, OfflineTakesWhatIsWholeAndAsksNobody) {
  HubSettings settings = hub_.settings(cache_.path());
  settings.offline = true;
  const auto offline = [&] { return pull({.model = "org/name"}, settings); };
  expect_error(ErrorCode::not_found, "HF_HUB_OFFLINE", offline);
  pull_all();
  const std::size_t asked = hub_.asked_in_all();
  EXPECT_EQ(offline().path, snapshot());
  fs::remove(snapshot() / kUnet);
  expect_error(ErrorCode::not_found, "org/name is not whole", offline);
  EXPECT_EQ(hub_.asked_in_all(), asked);
}

TEST_F(Pull, SeveralAtOnceFetchEachFileOnce) {
  hub_.trouble(kUnet, [](const auto&, auto&, int) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    return false;
  });
  std::atomic<std::uint64_t> fetched{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) threads.emplace_back([&] { fetched += pull_all().fetched_bytes; });
  for (std::thread& thread : threads) thread.join();
  expect_model();
  EXPECT_EQ(hub_.asked(kUnet).size(), 1u);
  EXPECT_EQ(fetched, pull_all().bytes);
}

TEST_F(Pull, TrustsOnlyCertificatesThatItKnows) {
  const auto hub = FakeHub::secure();
  hub->add_model();
  HubSettings settings = hub->settings(cache_.path());
  try {
    pull({.model = "org/name"}, settings);
    FAIL() << "a certificate that nobody knows was taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::io);
    EXPECT_NE(std::string(error.what()).find("certificate"), std::string::npos) << error.what();
  }
  EXPECT_EQ(hub->asked_in_all(), 0u);
  settings.certificates = cache_.write("known.pem", hub->certificate());
  EXPECT_EQ(pull({.model = "org/name"}, settings).files, 4u);
  EXPECT_TRUE(read_text(snapshot() / kUnet) == hub->content(kUnet));
}

TEST_F(Pull, ASingleFileAndSeveral) {
  FakeHub hub;
  const HubSettings settings = hub.settings(cache_.path());
  hub.add("one.safetensors", "weights", true);
  hub.add("one.yaml", "model:");
  hub.add("README.md", "r");
  EXPECT_EQ(pull({.model = "org/name"}, settings).path, snapshot() / "one.safetensors");
  EXPECT_EQ(tree(snapshot()), (std::set<std::string>{"one.safetensors", "one.yaml"}));
  hub.add("two.safetensors", "more weights", true);
  expect_error(ErrorCode::usage, "one.safetensors, two.safetensors; choose with --include FILE",
               [&] { pull({.model = "org/name"}, settings); });
}

TEST_F(Pull, AModelThatLacksWeightsIsRefused) {
  FakeHub hub;
  hub.add("model_index.json", R"({"unet": ["diffusers", "UNet2DConditionModel"]})");
  hub.add("unet/config.json", "{}");
  hub.add("unet/model.onnx", "o");
  expect_error(ErrorCode::unsupported, "unet: weights",
               [&] { pull({.model = "org/name"}, hub.settings(cache_.path())); });
}

}  // namespace
}  // namespace sumi::test
