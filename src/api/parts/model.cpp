#include "sumi/parts/model.h"

#include "api/parts/state.h"
#include "pipelines/choices.h"

namespace sumi::parts {

Model::Model(const EngineOptions& options) : state_(std::make_shared<State>(options)) {}

int Model::default_steps() const { return state_->model->defaults.steps; }
double Model::default_guidance() const { return state_->model->defaults.guidance; }
int Model::default_width() const { return state_->model->defaults.width; }
int Model::default_height() const { return state_->model->defaults.height; }
int Model::reduction() const { return static_cast<int>(state_->model->vae.reduction()); }

LatentShape Model::latent_shape(int width, int height, int batch) const {
  const sumi::Model& model = *state_->model;
  const std::int64_t reduction = model.vae.reduction();
  check_range("batch", batch, 1, 256);
  return {.batch = batch,
          .height = settle_side("height", height ? height : model.defaults.height, reduction) / reduction,
          .width = settle_side("width", width ? width : model.defaults.width, reduction) / reduction,
          .channels = model.latent_channels()};
}

int Model::extra_channels() const {
  return static_cast<int>(state_->model->unet.config().in_channels - state_->model->latent_channels());
}

std::vector<std::string> Model::set_adapters(const std::vector<Lora>& loras, LoraMode mode) {
  return state_->extras.adapt(*state_->model, loras, mode).notes;
}

void Model::set_words(const std::vector<std::filesystem::path>& embeddings) {
  state_->extras.teach(*state_->model, embeddings);
}

}  // namespace sumi::parts
