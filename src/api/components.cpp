#include "api/components.h"

#include <array>
#include <system_error>

#include "hub/find.h"
#include "weights/loader.h"

namespace sumi {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSynthetic = "synthetic:";

struct Kind {
  std::string_view component, type;
};
constexpr std::array kKinds{Kind{"text_encoder", "CLIPTextModel"},
                            Kind{"text_encoder_2", "CLIPTextModelWithProjection"}, Kind{"unet", "UNet2DConditionModel"},
                            Kind{"vae", "AutoencoderKL"}};

Names plain_names(const Checkpoint&) { return {}; }

/// Tokenizers, schedulers and the like have no weights.
bool has_weights(const Component& component) {
  std::error_code problem;
  for (fs::directory_iterator item(component.folder, problem), end; !problem && item != end; item.increment(problem)) {
    if (item->path().extension() == ".safetensors") return true;
  }
  return false;
}

}  // namespace

Components::Components(const std::string& model) {
  if (model.starts_with(kSynthetic)) {
    preset_.emplace(find_preset(std::string_view(model).substr(kSynthetic.size())));
  } else {
    folder_.emplace(find_model(model));
  }
}

std::string Components::name() const {
  if (preset_) return std::string(kSynthetic) + preset_->name();
  const fs::path path = fs::weakly_canonical(folder_->path());
  return path.filename().string();
}

std::vector<std::string> Components::weighted() const {
  std::vector<std::string> names;
  if (preset_) {
    for (const Kind& kind : kKinds) {
      if (preset_->has(kind.component)) names.emplace_back(kind.component);
    }
    return names;
  }
  for (const auto& [name, component] : folder_->components()) {
    if (has_weights(component)) names.push_back(name);
  }
  return names;
}

std::string Components::kind(const std::string& component) const {
  if (folder_) return folder_->component(component).type;
  for (const Kind& kind : kKinds) {
    if (kind.component == component) return std::string(kind.type);
  }
  return preset_->config(component).text("_class_name", "");
}

Settings Components::config(const std::string& component) const {
  return preset_ ? preset_->config(component) : folder_->config(component);
}

CheckpointPtr Components::open(const std::string& component) const {
  if (folder_) return folder_->weights(component);
  return synthetic_checkpoint(DType::f16, std::hash<std::string>{}(component), preset_->name() + "/" + component);
}

template <class Part, class Config>
Part Components::build(const std::string& component, const CheckpointPtr& checkpoint,
                       Names (*names)(const Checkpoint&)) const {
  const Loader loader(checkpoint, names(*checkpoint));
  Part part(Config::from(config(component)), loader);
  loader.finish();
  return part;
}

CheckpointPtr Components::weights(const std::string& component) const {
  CheckpointPtr checkpoint = open(component);
  if (folder_) return checkpoint;
  // A synthetic checkpoint holds what was asked for.
  if (component == "unet") {
    build<UNet, UNetConfig>(component, checkpoint, plain_names);
  } else if (component == "vae") {
    build<Vae, VaeConfig>(component, checkpoint, plain_names);
  } else {
    build<ClipText, ClipTextConfig>(component, checkpoint, plain_names);
  }
  return checkpoint;
}

UNet Components::unet() const { return build<UNet, UNetConfig>("unet", open("unet"), plain_names); }

Vae Components::vae() const { return build<Vae, VaeConfig>("vae", open("vae"), vae_names); }

std::vector<ClipText> Components::text_encoders() const {
  std::vector<ClipText> encoders;
  for (const std::string& name : weighted()) {
    if (name.starts_with("text_encoder")) {
      encoders.push_back(build<ClipText, ClipTextConfig>(name, open(name), clip_text_names));
    }
  }
  return encoders;
}

}  // namespace sumi
