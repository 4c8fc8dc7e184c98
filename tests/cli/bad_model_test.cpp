#include <cstring>
#include <filesystem>
#include <functional>

#include <gtest/gtest.h>

#include "program.h"

namespace sumi::test {
namespace {

namespace fs = std::filesystem;

/// A copy of a small model to damage.
class Model {
 public:
  Model() { fs::copy(SUMI_SOURCE_DIR "/tests/fixtures/models/sd1", path(), fs::copy_options::recursive); }
  fs::path path() const { return folder_ / "model"; }
  fs::path weights() const { return path() / "unet/diffusion_pytorch_model.safetensors"; }

  void write(const std::string& name, const std::string& content) const { folder_.write("model/" + name, content); }
  /// The header of the UNet's weights as text, after `change`.
  void change_header(const std::function<void(std::string&)>& change) const {
    const std::string file = read_text(weights());
    std::uint64_t length = 0;
    std::memcpy(&length, file.data(), sizeof length);
    std::string header = file.substr(sizeof length, length);
    change(header);
    const std::uint64_t changed = header.size();
    std::string out(sizeof changed, '\0');
    std::memcpy(out.data(), &changed, sizeof changed);
    write("unet/diffusion_pytorch_model.safetensors", out + header + file.substr(sizeof length + length));
  }
  void change_tensors(const std::function<void(Json&)>& change) const {
    change_header([&](std::string& header) {
      Json json = Json::parse(header);
      change(json);
      header = json.dump();
    });
  }

 private:
  ScratchFolder folder_;
};

const char* kTensor = "conv_in.bias";
const char* kOther = "conv_out.bias";

struct Damage {
  const char* name;
  void (*apply)(const Model&);
  std::vector<std::string> told;  ///< all must be in the one line
};

std::ostream& operator<<(std::ostream& out, const Damage& damage) { return out << damage.name; }

class DamagedModel : public testing::TestWithParam<Damage> {};

TEST_P(DamagedModel, IsToldInOneLine) {
  const Damage& damage = GetParam();
  const Model model;
  damage.apply(model);
  const ScratchFolder folder;
  const Ran ran = run(folder.path(), {"generate", "x", "--steps", "1", "--threads", "1", "-m", model.path().string()});
  for (const std::string& what : damage.told) expect_refusal(ran, 1, what, folder.path());
}

const Damage kDamages[] = {
    {"no_folder", [](const Model& model) { fs::remove_all(model.path()); }, {"model"}},
    {"no_parts",
     [](const Model& model) {
       fs::remove_all(model.path() / "unet");
       fs::remove_all(model.path() / "vae");
     },
     {"unet", "vae"}},
    {"no_weights", [](const Model& model) { fs::remove(model.weights()); }, {"unet", "no weights"}},
    {"broken_json",
     [](const Model& model) { model.write("unet/config.json", "{\"sample_size\": 8,"); },
     {"unet/config.json"}},
    {"broken_index", [](const Model& model) { model.write("model_index.json", "[]"); }, {"model_index.json"}},
    {"absurd_setting",
     [](const Model& model) {
       Json config = Json::parse(read_text(model.path() / "unet/config.json"));
       config["norm_num_groups"] = -1;
       model.write("unet/config.json", config.dump());
     },
     {"unet/config.json", "norm_num_groups"}},
    {"truncated",
     [](const Model& model) { fs::resize_file(model.weights(), fs::file_size(model.weights()) / 2); },
     {"diffusion_pytorch_model.safetensors"}},
    {"truncated_header", [](const Model& model) { fs::resize_file(model.weights(), 100); }, {"safetensors"}},
    {"empty", [](const Model& model) { fs::resize_file(model.weights(), 0); }, {"safetensors"}},
    {"long_header",
     [](const Model& model) {
       std::string file = read_text(model.weights());
       file[6] = '\x7f';  // of the length, whose bytes come lowest first
       model.write("unet/diffusion_pytorch_model.safetensors", file);
     },
     {"safetensors", "header"}},
    {"duplicate_key",
     [](const Model& model) {
       model.change_header([](std::string& header) {
         const std::string entry = Json::parse(header).at(kTensor).dump();
         header.insert(header.rfind('}'), ",\"" + std::string(kTensor) + "\":" + entry);
       });
     },
     {"safetensors", kTensor}},
    {"overlapping",
     [](const Model& model) {
       model.change_tensors([](Json& tensors) { tensors[kTensor]["data_offsets"] = tensors[kOther]["data_offsets"]; });
     },
     {"safetensors"}},
    {"unknown_type",
     [](const Model& model) { model.change_tensors([](Json& tensors) { tensors[kTensor]["dtype"] = "F12"; }); },
     {kTensor, "F12"}},
    {"integer_weights",
     [](const Model& model) { model.change_tensors([](Json& tensors) { tensors[kTensor]["dtype"] = "I16"; }); },
     {kTensor, "i16"}},
    {"renamed_tensors",
     [](const Model& model) {
       model.change_tensors([](Json& tensors) {
         for (const char* name : {kTensor, kOther}) {
           tensors["renamed." + std::string(name)] = tensors[name];
           tensors.erase(name);
         }
       });
     },
     {"missing", kTensor, kOther, "renamed.conv_in.bias", "renamed.conv_out.bias"}},
    {"misshapen_tensors",
     [](const Model& model) {
       model.change_tensors([](Json& tensors) {
         for (const char* name : {kTensor, kOther}) {
           tensors[name]["shape"] = Json::array({2, tensors[name]["shape"][0].get<int>() / 2});
         }
       });
     },
     {kTensor, kOther}},
};

INSTANTIATE_TEST_SUITE_P(Each, DamagedModel, testing::ValuesIn(kDamages),
                         [](const auto& each) { return each.param.name; });

TEST(Info, OfADamagedModelIsToldToo) {
  const Model model;
  fs::resize_file(model.weights(), 100);
  const ScratchFolder folder;
  expect_refusal(run(folder.path(), {"info", model.path().string()}), 1, "safetensors", folder.path());
}

}  // namespace
}  // namespace sumi::test
