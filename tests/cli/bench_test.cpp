#include <fmt/format.h>
#include <gtest/gtest.h>

#include "program.h"
#include "sumi/image.h"

namespace sumi::test {
namespace {

const std::vector<std::string> kFast{"bench", "--steps", "1", "--warmup", "0", "--repeat", "1", "--threads", "1"};

std::vector<std::string> fast(std::vector<std::string> more) {
  std::vector<std::string> arguments = kFast;
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

TEST(Bench, MeasuresTheWholeCallAndEachPart) {
  const ScratchFolder folder;
  const Ran ran = run(folder.path(), fast({"--what", "image,unet,vae,text", "--json"}));
  ASSERT_EQ(ran.status, 0) << ran.err;
  const auto lines = ran.out_lines();
  ASSERT_EQ(lines.size(), 4u) << ran.out;
  const std::vector<std::string> what{"image", "unet", "vae", "text"};
  std::map<std::string, double> flops;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const Json row = Json::parse(lines[i]);
    EXPECT_EQ(row.at("what"), what[i]);
    EXPECT_GT(row.at(what[i] == "unet" ? "seconds_per_step" : "seconds"), 0);
    EXPECT_EQ(row.contains("seconds"), what[i] != "unet");
    EXPECT_GT(row.at("gflops"), 0);
    EXPECT_GT(row.at("share_of_peak"), 0);
    EXPECT_GT(row.at("peak_bytes"), 1 << 20);
    flops[what[i]] = row.at("flops");
  }
  // One step: the parts are the whole, but for the prompt's keys and values and the sampler's arithmetic.
  const double parts = flops["unet"] + flops["vae"] + flops["text"];
  EXPECT_GT(flops["image"], parts);
  EXPECT_LT(flops["image"], 1.02 * parts);
}

TEST(Bench, TheTableGrowsByNewRowsOnly) {
  const ScratchFolder folder;
  const auto table = [&] { return read_text(folder / "benchmark.csv"); };
  ASSERT_EQ(run(folder.path(), fast({"--what", "text"})).status, 0);
  EXPECT_TRUE(table().starts_with("device,precision,autocast,xformers,runtime,n_samples,latency,memory,")) << table();
  const std::string one = table();
  ASSERT_EQ(run(folder.path(), fast({"--what", "text,vae"})).status, 0);
  const std::string both = table();
  EXPECT_TRUE(both.starts_with(one));
  EXPECT_EQ(std::count(both.begin(), both.end(), '\n'), 3);
  ASSERT_EQ(run(folder.path(), fast({"--what", "text", "--csv", "other.csv"})).status, 0);
  EXPECT_EQ(table(), both);
}

TEST(Bench, WhatTheTableHasIsToldAndMeasuredOnlyAgain) {
  const ScratchFolder folder;
  const auto bench = [&](const std::vector<std::string>& more) {
    std::vector<std::string> words{"--what", "text", "--json"};
    words.insert(words.end(), more.begin(), more.end());
    const Ran ran = run(folder.path(), fast(words));
    EXPECT_EQ(ran.status, 0) << ran.err;
    return ran;
  };
  const Json first = Json::parse(bench({}).out);
  EXPECT_FALSE(first.contains("already_measured"));
  // A row that no measurement would give.
  std::string table = read_text(folder / "benchmark.csv");
  const std::string latency = fmt::format("{:.6g}", first.at("seconds").get<double>());
  ASSERT_NE(table.find("," + latency + ","), std::string::npos) << table;
  table.replace(table.find("," + latency + ","), latency.size() + 2, ",1234.5,");
  folder.write("benchmark.csv", table);

  const Ran stored = bench({});
  EXPECT_NE(stored.err.find("text: already measured (benchmark.csv); --again"), std::string::npos) << stored.err;
  EXPECT_EQ(Json::parse(stored.out).at("seconds"), 1234.5);
  EXPECT_EQ(Json::parse(stored.out).at("already_measured"), "benchmark.csv");
  EXPECT_EQ(read_text(folder / "benchmark.csv"), table);

  const Json again = Json::parse(bench({"--again"}).out);
  EXPECT_LT(again.at("seconds"), 1000);
  const std::string replaced = read_text(folder / "benchmark.csv");
  EXPECT_EQ(replaced.find("1234.5"), std::string::npos) << replaced;
  EXPECT_EQ(std::count(replaced.begin(), replaced.end(), '\n'), 2);
}

TEST(Bench, MeasuresTheAutoencoderThatIsAskedFor) {
  const ScratchFolder folder;
  const std::string model = SUMI_SOURCE_DIR "/tests/fixtures/models/sd1",
                    tiny = SUMI_SOURCE_DIR "/tests/fixtures/models/taesd";
  const auto flops = [&](const std::vector<std::string>& more) {
    std::vector<std::string> words{"--what", "vae", "--json", "-m", model};
    words.insert(words.end(), more.begin(), more.end());
    const Ran ran = run(folder.path(), fast(words));
    EXPECT_EQ(ran.status, 0) << ran.err;
    return ran.status == 0 ? Json::parse(ran.out).at("flops").get<double>() : 0.0;
  };
  const double own = flops({}), other = flops({"--vae", tiny});
  EXPECT_GT(other, 0);
  EXPECT_LT(other, own / 2);
}

TEST(Bench, ATableOfSomethingElseIsRefused) {
  const ScratchFolder folder;
  folder.write("other.csv", "name,value\n1,2\n");
  const Ran ran = run(folder.path(), fast({"--csv", "other.csv"}));
  EXPECT_EQ(ran.status, 1);
  EXPECT_EQ(ran.err_lines().size(), 1u) << ran.err;
  EXPECT_EQ(read_text(folder / "other.csv"), "name,value\n1,2\n");
}

TEST(Bench, OpsAddUpToAStep) {
  const ScratchFolder folder;
  const Ran ran = run(folder.path(), fast({"--what", "unet", "--ops", "--csv=", "--json"}));
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_TRUE(files_in(folder.path()).empty());
  const auto lines = ran.out_lines();
  ASSERT_GT(lines.size(), 10u);
  const double step = Json::parse(lines[0]).at("flops");
  double ops = 0;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const Json row = Json::parse(lines[i]);
    EXPECT_EQ(row.at("what"), "op");
    EXPECT_FALSE(row.at("implementation").get<std::string>().empty());
    ops += row.at("flops").get<double>() * row.at("calls").get<double>();
  }
  EXPECT_NEAR(ops / step, 1, 1e-9);
}

TEST(Bench, OpsAreComparedWithOtherImplementations) {
  const ScratchFolder folder;
  const std::string model = SUMI_SOURCE_DIR "/tests/fixtures/models/sd1";
  const auto compare = [&](const std::string& name) {
    return run(folder.path(),
               fast({"--what", "unet,vae", "--ops", "--compare", name, "-m", model, "--json", "--csv", ""}));
  };
  const Ran ran = compare("ref");
  ASSERT_EQ(ran.status, 0) << ran.err;
  int compared = 0;
  for (const std::string& line : ran.out_lines()) {
    const Json row = Json::parse(line);
    if (row.at("what") != "op") continue;
    const bool another = row.at("implementation") != "ref";
    EXPECT_EQ(row.contains("rival"), another) << line;
    if (!another) continue;
    EXPECT_EQ(row.at("rival"), "ref");
    EXPECT_GT(row.at("times_as_fast"), 0);
    ++compared;
  }
  EXPECT_GT(compared, 10);
  const Ran unknown = compare("refs");
  EXPECT_EQ(unknown.status, 2);
  EXPECT_EQ(unknown.out, "");
  EXPECT_NE(unknown.err.find("no implementation's name begins with 'refs'"), std::string::npos) << unknown.err;
}

TEST(Bench, AWrittenModelMakesTheSamePicture) {
  const ScratchFolder folder;
  ASSERT_EQ(run(folder.path(), {"bench", "--write", "copy"}).status, 0);
  ASSERT_EQ(run(folder.path(), quick({"--seed", "7", "-o", "model.png"})).status, 0);
  const Ran ran = run(folder.path(), quick({"--seed", "7", "-o", "copy.png", "--model", "copy"}));
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(read_image(folder / "model.png").rgb, read_image(folder / "copy.png").rgb);
  EXPECT_EQ(files_in(folder.path()), (std::vector<std::string>{"copy", "copy.png", "model.png"}));

  const Ran again = run(folder.path(), {"bench", "--write", "copy"});
  EXPECT_EQ(again.status, 1);
  EXPECT_NE(again.err.find("exists already"), std::string::npos) << again.err;
}

}  // namespace
}  // namespace sumi::test
