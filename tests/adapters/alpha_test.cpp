// PEFT's scales of layers: beside the file, and in its metadata.

#include <bit>

#include <gtest/gtest.h>

#include "adapters/made.h"
#include "core/json.h"
#include "models/model.h"
#include "support/scratch.h"
#include "weights/safetensors.h"

namespace sumi::test {
namespace {

/// What a file of one-element factors of 1 adds to the zeros of each layer: alpha / rank for every rank.
class Scales {
 public:
  Scales() {
    TensorMap zeros;
    for (const char* name : {"down.attn.to_q", "down.attn.to_k", "up.attn.to_q"}) {
      zeros[std::string(name) + ".weight"] = values_source({1, 1}, {0});
    }
    checkpoint_ = std::make_shared<AdaptedCheckpoint>(std::make_shared<Checkpoint>("model", zeros));
    adapters_.add_component("unet", checkpoint_);
  }

  /// Of down.attn.to_k, down.attn.to_q and up.attn.to_q.
  std::vector<float> of(const std::filesystem::path& file) {
    EXPECT_EQ(adapters_.set({{read_adapter(file)}}).changed, 3u);
    std::vector<float> scales;
    for (const auto& [name, source] : checkpoint_->tensors()) scales.push_back(read_all(*source).front());
    return scales;
  }

 private:
  std::shared_ptr<AdaptedCheckpoint> checkpoint_;
  Adapters adapters_;
};

/// Ranks 1, 1 and 4; each product of factors is 1.
TensorMap factors(const std::string& prefix) {
  const auto pair = [&](TensorMap& file, const std::string& name, std::int64_t rank) {
    const std::vector<float> ones(static_cast<std::size_t>(rank), 1),
        parts(static_cast<std::size_t>(rank), 1 / static_cast<float>(rank));
    file[prefix + name + ".lora_A.weight"] = values_source({rank, 1}, parts);
    file[prefix + name + ".lora_B.weight"] = values_source({1, rank}, ones);
  };
  TensorMap file;
  pair(file, "down.attn.to_k", 1);
  pair(file, "down.attn.to_q", 1);
  pair(file, "up.attn.to_q", 4);
  return file;
}

class PeftConfiguration : public testing::Test {
 protected:
  std::vector<float> scales(const std::string& config) {
    write_safetensors(folder_ / "adapter_model.safetensors", factors("base_model.model."));
    folder_.write("adapter_config.json", config);
    return Scales().of(folder_ / "adapter_model.safetensors");
  }
  ScratchFolder folder_;
};

using Values = std::vector<float>;

TEST_F(PeftConfiguration, DividesByTheRankOfEachLayer) {
  EXPECT_EQ(scales(R"({"lora_alpha": 8, "r": 1, "rank_pattern": {"up.attn.to_q": 4}})"), (Values{8, 8, 2}));
  EXPECT_EQ(scales(R"({"lora_alpha": 8, "use_rslora": true})"), (Values{8, 8, 4}));
}

TEST_F(PeftConfiguration, HasAlphasOfTheirOwnForEndsOfNames) {
  EXPECT_EQ(scales(R"({"lora_alpha": 8, "alpha_pattern": {"to_q": 2}})"), (Values{8, 2, 0.5f}));
  EXPECT_EQ(scales(R"({"lora_alpha": 8, "alpha_pattern": {"up.attn.to_q": 2}})"), (Values{8, 8, 0.5f}));
  EXPECT_EQ(scales(R"({"lora_alpha": 8, "alpha_pattern": {"down\\.attn\\.to_q": 2}})"), (Values{8, 2, 2}));
  EXPECT_EQ(scales(R"({"lora_alpha": 8, "alpha_pattern": {"^attn.to_q": 2, "o_q": 3}})"), (Values{8, 8, 2}));
  EXPECT_EQ(scales(R"({"lora_alpha": 8, "alpha_pattern": {"^up.attn.to_q": 2}, "use_rslora": true})"),
            (Values{8, 8, 1}));
}

TEST_F(PeftConfiguration, ThatMakesNoSenseIsRefused) {
  const auto refused = [&](const std::string& config, ErrorCode code, const std::string& text) {
    expect_error(code, text, [&] { scales(config); });
  };
  refused(R"({"alpha_pattern": {"to_.*": 2}})", ErrorCode::unsupported, "'to_.*' is not the end of a name");
  refused(R"({"alpha_pattern": {"to_q": "2"}})", ErrorCode::bad_file, "to_q");
  refused(R"({"alpha_pattern": [2]})", ErrorCode::bad_file, "alpha_pattern");
  refused(R"({"lora_alpha": "8"})", ErrorCode::bad_file, "lora_alpha");
}

TEST_F(PeftConfiguration, StandsInTheFolderThatIsNamed) {
  const auto expected = scales(R"({"lora_alpha": 8})");
  EXPECT_EQ(Scales().of(folder_ / "."), expected);
  std::filesystem::rename(folder_ / "adapter_model.safetensors", folder_ / "pytorch_lora_weights.safetensors");
  EXPECT_EQ(Scales().of(folder_ / "."), (Values{1, 1, 1})) << "diffusers' file has no configuration beside it";
  std::filesystem::remove(folder_ / "pytorch_lora_weights.safetensors");
  expect_error(ErrorCode::not_found, "adapter_model.safetensors; name the file", [&] { read_adapter(folder_ / "."); });
}

/// The file with other metadata.
void add_metadata(const std::filesystem::path& path, const Json& metadata) {
  std::ifstream in(path, std::ios::binary);
  const std::string file(std::istreambuf_iterator<char>(in), {});
  const auto length = std::bit_cast<std::uint64_t>([&] {
    std::array<char, 8> bytes;
    std::copy_n(file.begin(), 8, bytes.begin());
    return bytes;
  }());
  Json header = Json::parse(file.substr(8, length));
  header["__metadata__"] = metadata;
  const std::string text = header.dump();
  const auto bytes = std::bit_cast<std::array<char, 8>>(static_cast<std::uint64_t>(text.size()));
  std::ofstream(path, std::ios::binary) << std::string(bytes.begin(), bytes.end()) << text << file.substr(8 + length);
}

TEST(DiffusersMetadata, HasARuleForEachComponent) {
  const ScratchFolder folder;
  const auto path = folder / "style.safetensors";
  const auto scales = [&](const std::string& text) {
    write_safetensors(path, factors("unet."));
    add_metadata(path, {{"format", "pt"}, {"lora_adapter_metadata", text}});
    return Scales().of(path);
  };
  EXPECT_EQ(scales(R"({"unet.lora_alpha": 8, "unet.r": 4, "unet.alpha_pattern": {"down.attn.to_q": 3}})"),
            (Values{8, 3, 2}));
  EXPECT_EQ(scales(R"({"text_encoder.lora_alpha": 8, "text_encoder_2.lora_alpha": 4})"), (Values{1, 1, 1}));
  expect_error(ErrorCode::bad_file, "lora_adapter_metadata", [&] { scales("[1]"); });
  expect_error(ErrorCode::bad_file, "lora_adapter_metadata", [&] { scales("{"); });
}

}  // namespace
}  // namespace sumi::test
