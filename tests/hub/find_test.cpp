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
  }
  ~FindModel() override {
    ::unsetenv("SUMI_MODELS");
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
  EXPECT_EQ(error_of(ErrorCode::not_found, path)
                .find("there is no model '" + path + "'; did you mean " + (folder_ / "two").string()),
            0u);
  EXPECT_EQ(error_of(ErrorCode::not_found, "/nowhere/at/all"), "there is no model '/nowhere/at/all'");
}

TEST_F(FindModel, AFileIsNoModel) {
  const std::string path = (folder_ / "one/model_index.json").string();
  EXPECT_EQ(error_of(ErrorCode::unsupported, path), path + " is a file: a model is a folder with a model_index.json");
}

}  // namespace
}  // namespace sumi
