#include <cmath>
#include <cstdlib>
#include <set>

#include <gtest/gtest.h>

#include "core/isa.h"
#include "program.h"
#include "sumi/image.h"

namespace sumi::test {
namespace {

namespace fs = std::filesystem;

/// Levels that two pictures differ by at most; 256 where their sizes differ.
int largest_step(const Image& a, const Image& b) {
  if (a.rgb.size() != b.rgb.size() || a.width != b.width) return 256;
  int most = 0;
  for (std::size_t i = 0; i < a.rgb.size(); ++i) most = std::max(most, std::abs(int{a.rgb[i]} - int{b.rgb[i]}));
  return most;
}

double mean_step(const Image& a, const Image& b) {
  if (a.rgb.size() != b.rgb.size()) return 256;
  double sum = 0;
  for (std::size_t i = 0; i < a.rgb.size(); ++i) sum += std::abs(int{a.rgb[i]} - int{b.rgb[i]});
  return sum / static_cast<double>(a.rgb.size());
}

std::string parameters_of(const Image& image) {
  for (const auto& [key, value] : image.text) {
    if (key == "parameters") return value;
  }
  return {};
}

TEST(Generate, AllFormatsHoldTheSamePictureAndItsSettings) {
  const ScratchFolder folder;
  for (const char* name : {"apple.png", "apple.jpg", "apple.webp"}) {
    const Ran ran = run(folder.path(), quick({"--seed", "7", "-o", name}));
    ASSERT_EQ(ran.status, 0) << ran.err;
    EXPECT_NE(ran.out.find(name), std::string::npos) << ran.out;
    EXPECT_NE(ran.out.find("seed 7"), std::string::npos) << ran.out;
  }
  EXPECT_EQ(files_in(folder.path()), (std::vector<std::string>{"apple.jpg", "apple.png", "apple.webp"}));
  const Image png = read_image(folder / "apple.png");
  EXPECT_EQ(png.width, 128);
  EXPECT_EQ(png.height, 128);
  EXPECT_LT(mean_step(png, read_image(folder / "apple.jpg")), 3);
  EXPECT_LT(mean_step(png, read_image(folder / "apple.webp")), 3);
  const std::string parameters = parameters_of(png);
  EXPECT_TRUE(parameters.starts_with("a red apple, 3d\nSteps: 2, Sampler: DDIM,")) << parameters;
  EXPECT_NE(parameters.find("Seed: 7, Size: 128x128"), std::string::npos) << parameters;
  EXPECT_EQ(parameters_of(read_image(folder / "apple.webp")), parameters);
}

TEST(Generate, APictureOfABatchOrACountIsTheOneOfItsSeed) {
  const ScratchFolder folder;
  ASSERT_EQ(run(folder.path(), quick({"--seed", "5", "--batch", "2", "-o", "batch-{seed}.png"})).status, 0);
  ASSERT_EQ(run(folder.path(), quick({"--seed", "5", "--count", "2", "-o", "count.png"})).status, 0);
  ASSERT_EQ(run(folder.path(), quick({"--seed", "6", "-o", "single.png"})).status, 0);
  const std::vector<std::string> names{"batch-5.png", "batch-6.png", "count-5.png", "count-6.png", "single.png"};
  ASSERT_EQ(files_in(folder.path()), names);
  const Image single = read_image(folder / "single.png");
  EXPECT_LE(largest_step(single, read_image(folder / "batch-6.png")), 1);
  EXPECT_EQ(largest_step(single, read_image(folder / "count-6.png")), 0);
  EXPECT_GT(largest_step(single, read_image(folder / "batch-5.png")), 16);
}

TEST(Generate, BatchAndCountTogetherUseSuccessiveSeeds) {
  const ScratchFolder folder;
  const Ran ran = run(folder.path(), quick({"--seed", "3", "--batch", "2", "--count", "2", "-o",
                                            "{prompt} {index} of seed {seed}.png", "--steps", "1"}));
  ASSERT_EQ(ran.status, 0) << ran.err;
  const std::vector<std::string> names{"a-red-apple-3d 1 of seed 3.png", "a-red-apple-3d 2 of seed 4.png",
                                       "a-red-apple-3d 3 of seed 5.png", "a-red-apple-3d 4 of seed 6.png"};
  EXPECT_EQ(files_in(folder.path()), names);
}

TEST(Generate, TheDefaultNameIsNewEachTime) {
  const ScratchFolder folder;
  for (int i = 0; i < 2; ++i) ASSERT_EQ(run(folder.path(), quick({"--seed", "9", "--steps", "1"})).status, 0);
  EXPECT_EQ(files_in(folder.path()), (std::vector<std::string>{"a-red-apple-3d-9-2.png", "a-red-apple-3d-9.png"}));
}

TEST(Generate, JsonTellsEverySetting) {
  const ScratchFolder folder;
  const Ran ran = run(folder.path(), quick({"--json", "--batch", "2", "-n", "", "--guidance", "3.5", "--eta", "0.5"}));
  ASSERT_EQ(ran.status, 0) << ran.err;
  const auto lines = ran.out_lines();
  ASSERT_EQ(lines.size(), 2u) << ran.out;
  const Json first = Json::parse(lines[0]), second = Json::parse(lines[1]);
  EXPECT_EQ(second.at("seed").get<std::uint64_t>(), first.at("seed").get<std::uint64_t>() + 1);
  for (const Json& json : {first, second}) {
    const std::string path = json.at("path");
    EXPECT_EQ(read_image(folder / path).width, 128);
    EXPECT_NE(path.find(std::to_string(json.at("seed").get<std::uint64_t>())), std::string::npos);
    for (const char* phase : {"load", "text", "denoise", "decode"}) EXPECT_GE(json.at("seconds").at(phase), 0);
    EXPECT_GT(json.at("steps_per_second"), 0);
    EXPECT_GT(json.at("peak_bytes"), 1 << 20);
  }
  const Json settings{{"prompt", "a red apple, 3d"},
                      {"negative", ""},
                      {"width", 128},
                      {"height", 128},
                      {"steps", 2},
                      {"guidance", 3.5},
                      {"sampler", "ddim"},
                      {"eta", 0.5},
                      {"rng", "cpu"},
                      {"clip_skip", 0},
                      {"batch", 2},
                      {"model", "emoji"},
                      {"device", "cpu"},
                      {"dtype", "f32"},
                      {"threads", 1},
                      {"guidance_rescale", 0.0},
                      {"spacing", "trailing"},
                      {"schedule", "default"}};
  for (const auto& [key, value] : settings.items()) EXPECT_EQ(first.at(key), value) << key;
}

TEST(Generate, ARandomSeedIsReportedAndGivesThePictureAgain) {
  const ScratchFolder folder;
  const Ran first = run(folder.path(), quick({"--json", "-o", "first.png"}));
  ASSERT_EQ(first.status, 0) << first.err;
  const auto seed = Json::parse(first.out).at("seed").get<std::uint64_t>();
  ASSERT_EQ(run(folder.path(), quick({"--seed", std::to_string(seed), "-o", "again.png"})).status, 0);
  EXPECT_EQ(read_image(folder / "first.png").rgb, read_image(folder / "again.png").rgb);
}

TEST(Generate, BoundThreadsAreAsManyAsOthers) {
  ::unsetenv("OMP_WAIT_POLICY");
  const ScratchFolder folder;
  const auto threads = [&] {
    const Ran ran = run(folder.path(), {"generate", "a red apple, 3d", "--steps", "1", "--json", "-q"});
    EXPECT_EQ(ran.status, 0) << ran.err;
    return Json::parse(ran.out).at("threads").get<int>();
  };
  const int free = threads();
  ::setenv("OMP_PROC_BIND", "true", 1);
  EXPECT_EQ(threads(), free);
}

TEST(Generate, QuietSaysNothing) {
  const ScratchFolder folder;
  const Ran ran = run(folder.path(), quick({"-q", "--steps", "1", "-o", "apple.png"}));
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(ran.out + ran.err, "");
  EXPECT_EQ(files_in(folder.path()).size(), 1u);
}

TEST(Generate, VerboseComparesThePlanWithThePeak) {
  const ScratchFolder folder;
  const Ran ran = run(folder.path(), quick({"-v", "-o", "apple.png"}));
  ASSERT_EQ(ran.status, 0) << ran.err;
  for (const char* word : {"activations", "weights", "fixed", "measured peak", "FLOP", "denoise", "decode"}) {
    EXPECT_NE(ran.out.find(word), std::string::npos) << word << " is not in:\n" << ran.out;
  }
  EXPECT_NE(ran.err.find("step 2/2"), std::string::npos) << ran.err;
}

TEST(Generate, ShowDrawsThePicture) {
  const ScratchFolder folder;
  const Ran ran = run(folder.path(), quick({"--show", "--steps", "1", "-o", "apple.png"}));
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_NE(ran.out.find(half_blocks(read_image(folder / "apple.png"), 80)), std::string::npos);
}

TEST(Generate, PreviewEndsAsThePicture) {
  const ScratchFolder folder;
  const Ran ran = run(folder.path(), quick({"--preview", "now.png", "-o", "apple.png"}));
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(read_image(folder / "now.png").rgb, read_image(folder / "apple.png").rgb);
}

TEST(Generate, TheTraceNamesOpsWithTheirImplementation) {
  const ScratchFolder folder;
  const Ran ran = run(folder.path(), quick({"--trace", "trace.json", "-o", "apple.png"}));
  ASSERT_EQ(ran.status, 0) << ran.err;
  const Json trace = Json::parse(read_text(folder / "trace.json"));
  std::set<std::string> categories;
  int ops = 0;
  for (const Json& event : trace.at("traceEvents")) {
    if (!event.contains("cat")) continue;
    categories.insert(event.at("cat"));
    if (event.at("cat") != "op") continue;
    ++ops;
    EXPECT_FALSE(event.at("args").at("implementation").get<std::string>().empty());
  }
  EXPECT_EQ(categories, (std::set<std::string>{"layer", "op", "phase", "step"}));
  EXPECT_GT(ops, 100);
}

TEST(Generate, DisabledImplementationsAreNotUsed) {
  const ScratchFolder folder;
  const Ran ran = run(folder.path(), quick({"--steps", "1", "--disable", "conv2d/onednn", "--disable", "linear/onednn",
                                            "--trace", "trace.json", "-o", "apple.png"}));
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(read_text(folder / "trace.json").find("\"onednn\""), std::string::npos);
}

void expect_rounding_told(const std::string& device, const std::string& dtype) {
  const ScratchFolder folder;
  const Ran ran = run(folder.path(), quick({"--device", device, "--dtype", dtype, "--json", "-o", "apple.png"}));
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(Json::parse(ran.out).at("dtype"), dtype);
  const std::string parameters = parameters_of(read_image(folder / "apple.png"));
  EXPECT_NE(parameters.find("Linears: " + dtype), std::string::npos) << parameters;
}

TEST(Generate, Int8IsTold) {
  if (processor_isa() == Isa::portable) GTEST_SKIP() << "there is no int8 without AVX2 or NEON";
  expect_rounding_told("cpu", "int8");
}

TEST(Generate, Fp8IsToldAndNotForAProcessor) {
  expect_rounding_told("ref", "fp8");
  const ScratchFolder folder;
  expect_refusal(run(folder.path(), quick({"--dtype", "fp8"})), 1, "needs device cuda", folder.path());
}

}  // namespace
}  // namespace sumi::test
