#include <cstdio>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "arguments.h"
#include "json.h"
#include "output_name.h"
#include "pull.h"
#include "sumi/tools.h"
#include "terminal.h"
#include "units.h"
#include "verbs.h"

namespace sumi::cli {
namespace {

constexpr const char* examples = R"(Examples:
  sumi bench
  sumi bench --model synthetic:sd15 --what image,unet,vae,text --size 512 --steps 20 --repeat 3
  sumi bench --model synthetic:sd15 --what unet --size 512 --ops --json
  sumi bench --model synthetic:sd15 --what unet --size 512 --disable flash-avx512
  sumi bench --model synthetic:sd15 --write /tmp/sd15 --dtype f16
)";

struct Settings {
  BenchOptions bench;
  std::string csv = "benchmark.csv", write;
  bool json = false, resume = false;
};

/// "512" or "768x512", width first.
void parse_size(const std::string& text, BenchOptions& to) {
  const std::size_t x = text.find('x');
  to.width = parse_number<int>("--size", text.substr(0, x));
  to.height = x == std::string::npos ? to.width : parse_number<int>("--size", text.substr(x + 1));
}

void add_options(CLI::App& app, Settings& s) {
  BenchOptions& bench = s.bench;
  app.add_option("--what", bench.what, "image, unet, vae, text: one or more with commas (default image)")
      ->type_name("PARTS")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option_function<std::string>(
         "--size", [&](const std::string& text) { parse_size(text, bench); },
         "pixels, N or WIDTHxHEIGHT (default: the model's)")
      ->type_name("SIZE");
  add_number(app, "-b,--batch", bench.batch, "pictures made together (default 1)");
  add_number(app, "--steps", bench.steps, "steps of an image (default 20)");
  add_number(app, "--guidance", bench.guidance, "guidance scale; up to 1 the UNet runs on one half (default 7.5)");
  add_number(app, "--warmup", bench.warmup, "calls before those that count (default 1)");
  add_number(app, "--repeat", bench.repeat, "calls that count (default 3)");
  app.add_flag("--ops", bench.ops, "also one row per op, shape and implementation of a UNet step");
  app.add_flag("--json", s.json, "one line of JSON per row");
  app.add_option_function<std::string>(
         "--csv",
         [&](const std::string& file) {
           s.csv = file;
           s.resume = true;
         },
         "table that rows are added to (default benchmark.csv; \"\": none);\nwhen given, what it has already is not "
         "measured again")
      ->type_name("FILE");
  app.add_option("--write", s.write, "write the model as a diffusers folder for other programs, and measure nothing")
      ->type_name("FOLDER");
  add_engine_options(app, s.bench.engine);
}

std::string header() {
  return fmt::format("{:<8}{:>10}{:>10}{:>10}{:>12}{:>10}{:>9}{:>7}{:>10}\n", "what", "minimum", "median", "p95",
                     "steps/s", "per min", "GFLOP/s", "peak", "memory");
}

std::string filled(double value, const char* end = "") { return value > 0 ? fmt::format("{:.2f}{}", value, end) : "-"; }

std::string row_text(const BenchRow& row) {
  if (row.out_of_memory) return fmt::format("{:<8}out of memory\n", row.what);
  const std::string times =
      fmt::format("{:>10}{:>10}{:>10}", seconds_text(row.minimum), seconds_text(row.median), seconds_text(row.p95));
  const std::string speed = fmt::format("{:>9.3g}{:>6.0f}%", row.gflops, 100 * row.share_of_peak);
  if (row.what == "op") {
    return fmt::format("  {:<6}{}{}  {} x {}: {}\n", "", times, speed, row.calls, row.shapes, row.implementation);
  }
  return fmt::format("{:<8}{}{:>12}{:>10}{}{:>10}\n", row.what, times, filled(row.steps_per_second),
                     filled(row.pictures_per_minute), speed, bytes_text(row.peak_bytes));
}

void measure(Settings& s) {
  std::optional<BenchTable> table;
  if (!s.csv.empty()) {
    check_writable(s.csv);
    table.emplace(s.csv);
  }
  if (table && s.resume) {
    std::erase_if(s.bench.what, [&](const std::string& what) {
      if (!table->has(s.bench, what)) return false;
      print(stderr, fmt::format("{}: is in {} already\n", what, s.csv));
      return true;
    });
  }
  bool first = !s.json;
  sumi::bench(s.bench, [&](const BenchRow& row) {
    if (std::exchange(first, false)) print(stdout, header());
    print(stdout, s.json ? bench_json(row) : row_text(row));
    if (table && row.what != "op") table->add(s.bench, row);
  });
}

}  // namespace

void bench(std::span<char*> arguments) {
  Settings settings;
  CLI::App app(
      "Measures how fast a model and its parts run here: seconds, steps per second, GFLOP/s, the share of the\n"
      "peak measured on this machine, and memory.",
      "sumi bench");
  add_options(app, settings);
  app.footer(examples);
  if (!parse(app, arguments)) return;
  const EngineOptions& engine = settings.bench.engine;
  fetch_if_needed({engine.model, engine.vae});
  if (!settings.write.empty()) {
    return write_model(engine.model, settings.write, engine.dtype == "auto" ? "f16" : engine.dtype);
  }
  measure(settings);
}

}  // namespace sumi::cli
