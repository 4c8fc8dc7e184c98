#include <gtest/gtest.h>

#include "program.h"

namespace sumi::test {
namespace {

TEST(Usage, VersionIsOneLine) {
  const ScratchFolder folder;
  const Ran ran = run(folder.path(), {"--version"});
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(ran.out_lines().size(), 1u);
  EXPECT_TRUE(ran.out.starts_with("sumi 0.")) << ran.out;
}

TEST(Usage, HelpNamesCommandsAndOptions) {
  const ScratchFolder folder;
  const Ran main = run(folder.path(), {"--help"});
  EXPECT_EQ(main.status, 0);
  for (const char* word : {"generate", "info", "bench", "doctor", "Examples:"}) {
    EXPECT_NE(main.out.find(word), std::string::npos) << word;
  }
  const Ran generate = run(folder.path(), {"generate", "--help"});
  EXPECT_EQ(generate.status, 0);
  for (const char* option :
       {"-p,--prompt", "-n,--negative", "-m,--model", "-o,--output", "--steps",   "--guidance", "--guidance-rescale",
        "--seed",      "--rng",         "--sampler",  "--schedule",  "--spacing", "--eta",      "-W,--width",
        "-H,--height", "-b,--batch",    "--count",    "--clip-skip", "--device",  "--dtype",    "--threads",
        "--show",      "--json",        "--preview",  "--trace",     "--disable", "-q,--quiet", "-v,--verbose",
        "Examples:"}) {
    EXPECT_NE(generate.out.find(option), std::string::npos) << option;
  }
  for (const char* verb : {"info", "bench", "doctor"}) {
    const Ran ran = run(folder.path(), {verb, "--help"});
    EXPECT_EQ(ran.status, 0);
    EXPECT_NE(ran.out.find("Examples:"), std::string::npos) << verb;
  }
}

struct Wrong {
  std::vector<std::string> arguments;
  std::string what;  ///< must be in the one line
};

std::ostream& operator<<(std::ostream& out, const Wrong& wrong) {
  for (const std::string& argument : wrong.arguments) out << argument << " ";
  return out;
}

class WrongUsage : public testing::TestWithParam<Wrong> {};

TEST_P(WrongUsage, IsOneLineAndStatusTwo) {
  const ScratchFolder folder;
  expect_refusal(run(folder.path(), GetParam().arguments), 2, GetParam().what, folder.path());
}

INSTANTIATE_TEST_SUITE_P(
    Words, WrongUsage,
    testing::Values(Wrong{{}, "no command"}, Wrong{{"generat", "x"}, "did you mean generate?"},
                    Wrong{{"--hepl"}, "did you mean --help?"}, Wrong{{"generate"}, "say what to make"},
                    Wrong{{"generate", "x", "--stepz", "3"}, "did you mean --steps?"},
                    Wrong{{"generate", "x", "--xyzzy"}, "--xyzzy"}, Wrong{{"generate", "a", "red", "apple"}, "'red'"},
                    Wrong{{"generate", "x", "--steps"}, "--steps needs N;"},
                    Wrong{{"generate", "x", "--hires", "2:"}, "SCALE[:UPSCALER[:STRENGTH]]"},
                    Wrong{{"generate", "x", "--grid", "xyz=1"}, "there are clip-skip,"},
                    Wrong{{"generate", "x", "--schedule", "SGM Uniform"}, "the nearest is --spacing trailing"},
                    Wrong{{"generate", "x", "-q", "-v"}, "--quiet"}, Wrong{{"info", "a", "b"}, "'b'"},
                    Wrong{{"bench", "--what", "unett"}, "did you mean unet?"},
                    Wrong{{"bench", "--size", "51x"}, "--size"}, Wrong{{"bench", "--repeat", "0"}, "repeat"},
                    Wrong{{"bench", "--size", "100"}, "divisible"}, Wrong{{"bench", "--compare", "ref"}, "add --ops"},
                    Wrong{{"generate", "x", "--steps=", "3"}, "--steps"},
                    Wrong{{"doctor", "--dtype", "bf61"}, "did you mean bf16?"}));

/// An option of `generate` with a value that makes no sense.
Wrong option(const std::string& name, const std::string& value, const std::string& what) {
  return {{"generate", "x", name, value}, what};
}

INSTANTIATE_TEST_SUITE_P(
    Values, WrongUsage,
    testing::Values(option("--guidance", "nan", "--guidance"), option("--guidance", "inf", "--guidance"),
                    option("--guidance", "1e99", "guidance"), option("--guidance", "1e999", "--guidance"),
                    option("--guidance", "7x", "--guidance"), option("--guidance", "", "--guidance"),
                    option("--guidance", "-1", "guidance"), option("--guidance-rescale", "1.5", "guidance rescale"),
                    option("--steps", "0", "steps"), option("--steps", "1e3", "--steps"),
                    option("--steps", "99999999999", "--steps"), option("--steps", "2.5", "--steps"),
                    option("--steps", "1001", "steps"), option("--seed", "-1", "--seed"),
                    option("--seed", "18446744073709551616", "--seed"), option("--width", "100", "104"),
                    option("--width", "1000000", "width"), option("-H", "0", "height"), option("-H", "-8", "height"),
                    option("--batch", "0", "batch"), option("--count", "0", "--count"), option("--eta", "2", "eta"),
                    option("--clip-skip", "-1", "clip skip"), option("--clip-skip", "99", "clip skip"),
                    option("--threads", "-2", "threads"), option("--device-memory", "3X", "2.1GiB"),
                    option("--device-memory", "-3G", "--device-memory"),
                    option("--device-memory", "3Gi G", "--device-memory"),
                    option("--device-memory", "1e30", "--device-memory"),
                    option("--device-memory", "3G", "device cpu has none"),
                    option("--device-memory", "3G", "of 3000000000 bytes"),
                    option("--device-memory", "2200M", "of 2200000000 bytes"),
                    option("--device-memory", "2.1GiB", "of 2254857830 bytes"),
                    option("--device-memory", "512MiB", "of 536870912 bytes"),
                    option("--device-memory", "1.5TB", "of 1500000000000 bytes"),
                    option("--device-memory", "5000000000", "of 5000000000 bytes")));

INSTANTIATE_TEST_SUITE_P(
    Names, WrongUsage,
    testing::Values(option("--sampler", "eulr", "euler"), option("--schedule", "karas", "did you mean karras?"),
                    option("--spacing", "trailin", "did you mean trailing?"),
                    option("--rng", "phlox", "did you mean philox?"), option("--device", "cpuu", "did you mean cpu?"),
                    option("--dtype", "bf61", "did you mean bf16?"), option("--disable", "nothing", "nothing"),
                    option("--disable", "ref", "ref"), option("-o", "apple.gif", ".png"), option("-o", "apple", ".png"),
                    option("-o", "{sed}.png", "did you mean {seed}?"), option("--preview", "apple.txt", ".png")));

TEST(Usage, APromptThatIsNotUtf8IsRefused) {
  const ScratchFolder folder;
  const Ran ran = run(folder.path(), {"generate", "apple \xff\xfe"});
  EXPECT_NE(ran.status, 0);
  expect_refusal(ran, ran.status, "UTF-8", folder.path());
}

}  // namespace
}  // namespace sumi::test
