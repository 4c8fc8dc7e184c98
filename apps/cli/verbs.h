#pragma once

#include <span>

namespace sumi::cli {

/// What each verb does with the arguments from its own name on. They throw what fails.
void generate(std::span<char*> arguments);
void pull(std::span<char*> arguments);
void models(std::span<char*> arguments);
void info(std::span<char*> arguments);
void bench(std::span<char*> arguments);
void convert(std::span<char*> arguments);
void doctor(std::span<char*> arguments);

}  // namespace sumi::cli
