#include "hub/find.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <unistd.h>

#include <gtest/gtest.h>

#include "core/check.h"

namespace sumi {
namespace {

namespace fs = std::filesystem;

/// A folder of models called `one` and `two`, and one called `none` that is no model.
class FindModel : public testing::Test {
 protected:
  FindModel() : folder_(fs::temp_directory_path() / ("sumi-hub-" + std::to_string(::getpid()))) {
    for (const char* name : {"one", "two", "none"}) fs::create_directories(folder_ / name);
    for (const char* name : {"one", "two"}) std::ofstream(folder_ / name / "model_index.json") << "{}";
    ::setenv("SUMI_MODELS", folder_.c_str(), 1);
    ::setenv("HF_HUB_CACHE", (folder_ / "hub").c_str(), 1);
  }
  ~FindModel() override {
    ::unsetenv("SUMI_MODELS");
    ::unsetenv("HF_HUB_CACHE");
    fs::remove_all(folder_);
  }

  static std::string error_of(ErrorCode code, const std::string& name) {
    try {
      return "found " + find_model(name).string();
    } catch (const Error& error) {
      return error.code() == code ? error.what() : std::string("wrong code: ") + error.what();
    }
  }

  fs::path folder_;
};

TEST_F(FindModel, TheEmbeddedOneIsFoundFromTheProgram) {
  ::unsetenv("SUMI_MODELS");
  EXPECT_TRUE(fs::equivalent(find_model(""), fs::path(SUMI_SOURCE_DIR) / "models/emoji"));
  EXPECT_TRUE(fs::equivalent(find_model("emoji"), find_model("")));
}

TEST_F(FindModel, TheEmbeddedOneIsTakenFromTheEnvironmentFirst) {
  EXPECT_TRUE(fs::equivalent(find_model(""), fs::path(SUMI_SOURCE_DIR) / "models/emoji")) << "there is none there yet";
  fs::create_directories(folder_ / "emoji");
  std::ofstream(folder_ / "emoji/model_index.json") << "{}";
  EXPECT_EQ(find_model(""), folder_ / "emoji");
}

TEST_F(FindModel, PathsAndNames) {
  EXPECT_EQ(find_model((folder_ / "one").string()), folder_ / "one");
  EXPECT_EQ(find_model("one"), folder_ / "one");
  const auto names = model_names();
  for (const char* name : {"emoji", "one", "two"}) EXPECT_EQ(std::count(names.begin(), names.end(), name), 1) << name;
  EXPECT_EQ(std::find(names.begin(), names.end(), "none"), names.end());
}

TEST_F(FindModel, MissingOnesNameTheNearest) {
  EXPECT_EQ(error_of(ErrorCode::not_found, "emojy"), "there is no model 'emojy'; did you mean emoji?");
  const std::string path = (folder_ / "tow").string();
  EXPECT_EQ(error_of(ErrorCode::not_found, path),
            "there is no model '" + path + "'; did you mean " + (folder_ / "two").string() + "?");
  EXPECT_EQ(error_of(ErrorCode::not_found, (folder_ / "hbu/one").string()),
            "there is no model '" + (folder_ / "hbu/one").string() + "'")
      << "there is no folder hub yet";
  EXPECT_EQ(error_of(ErrorCode::not_found, "/nowhere/at/all"), "there is no model '/nowhere/at/all'");
}

TEST_F(FindModel, FilesOfWeightsAreModelsAndOthersAreNot) {
  std::ofstream(folder_ / "single.safetensors") << "weights";
  EXPECT_EQ(find_model((folder_ / "single.safetensors").string()), folder_ / "single.safetensors");
  EXPECT_EQ(find_model("single.safetensors"), folder_ / "single.safetensors");
  EXPECT_EQ(error_of(ErrorCode::not_found, (folder_ / "singel.safetensors").string()),
            "there is no model '" + (folder_ / "singel.safetensors").string() + "'; did you mean " +
                (folder_ / "single.safetensors").string() + "?");
  const std::string path = (folder_ / "one/model_index.json").string();
  EXPECT_EQ(error_of(ErrorCode::unsupported, path).find(path + " is no model: expected"), 0u);
}

TEST_F(FindModel, InTheCacheOfTheHub) {
  EXPECT_EQ(error_of(ErrorCode::not_found, "org/name"),
            "there is no model 'org/name' here; `sumi pull org/name` fetches it from the hub");
  const std::string commit(40, 'a');
  const fs::path repository = folder_ / "hub/models--org--name", snapshot = repository / "snapshots" / commit;
  fs::create_directories(snapshot);
  fs::create_directories(repository / "refs");
  std::ofstream(repository / "refs/main") << commit;
  std::ofstream(snapshot / "model_index.json") << R"({"unet": ["diffusers", "UNet2DConditionModel"]})";
  EXPECT_EQ(
      error_of(ErrorCode::not_found, "org/name"),
      "org/name in the cache lacks unet: config.json, unet: weights; `sumi pull org/name` fetches it from the hub");
  fs::create_directories(snapshot / "unet");
  std::ofstream(snapshot / "unet/config.json") << "{}";
  std::ofstream(snapshot / "unet/diffusion_pytorch_model.safetensors") << "weights";
  EXPECT_EQ(find_model("org/name"), snapshot);
  EXPECT_EQ(find_model("org/name@" + commit), snapshot);
  EXPECT_EQ(
      error_of(ErrorCode::not_found, "org/name@v2"),
      "there is no model 'org/name@v2' here; `sumi pull org/name@v2` fetches it from the hub; did you mean org/name?");
  EXPECT_EQ(error_of(ErrorCode::not_found, "org/nmae"),
            "there is no model 'org/nmae' here; `sumi pull org/nmae` fetches it from the hub; did you mean org/name?");
}

TEST_F(FindModel, AFolderOfTheFirstPartMakesAPathOnlyOfWhatIsNotThere) {
  const fs::path snapshot = folder_ / "hub/models--org--name/snapshots" / std::string(40, 'a');
  fs::create_directories(folder_ / "org");
  EXPECT_EQ(error_of(ErrorCode::not_found, "org/name"), "there is no model 'org/name'");
  fs::create_directories(snapshot);
  fs::create_directories(folder_ / "hub/models--org--name/refs");
  std::ofstream(folder_ / "hub/models--org--name/refs/main") << std::string(40, 'a');
  std::ofstream(snapshot / "a.safetensors") << "a";
  EXPECT_EQ(find_model("org/name"), snapshot / "a.safetensors");
}

TEST_F(FindModel, OneOfSeveralFilesInTheCacheHasToBeNamed) {
  const std::string commit(40, 'a');
  const fs::path repository = folder_ / "hub/models--org--name", snapshot = repository / "snapshots" / commit;
  fs::create_directories(snapshot);
  std::ofstream(snapshot / "a.safetensors") << "a";
  EXPECT_EQ(find_model("org/name@" + commit), snapshot / "a.safetensors");
  std::ofstream(snapshot / "b.safetensors") << "b";
  EXPECT_EQ(error_of(ErrorCode::not_found, "org/name@" + commit),
            "org/name@" + commit + " holds several models: a.safetensors, b.safetensors; name one by its path, in " +
                snapshot.string());
}

}  // namespace
}  // namespace sumi
