#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "sumi/engine.h"

namespace sumi::cli {

struct GenerateOptions {
  EngineOptions engine;
  Request request;
  std::string output;
  std::filesystem::path preview, trace;
  int count = 1;
  bool show = false, json = false, quiet = false, verbose = false;
};

/// False where only the help was asked for. Error(usage).
bool parse_generate(std::span<char*> arguments, GenerateOptions& options);

}  // namespace sumi::cli
