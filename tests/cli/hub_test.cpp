#include <cstdlib>
#include <map>
#include <optional>

#include <gtest/gtest.h>

#include "hub/fake_hub.h"
#include "program.h"
#include "sumi/image.h"
#include "support/fixture.h"

namespace sumi::test {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

/// The verbs that know of a hub, with a cache of their own and the model "sd1" of the fixtures as org/name on a hub
/// that may misbehave.
class HubVerbs : public testing::Test {
 protected:
  HubVerbs() {
    for (const auto& item : fs::recursive_directory_iterator(model_)) {
      if (item.is_directory()) continue;
      const std::string content = read_text(item.path());
      hub_.add(item.path().lexically_relative(model_).string(), content, item.path().extension() == ".safetensors");
    }
    hub_.add("README.md", "not needed");
    set("HF_HOME", home_.path().string());
    set("HF_ENDPOINT", hub_.endpoint());
    for (const char* name : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN",
                             "ACCESS_TOKEN", "HF_TOKEN_PATH", "HF_HUB_OFFLINE"}) {
      set(name, "");
    }
  }
  ~HubVerbs() override {
    for (const auto& [name, value] : before_) {
      if (value) {
        ::setenv(name.c_str(), value->c_str(), 1);
      } else {
        ::unsetenv(name.c_str());
      }
    }
  }

  /// For the program, until the test ends.
  void set(const std::string& name, const std::string& value) {
    const char* old = std::getenv(name.c_str());
    before_.emplace(name, old ? std::optional<std::string>(old) : std::nullopt);
    ::setenv(name.c_str(), value.c_str(), 1);
  }
  fs::path snapshot() const { return home_ / "hub/models--org--name/snapshots" / FakeHub::commit; }
  Ran sumi(const Words& words) const { return run(folder_.path(), words); }
  Image picture(const std::string& model) const {
    const Ran ran = sumi({"generate", "a red apple, 3d", "-m", model, "--steps", "2", "--seed", "7", "--threads", "1",
                          "--dtype", "f32", "-o", "out.png"});
    EXPECT_EQ(ran.status, 0) << ran.err;
    return ran.status == 0 ? read_image(folder_ / "out.png") : Image{};
  }
  void expect_refused(const Words& words, int status, const std::string& what) const {
    const ScratchFolder folder;
    expect_refusal(run(folder.path(), words), status, what, folder.path());
    EXPECT_FALSE(fs::exists(snapshot())) << "nothing half-fetched is to be seen";
  }

  const fs::path model_ = fixtures() / "models/sd1";
  FakeHub hub_;
  ScratchFolder home_, folder_;
  std::map<std::string, std::optional<std::string>> before_;
};

TEST_F(HubVerbs, PullFetchesOnceAndModelsListsIt) {
  const Ran first = sumi({"pull", "org/name"});
  ASSERT_EQ(first.status, 0) << first.err;
  EXPECT_EQ(first.out_lines(), Words{snapshot().string()});
  EXPECT_NE(first.err.find("MB fetched"), std::string::npos) << first.err;
  EXPECT_FALSE(fs::exists(snapshot() / "README.md"));

  const Ran again = sumi({"pull", "org/name", "--json"});
  ASSERT_EQ(again.status, 0) << again.err;
  const Json pulled = Json::parse(again.out);
  EXPECT_EQ(pulled.at("path"), snapshot().string());
  EXPECT_EQ(pulled.at("fetched_bytes"), 0);

  std::size_t bytes = 0;
  for (const auto& item : fs::recursive_directory_iterator(snapshot())) {
    if (!item.is_directory()) bytes += fs::file_size(item.path());
  }
  EXPECT_EQ(pulled.at("bytes"), bytes);
  const Ran listed = sumi({"models", "--json"});
  ASSERT_EQ(listed.status, 0) << listed.err;
  int found = 0;
  for (const std::string& line : listed.out_lines()) {
    const Json each = Json::parse(line);
    if (each.at("name") != "org/name") continue;
    ++found;
    EXPECT_EQ(each.at("bytes"), bytes);
    EXPECT_EQ(each.at("commit"), FakeHub::commit);
    EXPECT_EQ(each.at("revisions"), Json::array({"main"}));
  }
  EXPECT_EQ(found, 1) << listed.out;
  const std::string table = sumi({"models"}).out;
  EXPECT_NE(table.find("org/name"), std::string::npos) << table;
  EXPECT_NE(table.find("main " + FakeHub::commit.substr(0, 8)), std::string::npos) << table;
  EXPECT_NE(table.find("MB"), std::string::npos) << table;
}

TEST_F(HubVerbs, GenerateFetchesWhatIsNotThereAndGoesOnOffline) {
  const Image expected = picture(model_.string());
  EXPECT_EQ(picture("org/name").rgb, expected.rgb);
  const std::size_t asked = hub_.asked_in_all();
  EXPECT_GT(asked, 5u);
  set("HF_HUB_OFFLINE", "1");
  EXPECT_EQ(picture("org/name").rgb, expected.rgb);
  EXPECT_EQ(hub_.asked_in_all(), asked);
}

TEST_F(HubVerbs, OfflineWhatIsNotThereIsOneLine) {
  set("HF_HUB_OFFLINE", "1");
  expect_refused({"pull", "org/name"}, 1, "HF_HUB_OFFLINE");
  expect_refused({"generate", "a cat", "-m", "org/name"}, 1, "HF_HUB_OFFLINE");
  EXPECT_EQ(hub_.asked_in_all(), 0u);
}

TEST_F(HubVerbs, AHubThatSaysNoIsOneLine) {
  hub_.status = 404;
  hub_.error_code = "RepoNotFound";
  expect_refused({"pull", "-q", "org/name"}, 1, "org/name");
  expect_refused({"generate", "-q", "a cat", "-m", "org/name"}, 1, "org/name");
  hub_.error_code = "RevisionNotFound";
  expect_refused({"pull", "-q", "org/name@v9"}, 1, "v9");
  hub_.status = 401;
  hub_.error_code = "GatedRepo";
  expect_refused({"pull", "-q", "org/name"}, 1, "HF_TOKEN");
}

TEST_F(HubVerbs, MistakesInTheCallAreTwo) {
  expect_refused({"pull"}, 2, "MODEL");
  expect_refused({"pull", "emoji"}, 2, "ORG/NAME");
  expect_refused({"pull", "org/name/more"}, 2, "ORG/NAME");
  expect_refused({"models", "--jsn"}, 2, "did you mean --json?");
}

TEST_F(HubVerbs, ACutIsMendedAndAnotherFileThanNamedIsNot) {
  hub_.trouble(kUnet, [&](const httplib::Request& request, httplib::Response& response, int count) {
    if (count == 1) hub_.serve(request, response, kUnet, 100'000);
    return count == 1;
  });
  hub_.trouble("unet/config.json", [](const httplib::Request&, httplib::Response& response, int) {
    response.set_content("{}", "application/json");
    return true;
  });
  expect_refused({"pull", "-q", "org/name"}, 1, "unet/config.json");
  hub_.trouble("unet/config.json", [](const auto&, auto&, int) { return false; });
  const Ran ran = sumi({"pull", "-q", "org/name"});
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(ran.err, "");
  EXPECT_EQ(read_text(snapshot() / kUnet), hub_.content(kUnet));
}

}  // namespace
}  // namespace sumi::test
