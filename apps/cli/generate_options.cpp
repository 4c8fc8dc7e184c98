#include "generate_options.h"

#include "arguments.h"
#include "sumi/program.h"

namespace sumi::cli {
namespace {

constexpr const char* examples = R"(Examples:
  sumi generate "a red apple, 3d"
  sumi generate "a red apple, 3d" --seed 7 --steps 30 -o apple.png --show
  sumi generate "pizza, cartoon" --batch 4 -o "pizza-{index}.webp"
  sumi generate "a lighthouse at dusk" -n "blurry" -m /models/sd15 --sampler dpmpp-2m --schedule karras
)";

Rng parse_rng(const std::string& name) {
  if (name == "cpu") return Rng::cpu;
  if (name == "philox") return Rng::philox;
  const std::vector<std::string> known{"cpu", "philox"};
  refuse("--rng: '{}' is not known{}; there are cpu and philox", name, did_you_mean(name, known));
}

PromptSyntax parse_syntax(const std::string& name) {
  if (name == "weighted") return PromptSyntax::weighted;
  if (name == "plain") return PromptSyntax::plain;
  refuse("--prompt-syntax: '{}' is not known; there are weighted and plain", name);
}

void add_picture_options(CLI::App& app, GenerateOptions& o) {
  const char* group = "Picture";
  Request& request = o.request;
  app.add_option("-p,--prompt,PROMPT", request.prompt, "what the picture shows; (word:1.3) weighs a word")
      ->type_name("TEXT")
      ->group(group);
  app.add_option("--prompts", o.prompts, "file with a prompt on each line, made --batch at a time")
      ->type_name("FILE")
      ->group(group);
  app.add_option("--grid", o.grid,
                 "one picture of all combinations: \"steps=10,20 guidance=5,7.5\"; also of\n"
                 "guidance-rescale, seed, sampler, schedule, strength, clip-skip, eta")
      ->type_name("TEXT")
      ->group(group);
  app.add_option_function<std::string>(
         "--prompt-syntax", [&](const std::string& name) { request.syntax = parse_syntax(name); },
         "weighted, or plain for the text as it stands, cut at 77 tokens (default weighted)")
      ->type_name("NAME")
      ->group(group);
  app.add_option_function<std::string>(
         "-n,--negative", [&](const std::string& text) { request.negative = text; },
         "what to steer away from (default: the model's empty condition)")
      ->type_name("TEXT")
      ->group(group);
  add_number(app, "--steps", request.steps, "denoising steps, 1 to 1000 (default: the model's)")->group(group);
  add_number(app, "--guidance", request.guidance,
             "guidance scale, 0 to 100 (default: the model's); up to 1 the prompt alone, at half the work")
      ->group(group);
  add_number(app, "--guidance-rescale", request.guidance_rescale, "0 to 1 (default 0)")->group(group);
  add_number(app, "-W,--width", request.width, "pixels, a multiple of 8 (default: the model's)")->group(group);
  add_number(app, "-H,--height", request.height, "pixels, a multiple of 8 (default: the model's)")->group(group);
  add_number(app, "--clip-skip", request.clip_skip, "layers of the text encoder to leave out at its end (default 0)")
      ->group(group);
}

void add_sampling_options(CLI::App& app, GenerateOptions& o) {
  const char* group = "Sampling";
  Sampling& sampling = o.request.sampling;
  app.add_option("--sampler", sampling.sampler,
                 "euler-a, dpmpp-2m, unipc, lcm, ...; also \"DPM++ 2M Karras\"; `sumi doctor` lists them\n"
                 "(default: the model's)")
      ->type_name("NAME")
      ->group(group);
  app.add_option("--schedule", sampling.schedule,
                 "of the sigmas: default, karras, exponential, beta (default: the model's)")
      ->type_name("NAME")
      ->group(group);
  app.add_option("--spacing", sampling.spacing, "of the timesteps: leading, trailing, linspace (default: the model's)")
      ->type_name("NAME")
      ->group(group);
  add_number(app, "--eta", sampling.eta, "noise that ddim adds back, 0 to 1 (default 0)")->group(group);
}

void add_seed_options(CLI::App& app, GenerateOptions& o) {
  const char* group = "Seeds and number";
  add_number(app, "--seed", o.request.seed, "of the first picture; the others have the next ones (default: random)")
      ->group(group);
  app.add_option_function<std::string>(
         "--rng", [&](const std::string& name) { o.request.rng = parse_rng(name); },
         "cpu or philox, what other programs call CPU and GPU seeds (default cpu)")
      ->type_name("NAME")
      ->group(group);
  add_number(app, "-b,--batch", o.request.batch, "pictures made together, 1 to 256 (default 1)")->group(group);
  add_number(app, "--count", o.count, "runs one after the other, each of a batch (default 1)")->group(group);
}

void add_output_options(CLI::App& app, GenerateOptions& o) {
  const char* group = "Output";
  app.add_option("-o,--output", o.output,
                 "file ending in .png, .jpg or .webp, with {seed}, {index} and {prompt} in its name, or a folder\n"
                 "(default: PROMPT-SEED.png here)")
      ->type_name("FILE")
      ->group(group);
  app.add_flag("--show", o.show, "draw the picture in the terminal")->group(group);
  app.add_flag("--json", o.json, "one line of JSON per picture on standard output")->group(group);
  app.add_option("--preview", o.preview, "picture of the state so far, overwritten every few steps")
      ->type_name("FILE")
      ->group(group);
  app.add_option("--trace", o.trace, "Chrome trace of the first run, which Perfetto opens")
      ->type_name("FILE")
      ->group(group);
  app.add_flag("-q,--quiet", o.quiet, "say nothing but errors")->group(group);
  app.add_flag("-v,--verbose", o.verbose, "also print the phases, the memory planned and measured, and the work done")
      ->group(group);
}

}  // namespace

bool parse_generate(std::span<char*> arguments, GenerateOptions& options) {
  CLI::App app("Makes pictures from a prompt.", "sumi generate");
  add_picture_options(app, options);
  add_sampling_options(app, options);
  add_seed_options(app, options);
  add_joining_options(app, options);
  add_output_options(app, options);
  add_engine_options(app, options.engine);
  app.footer(examples);
  if (!parse(app, arguments)) return false;
  settle_joining(app, options);
  if (app.count("--prompt") == 0 && options.prompts.empty())
    refuse("say what to make: sumi generate \"a red apple, 3d\"");
  if (app.count("--prompt") > 0 && !options.prompts.empty())
    refuse("--prompts stands for the prompt; give one of both");
  if (!options.grid.empty() && (options.count > 1 || options.request.batch > 1 || !options.prompts.empty())) {
    refuse("--grid makes one picture of each combination: not with --batch, --count or --prompts");
  }
  if (options.count < 1 || options.count > 1000000) refuse("--count: {} is not from 1 to 1000000", options.count);
  if (options.quiet && options.verbose) refuse("--quiet and --verbose exclude each other");
  return true;
}

}  // namespace sumi::cli
