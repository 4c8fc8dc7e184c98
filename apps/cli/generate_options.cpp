#include "generate_options.h"

#include "arguments.h"
#include "sumi/program.h"

namespace sumi::cli {
namespace {

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
  Options options(app, "Picture");
  Request& request = o.request;
  options.text("-p,--prompt,PROMPT", "TEXT", "what the picture shows; (word:1.3) weighs a word", request.prompt);
  options.text("--prompts", "FILE", "file with a prompt on each line, made --batch at a time", o.prompts);
  options.text("--grid", "TEXT",
               "one picture of all combinations: \"steps=10,20 guidance=5,7.5\"; also of\n"
               "guidance-rescale, seed, sampler, schedule, strength, clip-skip, eta",
               o.grid);
  options.text("--prompt-syntax", "NAME",
               "weighted, or plain for the text as it stands, cut at 77 tokens (default weighted)",
               [&](const Options::Text& name) { request.syntax = parse_syntax(name); });
  options.text("-n,--negative", "TEXT", "what to steer away from (default: the model's empty condition)",
               request.negative);
  options.number("--steps", request.steps, "denoising steps, 1 to 1000 (default: the model's)");
  options.number("--guidance", request.guidance,
                 "guidance scale, 0 to 100 (default: the model's); up to 1 the prompt alone, at half the work");
  options.number("--guidance-rescale", request.guidance_rescale, "0 to 1 (default 0)");
  options.number("-W,--width", request.width, "pixels, a multiple of 8 (default: the model's)");
  options.number("-H,--height", request.height, "pixels, a multiple of 8 (default: the model's)");
  options.number("--clip-skip", request.clip_skip, "layers of the text encoder to leave out at its end (default 0)");
}

void add_sampling_options(CLI::App& app, Sampling& sampling) {
  Options options(app, "Sampling");
  options.text("--sampler", "NAME",
               "euler-a, dpmpp-2m, unipc, lcm, ...; also \"DPM++ 2M Karras\"; `sumi doctor` lists them\n"
               "(default: the model's)",
               sampling.sampler);
  options.text("--schedule", "NAME", "of the sigmas: default, karras, exponential, beta (default: the model's)",
               sampling.schedule);
  options.text("--spacing", "NAME", "of the timesteps: leading, trailing, linspace (default: the model's)",
               sampling.spacing);
  options.number("--eta", sampling.eta, "noise that ddim adds back, 0 to 1 (default 0)");
}

void add_seed_options(CLI::App& app, GenerateOptions& o) {
  Options options(app, "Seeds and number");
  options.number("--seed", o.request.seed, "of the first picture; the others have the next ones (default: random)");
  options.text("--rng", "NAME", "cpu or philox, what other programs call CPU and GPU seeds (default cpu)",
               [&](const Options::Text& name) { o.request.rng = parse_rng(name); });
  options.number("-b,--batch", o.request.batch, "pictures made together, 1 to 256 (default 1)");
  options.number("--count", o.count, "runs one after the other, each of a batch (default 1)");
}

void add_output_options(CLI::App& app, GenerateOptions& o) {
  Options options(app, "Output");
  options.text("-o,--output", "FILE",
               "file ending in .png, .jpg or .webp, with {seed}, {index} and {prompt} in its name, or a folder\n"
               "(default: PROMPT-SEED.png here)",
               o.output);
  options.flag("--show", o.show, "draw the picture in the terminal");
  options.flag("--json", o.json, "one line of JSON per picture on standard output");
  options.text("--preview", "FILE", "picture of the state so far, overwritten every few steps", o.preview);
  options.text("--trace", "FILE", "Chrome trace of the first run, which Perfetto opens", o.trace);
  options.flag("-q,--quiet", o.quiet, "say nothing but errors");
  options.flag("-v,--verbose", o.verbose, "also print the phases, the memory planned and measured, and the work done");
}

}  // namespace

bool parse_generate(std::span<char*> arguments, GenerateOptions& options) {
  CLI::App app("Makes pictures from a prompt.", "sumi generate");
  add_picture_options(app, options);
  add_sampling_options(app, options.request.sampling);
  add_seed_options(app, options);
  add_joining_options(app, options);
  add_output_options(app, options);
  add_engine_options(app, options.engine);
  app.footer(R"(Examples:
  sumi generate "a red apple, 3d"
  sumi generate "a red apple, 3d" --seed 7 --steps 30 -o apple.png --show
  sumi generate "pizza, cartoon" --batch 4 -o "pizza-{index}.webp"
  sumi generate "a lighthouse at dusk" -n "blurry" -m /models/sd15 --sampler dpmpp-2m --schedule karras
)");
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
