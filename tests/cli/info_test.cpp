#include <gtest/gtest.h>

#include "program.h"

namespace sumi::test {
namespace {

TEST(Info, TellsTheModelsParts) {
  const ScratchFolder folder;
  const Ran text = run(folder.path(), {"info"});
  ASSERT_EQ(text.status, 0) << text.err;
  for (const char* word :
       {"emoji", "text_encoder", "unet", "vae", "UNet2DConditionModel", "f16", "128 x 128", "ddim"}) {
    EXPECT_NE(text.out.find(word), std::string::npos) << word;
  }
  const Ran ran = run(folder.path(), {"info", SUMI_SOURCE_DIR "/tests/fixtures/models/sd1", "--json"});
  ASSERT_EQ(ran.status, 0) << ran.err;
  const Json json = Json::parse(ran.out);
  EXPECT_EQ(json.at("name"), "sd1");
  ASSERT_EQ(json.at("components").size(), 3u);
  for (const Json& component : json.at("components")) {
    // Stored as float16.
    EXPECT_EQ(component.at("bytes").get<std::size_t>(), 2 * component.at("parameters").get<std::size_t>());
    EXPECT_EQ(component.at("types"), Json::array({"f16"}));
  }
  EXPECT_EQ(json.at("sampler"), "pndm");
  EXPECT_EQ(json.at("width"), 64);
}

TEST(Info, ASingleFileTakesConfigurations) {
  const ScratchFolder folder;
  const std::string fixtures = SUMI_SOURCE_DIR "/tests/fixtures/";
  const auto info = [&](const std::vector<std::string>& words) {
    const Ran ran = run(folder.path(), words);
    EXPECT_EQ(ran.status, 0) << ran.err;
    return ran.status == 0 ? Json::parse(ran.out) : Json::object();
  };
  Json single = info({"info", fixtures + "single/sd1.safetensors", "--config", fixtures + "models/sd1", "--json"});
  const Json whole = info({"info", fixtures + "models/sd1", "--json"});
  for (const char* key : {"width", "height", "steps", "guidance", "sampler", "prediction"}) {
    EXPECT_EQ(single[key], whole.at(key)) << key;
  }
  expect_refusal(run(folder.path(), {"info", fixtures + "single/sd1.safetensors", "--config", "none"}), 1,
                 "none: no such folder of configurations", folder.path());
}

TEST(Info, KnowsTheSizeOfFullModels) {
  const ScratchFolder folder;
  const Ran ran = run(folder.path(), {"info", "synthetic:sd15", "--json"});
  ASSERT_EQ(ran.status, 0) << ran.err;
  const Json json = Json::parse(ran.out);
  for (const Json& component : json.at("components")) {
    if (component.at("name") != "unet") continue;
    EXPECT_EQ(component.at("parameters"), 859520964);  // as published: 859.52 M
  }
  EXPECT_EQ(json.at("width"), 512);
}

TEST(Info, PrintsThePicturesSettings) {
  const ScratchFolder folder;
  ASSERT_EQ(run(folder.path(), quick({"--seed", "7", "-n", "blue", "-o", "apple.png"})).status, 0);
  const Ran ran = run(folder.path(), {"info", "apple.png"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  const auto lines = ran.out_lines();
  ASSERT_EQ(lines.size(), 4u) << ran.out;
  EXPECT_EQ(lines[0], "apple.png: 128 x 128");
  EXPECT_EQ(lines[1], "a red apple, 3d");
  EXPECT_EQ(lines[2], "Negative prompt: blue");
  EXPECT_TRUE(lines[3].starts_with("Steps: 2, Sampler: DDIM,")) << lines[3];
  const Json json = Json::parse(run(folder.path(), {"info", "--json", "apple.png"}).out);
  EXPECT_TRUE(json.at("text").at("parameters").get<std::string>().starts_with("a red apple, 3d"));
}

TEST(Info, RefusesWhatIsNeitherModelNorPicture) {
  const ScratchFolder folder, files;
  expect_refusal(run(folder.path(), {"info", "emojy"}), 1, "did you mean emoji?", folder.path());
  expect_refusal(run(folder.path(), {"info", "synthetic:sd16"}), 1, "sd15", folder.path());
  const std::string note = files.write("note.png", "not a picture").string();
  expect_refusal(run(folder.path(), {"info", note}), 1, "note.png", folder.path());
  expect_refusal(run(folder.path(), {"info", files.path().string()}), 1, "model_index.json", folder.path());
}

TEST(Doctor, ExplainsEveryOpOfAStep) {
  const ScratchFolder folder;
  const Ran text = run(folder.path(), {"doctor"});
  ASSERT_EQ(text.status, 0) << text.err;
  for (const char* word : {"Processor", "Program", "Models", "emoji", "oneDNN", "takes it", "Samplers"}) {
    EXPECT_NE(text.out.find(word), std::string::npos) << word;
  }
  const Ran ran = run(folder.path(), {"doctor", "--json", "--dtype", "f32"});
  ASSERT_EQ(ran.status, 0) << ran.err;
  const Json json = Json::parse(ran.out);
  std::map<std::string, int> cases;
  for (const Json& op : json.at("ops")) {
    ++cases[op.at("op")];
    bool taken = false;
    for (const Json& verdict : op.at("verdicts")) taken |= verdict.at("declines") == "";
    EXPECT_TRUE(taken) << op.dump();
  }
  // Four resolutions, self and cross attention at three of them and in the middle.
  EXPECT_EQ(cases["attention"], 8);
  EXPECT_GT(cases["conv2d"], 15);
  EXPECT_GT(cases["linear"], 20);
  EXPECT_GT(json.at("implementations").size(), cases.size());
}

}  // namespace
}  // namespace sumi::test
