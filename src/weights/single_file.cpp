#include "weights/single_file.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <system_error>
#include <utility>

#include "core/paths.h"
#include "weights/file_part.h"
#include "weights/folder.h"
#include "weights/ldm_names.h"

namespace sumi {
namespace {

namespace fs = std::filesystem;
constexpr const char* kVelocity = "v_prediction";
using Parts = std::map<std::string, FilePart, std::less<>>;

/// The configuration of a component in a folder, where it has one.
std::optional<Settings> config_in(const fs::path& folder, std::string_view component) {
  if (folder.empty()) return std::nullopt;
  const char* name = component == "scheduler" ? "scheduler_config.json" : "config.json";
  const fs::path path = folder / component / name;
  if (!is_there(path)) return std::nullopt;
  return Settings(read_json(path), path.string());
}

/// Parts that were made from a file's tensors.
class AssembledFiles final : public ModelFiles {
 public:
  AssembledFiles(const fs::path& path, Json index, Parts parts, fs::path tokenizers)
      : ModelFiles(path.stem().string(), path, Settings(std::move(index), path.string())),
        parts_(std::move(parts)),
        tokenizers_(std::move(tokenizers)) {}

  std::vector<std::string> weighted() const override {
    std::vector<std::string> names;
    for (const auto& [name, part] : parts_) {
      if (!part.tensors.empty()) names.push_back(name);
    }
    return names;
  }
  Settings config(std::string_view component) const override {
    return Settings(part(component).config, where(component));
  }
  CheckpointPtr weights(std::string_view component) const override {
    return std::make_shared<Checkpoint>(where(component), part(component).tensors);
  }
  std::optional<fs::path> tokenizer(std::string_view component) const override {
    this->component(component);
    if (tokenizers_.empty() || !is_there(tokenizers_ / component)) return std::nullopt;
    return tokenizers_ / component;
  }

 private:
  const FilePart& part(std::string_view name) const {
    component(name);
    const auto found = parts_.find(name);
    check(found != parts_.end(), ErrorCode::not_found, "{}: there is no configuration of {}", path().string(), name);
    return found->second;
  }
  std::string where(std::string_view component) const { return fmt::format("{}: {}", path().string(), component); }

  Parts parts_;
  fs::path tokenizers_;
};

Family::Kind kind_of(const TensorMap& tensors, const TensorMap& unet) {
  using enum Family::Kind;
  constexpr std::array<std::pair<const char*, Family::Kind>, 4> kSigns{
      {{ldm::kXlOpenClip, xl}, {ldm::kRefinerOpenClip, refiner}, {ldm::kOpenClip, sd2}, {ldm::kClip, sd1}}};
  for (const auto& [prefix, kind] : kSigns) {
    if (has_prefix(tensors, prefix)) return kind;
  }
  const auto prompt = std::find_if(unet.begin(), unet.end(),
                                   [](const auto& item) { return item.first.ends_with(".attn2.to_k.weight"); });
  const std::int64_t channels = prompt == unet.end() ? 0 : inputs_of(unet, prompt->first);
  if (has_prefix(unet, "label_emb.") || has_prefix(unet, "add_embedding.")) {
    return channels == 1280 ? refiner : xl;
  }
  return channels == 1024 ? sd2 : sd1;
}

/// What a `.yaml` beside the file says the model predicts, or nothing without one. Files that name no parameterization
/// mean noise.
std::optional<bool> velocity_of_yaml(fs::path path) {
  path.replace_extension(".yaml");
  std::error_code ignored;
  if (!is_file(path) || fs::file_size(path, ignored) > (1u << 20)) return std::nullopt;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    constexpr std::string_view kKey = "parameterization:";
    const auto place = line.find(kKey);
    if (place == std::string::npos || line.find('#') < place) continue;
    const auto value = line.find_first_not_of(" \t\"'", place + kKey.size());
    return value != std::string::npos && line[value] == 'v';
  }
  return false;
}

/// Whether the schedule that the file was trained with ends in pure noise, where it has one.
bool ends_in_noise(const TensorMap& tensors) {
  const auto found = tensors.find("alphas_cumprod");
  if (found == tensors.end() || found->second->shape().rank() != 1 || found->second->shape()[0] < 1) return false;
  std::array<float, 1> last{};
  found->second->read(found->second->shape()[0] - 1, last);
  return last[0] < 1e-4f;  // the usual schedule ends at 0.0047
}

Family family_of(const TensorMap& tensors, const TensorMap& unet, const fs::path& path, const std::string& prediction) {
  Family family{.kind = kind_of(tensors, unet)};
  family.zero_snr = tensors.contains("ztsnr") || ends_in_noise(tensors);
  const auto yaml = velocity_of_yaml(path);
  const bool marked = family.zero_snr || tensors.contains("v_pred");
  const bool usual = family.kind == Family::Kind::sd2 && !tensors.contains("epsilon_pred");
  family.velocity = marked || yaml.value_or(usual);
  if (!prediction.empty()) family.velocity = prediction == kVelocity;
  return family;
}

/// The parts with weights, and what each is called in a whole model.
Parts parts_of(const TensorMap& tensors, const TensorMap& unet, const Family& family, const fs::path& config,
               const std::string& where) {
  Parts parts;
  const auto add = [&](const char* name, const char* prefix, auto make) {
    const TensorMap inner = without_prefix(tensors, prefix);
    // Files without a text encoder still have the numbers of its positions, which some programs add to all.
    const bool only_ids = inner.size() == 1 && inner.begin()->first.ends_with("position_ids");
    if (!inner.empty() && !only_ids) parts.emplace(name, make(inner, fmt::format("{}: {}", where, name)));
  };
  const auto open_clip = [&](const char* name, bool all_layers) {
    std::optional<std::int64_t> layers;
    if (const auto given = config_in(config, name)) layers = given->optional_integer("num_hidden_layers", 1, 1000);
    return [=](const TensorMap& inner, const std::string& place) {
      return open_clip_part(inner, all_layers, layers, place);
    };
  };
  parts.emplace("unet", unet_part(unet, family, where + ": unet"));
  add("vae", ldm::kVae,
      [&](const TensorMap& inner, const std::string& place) { return vae_part(inner, family, place); });
  add("text_encoder", ldm::kClip, clip_part);
  add("text_encoder", ldm::kOpenClip, open_clip("text_encoder", false));
  add("text_encoder", ldm::kXlClip, clip_part);
  add("text_encoder_2", ldm::kXlOpenClip, open_clip("text_encoder_2", true));
  add("text_encoder_2", ldm::kRefinerOpenClip, open_clip("text_encoder_2", true));
  return parts;
}

/// What stands for `model_index.json`: the given one's settings, and the components that are there.
Json index_of(const Parts& parts, const Family& family, const fs::path& config) {
  Json index = pipeline_config(family, parts.at("unet").config);
  if (const fs::path given = config / "model_index.json"; !config.empty() && is_there(given)) {
    const Settings settings(read_json(given), given.string());
    for (const auto& [key, value] : settings.json().items()) {
      if (!value.is_array()) index[key] = value;
    }
  }
  for (const auto& [name, part] : parts) {
    const bool text = name.starts_with("text_encoder");
    index[name] = {text ? "transformers" : "diffusers", part.config.at("_class_name")};
    if (text)
      index["tokenizer" + name.substr(std::string_view("text_encoder").size())] = {"transformers", "CLIPTokenizer"};
  }
  return index;
}

/// As configurations spell it.
std::string prediction_of(const std::string& asked) {
  if (asked == "v") return kVelocity;
  check(asked.empty() || asked == "epsilon" || asked == kVelocity, ErrorCode::usage,
        "prediction '{}' is not known; there are epsilon and v", asked);
  return asked;
}

/// Settings of a part that is replaced, where shapes do not tell them.
void take_defaults(Json& config, const Json& defaults) {
  for (const char* key :
       {"scaling_factor", "shift_factor", "force_upcast", "sample_size", "attention_head_dim", "num_attention_heads",
        "norm_num_groups", "norm_eps", "addition_time_embed_dim", "upcast_attention"}) {
    const auto found = defaults.find(key);
    if (found == defaults.end() || found->is_null()) continue;
    if (found->is_array() && found->size() != config.at("block_out_channels").size()) continue;
    config[key] = *found;
  }
}

FilePart part_in_file(const fs::path& path, std::string_view part, const Json& defaults) {
  constexpr std::array<std::pair<std::string_view, const char*>, 3> kPrefixes{
      {{"unet", ldm::kUNet}, {"vae", ldm::kVae}, {"controlnet", ldm::kControlNet}}};
  const std::string where = path.string();
  const auto known =
      std::find_if(kPrefixes.begin(), kPrefixes.end(), [&](const auto& item) { return item.first == part; });
  check(known != kPrefixes.end(), ErrorCode::internal, "open_part: there is no part '{}'", part);
  const CheckpointPtr file = open_checkpoint(where);
  const bool whole = has_prefix(file->tensors(), known->second);
  const TensorMap tensors = whole ? without_prefix(file->tensors(), known->second) : file->tensors();
  FilePart made;
  if (part == "controlnet") {
    made = controlnet_part(tensors, where);
  } else {
    const Family family{.kind =
                            kind_of(file->tensors(), whole ? without_prefix(file->tensors(), ldm::kUNet) : tensors)};
    made = part == "unet" ? unet_part(tensors, family, where) : vae_part(tensors, family, where);
  }
  if (made.config.at("_class_name") != "AutoencoderTiny") take_defaults(made.config, defaults);
  return made;
}

FilePart part_in_folder(fs::path folder, std::string_view part) {
  if (is_there(folder / "model_index.json")) folder /= part;
  const fs::path config = folder / "config.json";
  return {Settings(read_json(config), config.string()).json(),
          open_checkpoint(weight_file(folder).string())->tensors()};
}

}  // namespace

std::unique_ptr<ModelFiles> open_single_file(const fs::path& path, const SingleFileOptions& options) {
  const std::string prediction = prediction_of(options.prediction);
  check(options.config.empty() || is_folder(options.config), ErrorCode::not_found,
        "{}: no such folder of configurations", options.config.string());
  const CheckpointPtr file = open_checkpoint(path.string());
  const TensorMap& tensors = file->tensors();
  const TensorMap unet = without_prefix(tensors, ldm::kUNet);
  check(has_prefix(unet, "input_blocks.") || has_prefix(unet, "down_blocks."), ErrorCode::unsupported,
        "{}: not a whole model of Stable Diffusion 1, 2 or XL, but {}", path.string(), kind_of_file(tensors));
  const Family family = family_of(tensors, unet, path, prediction);
  Parts parts = parts_of(tensors, unet, family, options.config, path.string());
  parts.emplace("scheduler", FilePart{scheduler_config(family, parts.at("unet").config), {}});
  for (auto& [name, part] : parts) {
    const auto given = config_in(options.config, name);
    if (!given) continue;
    const Json inferred = std::exchange(part.config, given->json());
    if (!part.config.contains("_class_name")) part.config["_class_name"] = inferred.at("_class_name");
  }
  if (!prediction.empty()) parts.at("scheduler").config["prediction_type"] = prediction;
  Json index = index_of(parts, family, options.config);
  return std::make_unique<AssembledFiles>(path, std::move(index), std::move(parts), options.config);
}

std::unique_ptr<ModelFiles> open_part(const fs::path& path, std::string_view part, const Json& defaults) {
  FilePart made = is_folder(path) ? part_in_folder(path, part) : part_in_file(path, part, defaults);
  Json index{{std::string(part), {"diffusers", Settings(made.config, path.string()).text("_class_name", "")}}};
  Parts parts;
  parts.emplace(part, std::move(made));
  return std::make_unique<AssembledFiles>(path, std::move(index), std::move(parts), fs::path());
}

std::unique_ptr<ModelFiles> open_part(const fs::path& path, std::string_view part) {
  return open_part(path, part, Json::object());
}

}  // namespace sumi
