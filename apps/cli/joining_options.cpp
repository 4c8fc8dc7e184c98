#include <algorithm>
#include <array>

#include "arguments.h"
#include "generate_options.h"

namespace sumi::cli {
namespace {

/// "FILE:0.8:1" as FILE and at most `most` numbers; a name may hold colons that no number follows.
std::pair<std::string, std::vector<double>> split_numbers(std::string_view option, std::string text, std::size_t most) {
  std::vector<double> numbers;
  for (std::size_t colon; numbers.size() < most && (colon = text.rfind(':')) != std::string::npos;) {
    const std::string last = text.substr(colon + 1);
    if (last.empty() || last.find_first_not_of("+-.0123456789eE") != std::string::npos) break;
    numbers.insert(numbers.begin(), parse_number<double>(option, last));
    text.resize(colon);
  }
  if (text.empty()) refuse("{}: expected a file", option);
  return {text, numbers};
}

double at_or(const std::vector<double>& numbers, std::size_t i, double otherwise) {
  return i < numbers.size() ? numbers[i] : otherwise;
}

/// "512x768" or "8,16".
std::pair<int, int> parse_pair(std::string_view option, const std::string& text, char between) {
  const std::size_t at = text.find(between);
  if (at == std::string::npos) refuse("{}: '{}' is not two numbers with '{}' between", option, text, between);
  return {parse_number<int>(option, text.substr(0, at)), parse_number<int>(option, text.substr(at + 1))};
}

Control parse_control(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    refuse("--control: '{}' is not MODEL=FILE[:weight[:start[:end]]]", text);
  }
  const auto [file, numbers] = split_numbers("--control", text.substr(equals + 1), 3);
  return {.model = text.substr(0, equals),
          .picture = read_image(file),
          .weight = at_or(numbers, 0, 1),
          .start = at_or(numbers, 1, 0),
          .end = at_or(numbers, 2, 1)};
}

LoraMode parse_lora_mode(const std::string& mode) {
  if (mode == "merge") return LoraMode::merge;
  if (mode == "apply") return LoraMode::apply;
  refuse("--lora-mode: '{}' is neither merge nor apply", mode);
}

Lora parse_lora(const std::string& text) {
  const auto [file, numbers] = split_numbers("--lora", text, 2);
  Lora lora{.file = file, .weight = at_or(numbers, 0, 1)};
  if (numbers.size() > 1) lora.text_weight = numbers[1];
  return lora;
}

/// "SCALE[:upscaler[:strength]]".
Hires parse_hires(const std::string& text) {
  Hires hires;
  const std::size_t first = text.find(':');
  hires.scale = parse_number<double>("--hires", text.substr(0, first));
  if (first == std::string::npos) return hires;
  if (first + 1 == text.size()) refuse("--hires: '{}' is not SCALE[:UPSCALER[:STRENGTH]]", text);
  const auto [upscaler, numbers] = split_numbers("--hires", text.substr(first + 1), 1);
  hires.upscaler = upscaler;
  hires.strength = at_or(numbers, 0, hires.strength);
  return hires;
}

void add_sites(Tome& tome, const std::string& text) {
  for (std::size_t at = 0; at <= text.size();) {
    const std::string name = text.substr(at, text.find(',', at) - at);
    at += name.size() + 1;
    if (name == "cross") {
      tome.cross_attention = true;
    } else if (name == "mlp") {
      tome.feed_forward = true;
    } else if (name != "self") {
      refuse("--tome-sites: '{}' is not known; there are self, cross and mlp", name);
    }
  }
}

Safety parse_safety(const std::string& name) {
  if (name == "off") return Safety::off;
  if (name == "blur") return Safety::blur;
  if (name == "refuse") return Safety::refuse;
  refuse("--safety: '{}' is not known; there are off, blur and refuse", name);
}

using Text = Options::Text;

void add_start_options(CLI::App& app, Joining& joining, Request& request) {
  Options options(app, "Pictures to begin with");
  options.text("--init", "FILE", "picture to begin with; sets the size unless -W and -H do", [&](const Text& file) {
    joining.start.picture = read_image(file);
    joining.with_start = true;
  });
  options.number("--strength", joining.start.strength, "0 to 1, 1 keeps nothing of the picture (default 0.8)");
  options.text("--mask", "FILE", "light parts of the picture are painted anew", [&](const Text& file) {
    joining.mask.picture = read_image(file);
    joining.with_mask = true;
  });
  options.number("--mask-blur", joining.mask.blur, "pixels, softens the seam (default 0)");
  options.number("--only-masked", joining.mask.only_masked,
                 "work on the mask's surroundings alone at full size, with N pixels around it");
  options.number("--image-guidance", request.image_guidance,
                 "how much InstructPix2Pix keeps of the picture, 0 to 100 (default 1.5)");
}

void add_control_options(CLI::App& app, Joining& joining, Request& request) {
  Options options(app, "ControlNets");
  options.texts("--control", "MODEL=FILE[:W[:START[:END]]]",
                "a ControlNet, its picture, weight and part of the steps; repeatable",
                [&](const Text& text) { request.controls.push_back(parse_control(text)); });
  options.text("--annotator", "NAME", "canny makes edges of the pictures first, none takes them as they are",
               joining.annotator);
  options.flag("--guess-mode", request.guess_mode, "ControlNets lead even without a prompt");
}

void add_adapter_options(CLI::App& app, Request& request) {
  Options options(app, "Adapters");
  options.texts("--lora", "FILE[:W[:TEXT-W]]",
                "LoRA, LoHa, LoKr, DoRA or differences, its weight, that of the text part; repeatable",
                [&](const Text& text) { request.loras.push_back(parse_lora(text)); });
  options.text(
      "--lora-mode", "MODE",
      "merge (default) adds to the weights, at no cost per step; apply computes LoRA and LoCon beside them: "
      "other strengths pack next to nothing, a layer rank * (1/in + 1/out) of its work more (-v tells the sum)",
      [&](const Text& mode) { request.lora_mode = parse_lora_mode(mode); });
  options.text("--lora-dir", "DIR", "where <lora:name:weight> in a prompt finds name.safetensors", request.lora_folder);
  options.texts("--embedding", "FILE", "learned word (textual inversion), in prompts by its file's name; repeatable",
                [&](const Text& file) { request.embeddings.emplace_back(file); });
}

void add_xl_options(CLI::App& app, Request& request) {
  Options options(app, "Stable Diffusion XL");
  Micro& micro = request.micro;
  options.text("--prompt-2", "TEXT", "for the second text encoder (default: the prompt)", request.prompt_2);
  options.text("--negative-2", "TEXT", "for the second text encoder (default: the negative prompt)",
               request.negative_2);
  options.text("--original-size", "WxH", "as if the picture had been this large (default: its size)",
               [&](const Text& text) { micro.original = parse_pair("--original-size", text, 'x'); });
  options.text("--target-size", "WxH", "as if it were to be this large (default: its size)",
               [&](const Text& text) { micro.target = parse_pair("--target-size", text, 'x'); });
  options.text("--crop", "X,Y", "as if so much had been cut off (default 0,0)",
               [&](const Text& text) { std::tie(micro.crop_x, micro.crop_y) = parse_pair("--crop", text, ','); });
  options.number("--aesthetic-score", micro.aesthetic, "of refiners, 0 to 10 (default 6)");
  options.number("--negative-aesthetic-score", micro.negative_aesthetic, "of refiners, 0 to 10 (default 2.5)");
  options.number("--denoising-end", request.sampling.to, "stop at this part of the way, 0 to 1 (default 1)");
}

void add_further_options(CLI::App& app, Joining& joining, Request& request) {
  Options options(app, "More than one way");
  options.text("--refiner", "MODEL", "model for the last steps", joining.refiner.model);
  options.number("--refiner-start", joining.refiner.start, "part of the way that the first model goes (default 0.8)");
  options.text("--hires", "SCALE[:UPSCALER[:STRENGTH]]",
               "again from the picture, larger: lanczos, latent, latent-nearest or an ESRGAN file\n(default lanczos, "
               "strength 0.5; latent wants 0.6 or more)",
               [&](const Text& text) { request.hires = parse_hires(text); });
  options.number("--variation-seed", joining.variation.seed, "seed to vary towards");
  options.number("--variation-strength", joining.variation.strength, "how far, 0 to 1 (default 0)");
}

void add_safety_options(CLI::App& app, Request& request, EngineOptions& engine) {
  Options options(app, "Safety checker");
  options.text("--safety", "NAME", "off, blur or refuse what the model's safety checker holds unfit (default off)",
               [&](const Text& name) { request.safety = parse_safety(name); });
  options.text("--safety-checker", "DIR", "folder of a safety checker instead of the model's own",
               engine.safety_checker);
}

void add_shortcut_options(CLI::App& app, Joining& joining, Request& request) {
  Options options(app, "Faster or smaller, at the price of another picture");
  options.text("--deepcache", "INTERVAL[:BRANCH]", "compute the deep layers only every so many steps",
               request.shortcuts.deepcache);
  options.number("--tome", joining.tome.ratio, "merge this share of like tokens, 0 to 0.75");
  options.flag("--tome-fixed", joining.tome.fixed, "into the top left of each four, not a random one");
  options.number("--tome-max-downsample", joining.tome.max_downsample,
                 "where latents are at most N times smaller along a side: 1, 2, 4 or 8 (default 1)");
  options.text("--tome-sites", "LIST", "of cross and mlp, where it merges besides self-attention",
               [&](const Text& text) { add_sites(joining.tome, text); });
  options.flag("--vae-tiling", request.shortcuts.vae_tiling,
               "decode and encode large pictures in overlapping pieces: less memory, slight seams");
}

}  // namespace

void add_joining_options(CLI::App& app, GenerateOptions& options) {
  add_start_options(app, options.joining, options.request);
  add_control_options(app, options.joining, options.request);
  add_adapter_options(app, options.request);
  add_xl_options(app, options.request);
  add_further_options(app, options.joining, options.request);
  add_shortcut_options(app, options.joining, options.request);
  add_safety_options(app, options.request, options.engine);
}

void settle_joining(const CLI::App& app, GenerateOptions& options) {
  Joining& joining = options.joining;
  Request& request = options.request;
  const auto needs = [&](std::initializer_list<const char*> names, bool there, const char* other) {
    for (const char* name : names) {
      if (!there && app.count(name) > 0) refuse("{} needs {}", name, other);
    }
  };
  needs({"--strength", "--mask"}, joining.with_start, "--init");
  needs({"--mask-blur", "--only-masked"}, joining.with_mask, "--mask");
  needs({"--annotator", "--guess-mode"}, !request.controls.empty(), "--control");
  needs({"--refiner-start"}, !joining.refiner.model.empty(), "--refiner");
  needs({"--variation-seed"}, app.count("--variation-strength") > 0, "--variation-strength");
  needs({"--variation-strength"}, app.count("--variation-seed") > 0, "--variation-seed");
  needs({"--tome-fixed", "--tome-max-downsample", "--tome-sites"}, app.count("--tome") > 0, "--tome");
  if (app.count("--tome") > 0) request.shortcuts.tome = joining.tome;
  if (joining.with_start) request.start = std::move(joining.start);
  if (joining.with_mask) request.mask = std::move(joining.mask);
  if (!joining.refiner.model.empty()) request.refiner = joining.refiner;
  if (app.count("--variation-seed") > 0) request.variation = joining.variation;
  for (Control& control : request.controls) control.annotator = joining.annotator;
}

}  // namespace sumi::cli
