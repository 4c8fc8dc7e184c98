#include "pipelines/extras.h"

#include <algorithm>

#include <fmt/ranges.h>

#include "core/paths.h"
#include "hub/find.h"
#include "pipelines/parts.h"
#include "text/prompt.h"
#include "weights/single_file.h"

namespace sumi {

namespace {

/// Adapters that a prompt names, as files.
void take_loras(const std::filesystem::path& folder, std::string& prompt, std::vector<Lora>& to) {
  for (const PromptAdapter& asked : take_adapters(prompt)) {
    const std::filesystem::path name = asked.name + ".safetensors";
    check(name == name.filename(), ErrorCode::usage, "<lora:{}>: not the name of a file", asked.name);
    check(!folder.empty(), ErrorCode::usage, "<lora:{}>: say where such files are with --lora-dir", asked.name);
    check(is_there(folder / name), ErrorCode::not_found, "<lora:{}>: there is no {}", asked.name,
          (folder / name).string());
    const Lora lora{.file = folder / name, .weight = asked.weight, .text_weight = asked.text_weight};
    const auto same = [&](const Lora& known) { return known.file == lora.file; };
    if (std::none_of(to.begin(), to.end(), same)) to.push_back(lora);
  }
}

}  // namespace

Adapted Extras::apply(Model& model, Request& request) {
  take_loras(request.lora_folder, request.prompt, request.loras);
  for (std::string& prompt : request.prompts) take_loras(request.lora_folder, prompt, request.loras);
  teach(model, request.embeddings);
  return adapt(model, request.loras, request.lora_mode);
}

Adapted Extras::adapt(Model& model, const std::vector<Lora>& loras, LoraMode mode) {
  std::vector<AdapterUse> uses;
  for (const Lora& lora : loras) {
    AdapterPtr& adapter = adapters_[lora.file];
    if (!adapter) adapter = read_adapter(lora.file);
    uses.push_back({adapter, lora.weight, lora.text_weight.value_or(lora.weight)});
  }
  const AdapterReport report = model.adapters.set(uses, mode);
  Adapted adapted{.beside = report.beside, .merged = report.merged};
  if (!report.unmatched.empty()) {
    adapted.notes.push_back(fmt::format("{} parts of the adapters match nothing in the model: {}",
                                        report.unmatched.size(), fmt::join(report.unmatched, ", ")));
  }
  return adapted;
}

void Extras::teach(Model& model, const std::vector<std::filesystem::path>& files) {
  if (files == embeddings_) return;
  std::vector<Embedding> embeddings;
  for (const auto& file : files) {
    const Embedding& embedding = embeddings.emplace_back(read_embedding(file));
    for (const Embedding::Rows& rows : embedding.rows) {
      check(rows.encoder < static_cast<int>(model.texts.size()), ErrorCode::bad_model,
            "{}: has vectors for a second text encoder, the model has one: it is of another family", embedding.where);
    }
  }
  for (std::size_t i = 0; i < model.texts.size(); ++i) {
    learn_words(embeddings, static_cast<int>(i), model.texts[i].tokenizer, model.texts[i].text);
  }
  embeddings_ = files;
}

std::shared_ptr<const ControlNet> Extras::controlnet(const Model& model, const std::string& name) {
  std::shared_ptr<const ControlNet>& net = controlnets_[name];
  if (!net) {
    const auto files = open_part(find_model(name), "controlnet", model.unet_settings.json());
    net = std::make_shared<ControlNet>(build_controlnet(files->config("controlnet"), files->weights("controlnet")));
  }
  return net;
}

}  // namespace sumi
