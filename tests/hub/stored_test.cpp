#include "hub/stored.h"

#include <gtest/gtest.h>

#include "support/scratch.h"

namespace sumi::test {
namespace {

namespace fs = std::filesystem;

const std::string kCommit(40, 'a'), kOther(40, 'b');

const StoredModel* find(const std::vector<StoredModel>& models, const std::string& name, const std::string& commit) {
  for (const StoredModel& each : models) {
    if (each.name == name && each.commit == commit) return &each;
  }
  return nullptr;
}

TEST(StoredModels, OfFoldersAndCache) {
  const ScratchFolder cache;
  const std::string whole = "models--org--whole/", half = "models--org--half/";
  cache.write(whole + "blobs/" + kOther, "weights");
  fs::create_directories(cache / (whole + "snapshots/" + kCommit));
  fs::create_symlink("../../blobs/" + kOther, cache / (whole + "snapshots/" + kCommit + "/x.safetensors"));
  cache.write(whole + "refs/main", kCommit);
  cache.write(whole + "refs/refs/pr/1", kCommit);
  cache.write(half + "snapshots/" + kCommit + "/model_index.json", R"({"vae": ["diffusers", "AutoencoderKL"]})");
  cache.write(half + "snapshots/" + kOther + "/model_index.json", "{");
  cache.write(half + "blobs/x.incomplete", "12345");
  cache.write("datasets--org--data/refs/main", kCommit);
  cache.write("models--broken", "");

  const auto models = stored_models({.cache = cache.path()});
  const StoredModel* embedded = find(models, "emoji", "");
  ASSERT_TRUE(embedded);
  EXPECT_TRUE(fs::equivalent(embedded->path, fs::path(SUMI_SOURCE_DIR) / "models/emoji"));
  EXPECT_GT(embedded->bytes, 16'600'000u * 2);  // parameters of two bytes

  const StoredModel* complete = find(models, "org/whole", kCommit);
  ASSERT_TRUE(complete);
  EXPECT_EQ(complete->missing, "");
  EXPECT_EQ(complete->bytes, 7u);
  EXPECT_EQ(complete->path, cache / (whole + "snapshots/" + kCommit + "/x.safetensors"));
  EXPECT_EQ(complete->revisions, (std::vector<std::string>{"main", "refs/pr/1"}));

  const StoredModel* lacking = find(models, "org/half", kCommit);
  ASSERT_TRUE(lacking);
  EXPECT_EQ(lacking->missing, "vae: config.json, vae: weights");
  EXPECT_EQ(lacking->revisions, std::vector<std::string>{});
  const StoredModel* broken = find(models, "org/half", kOther);
  ASSERT_TRUE(broken);
  EXPECT_NE(broken->missing.find("not valid JSON"), std::string::npos);
  const StoredModel* rest = find(models, "org/half", "");
  ASSERT_TRUE(rest);
  EXPECT_EQ(rest->bytes, 5u);
  EXPECT_NE(rest->missing, "");
}

}  // namespace
}  // namespace sumi::test
