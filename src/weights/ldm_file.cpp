#include "weights/ldm_file.h"

#include "weights/ldm_names.h"

namespace sumi {
namespace {

/// Adds a part's tensors under a prefix.
void add(TensorMap& file, const std::string& prefix, const TensorMap& tensors) {
  for (const auto& [name, source] : tensors) file.emplace(prefix + name, source);
}

/// Without what is no weight, and with the prefix that newer exports of text encoders drop.
TensorMap weights_of(const Checkpoint& checkpoint, bool text) {
  const TensorMap& tensors = checkpoint.tensors();
  const bool bare = text && !has_prefix(tensors, "text_model.");
  TensorMap weights;
  for (const auto& [name, source] : tensors) {
    if (name.ends_with("position_ids")) continue;
    weights.emplace(bare && !name.starts_with("text_projection.") ? "text_model." + name : name, source);
  }
  return weights;
}

bool is_open_clip(const ModelFiles& files, const std::string& component) {
  return files.config(component).text("hidden_act", "quick_gelu") != "quick_gelu";
}

void add_text_encoder(TensorMap& file, const ModelFiles& files, const std::string& component) {
  const CheckpointPtr checkpoint = files.weights(component);
  const TensorMap weights = weights_of(*checkpoint, true);
  const bool second = component == "text_encoder_2", xl = files.has("text_encoder_2");
  if (!second && !is_open_clip(files, component)) return add(file, xl ? ldm::kXlClip : ldm::kClip, weights);
  const bool projects = weights.contains("text_projection.weight");
  const auto names = open_clip_names(count_of(weights, "text_model.encoder.layers."), projects);
  const char* prefix = !second ? ldm::kOpenClip : files.has("text_encoder") ? ldm::kXlOpenClip : ldm::kRefinerOpenClip;
  add(file, prefix, names.to_file(weights, checkpoint->where()));
}

void add_vae(TensorMap& file, const ModelFiles& files, const char* prefix) {
  const std::string& type = files.component("vae").type;
  check(type == "AutoencoderKL", ErrorCode::unsupported, "{}: a vae of the class {} has no place in a single file",
        files.path().string(), type);
  const CheckpointPtr checkpoint = files.weights("vae");
  const TensorMap& tensors = checkpoint->tensors();
  add(file, prefix, ldm_vae_names(diffusers_vae_layout(tensors)).to_file(tensors, checkpoint->where()));
}

void add_unet(TensorMap& file, const ModelFiles& files) {
  const CheckpointPtr checkpoint = files.weights("unet");
  const TensorMap& tensors = checkpoint->tensors();
  add(file, ldm::kUNet, ldm_unet_names(diffusers_unet_layout(tensors)).to_file(tensors, checkpoint->where()));
}

void add_controlnet(TensorMap& file, const ModelFiles& files) {
  const CheckpointPtr checkpoint = files.weights("controlnet");
  const TensorMap& tensors = checkpoint->tensors();
  const int hints = count_of(tensors, "controlnet_cond_embedding.blocks.");
  const auto names = ldm_controlnet_names(diffusers_unet_layout(tensors), hints);
  add(file, ldm::kControlNet, names.to_file(tensors, checkpoint->where()));
}

void add_marks(TensorMap& file, const ModelFiles& files) {
  const auto mark = [&](const char* name) { file.emplace(name, values_source({0}, {})); };
  const Settings scheduler = files.config("scheduler");
  const bool velocity = scheduler.text("prediction_type", "epsilon") == "v_prediction";
  if (velocity) mark("v_pred");
  if (scheduler.flag("rescale_betas_zero_snr", false)) mark("ztsnr");
  if (!velocity && has_prefix(file, ldm::kOpenClip)) mark("epsilon_pred");
}

}  // namespace

TensorMap ldm_file(const ModelFiles& files) {
  TensorMap file;
  const bool whole = files.has("scheduler");
  for (const char* name : {"text_encoder", "text_encoder_2"}) {
    if (files.has(name)) add_text_encoder(file, files, name);
  }
  if (files.has("vae")) add_vae(file, files, whole ? ldm::kVae : "");
  if (files.has("unet")) add_unet(file, files);
  if (files.has("controlnet") && !whole) add_controlnet(file, files);
  check(!file.empty(), ErrorCode::unsupported, "{}: nothing in it has a place in a single file", files.path().string());
  if (whole) add_marks(file, files);
  return file;
}

}  // namespace sumi
