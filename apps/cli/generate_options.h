#pragma once

#include <filesystem>
#include <span>
#include <string>

#include <CLI/CLI.hpp>

#include "sumi/engine.h"

namespace sumi::cli {

/// Parts of a request while options are read: each counts only with the option that brings it.
struct Joining {
  Start start;
  Mask mask;
  Refiner refiner;
  Variation variation;
  Tome tome;
  std::string annotator;
  bool with_start = false, with_mask = false;
};

struct GenerateOptions {
  EngineOptions engine;
  Request request;
  Joining joining;
  std::string output;
  std::filesystem::path prompts;  ///< a file with a prompt on each line
  std::string grid;               ///< "steps=10,20 guidance=5,7.5"
  std::filesystem::path preview, trace;
  int count = 1;
  bool show = false, json = false, quiet = false, verbose = false;
};

/// What joins the way of a picture: pictures, ControlNets, adapters, the sizes that SDXL is told, second models.
void add_joining_options(CLI::App& app, GenerateOptions& options);
/// After parsing. Error(usage) for options that need another one.
void settle_joining(const CLI::App& app, GenerateOptions& options);

/// False where only the help was asked for. Error(usage).
bool parse_generate(std::span<char*> arguments, GenerateOptions& options);

}  // namespace sumi::cli
