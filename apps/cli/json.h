#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include "sumi/engine.h"
#include "sumi/hub.h"
#include "sumi/inspect.h"
#include "sumi/tools.h"

namespace sumi::cli {

// Each is one line, with its line break. What is not UTF-8 becomes U+FFFD.

std::string picture_json(const std::filesystem::path& path, const Picture& picture, const Report& report,
                         std::size_t batch);
/// `table`: where the row is from, unless it was measured now.
std::string bench_json(const BenchRow& row, const std::string& table);
std::string model_json(const ModelInfo& model);
std::string image_json(const std::filesystem::path& path, const Image& image);
std::string pull_json(const std::string& model, const PullResult& result);
std::string stored_json(const StoredModel& model);
std::string doctor_json(const Doctor& doctor);

}  // namespace sumi::cli
