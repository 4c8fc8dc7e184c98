#include <gtest/gtest.h>

#include "backend/cpu/cpu.h"
#include "reference/cases.h"

namespace sumi::test {
namespace {

std::vector<std::string> case_names() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(fixtures() / "cases")) {
    if (entry.path().extension() == ".json") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

const Json& skipped() {
  static const Json list = read_json(std::filesystem::path(SUMI_SOURCE_DIR) / "tests/reference/skipped.json");
  return list;
}
