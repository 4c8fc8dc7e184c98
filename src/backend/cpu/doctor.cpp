#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <thread>

#include <fmt/format.h>

#include "backend/cpu/cpu.h"
#include "backend/cpu/isa.h"
#include "backend/cpu/onednn.h"
#include "core/threads.h"

namespace sumi {
namespace {

/// The first value of a key in /proc/cpuinfo; empty where the system has neither.
std::string cpuinfo(const std::string& key) {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(": ");
    if (colon != std::string::npos && line.starts_with(key) &&
        line.find_first_not_of(" \t", key.size()) == line.find(':'))
      return line.substr(colon + 2);
  }
  return {};
}

/// Of the processor's flags those that decide what kernels can run, oneDNN's too.
std::string features() {
  constexpr std::array known = {"avx2",        "fma",      "f16c",     "avx_vnni",    "avx512f",
                                "avx512bw",    "avx512dq", "avx512vl", "avx512_vnni", "avx512_bf16",
                                "avx512_fp16", "amx_tile", "amx_bf16", "amx_int8",    "asimd",
                                "asimdhp",     "asimddp",  "bf16",     "i8mm",        "sve"};
  std::istringstream flags(cpuinfo("flags") + cpuinfo("Features"));
  std::set<std::string> has;
  for (std::string flag; flags >> flag;) has.insert(flag);
  std::vector<std::string> found;
  std::copy_if(known.begin(), known.end(), std::back_inserter(found),
               [&](const char* each) { return has.contains(each); });
  return fmt::format("{}", fmt::join(found, " "));
}

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

/// "L1 data 48K, L1 instruction 32K, L2 1280K, L3 49152K": of the first core.
std::string caches() {
  std::string text;
  for (int index = 0;; ++index) {
    const std::string folder = fmt::format("/sys/devices/system/cpu/cpu0/cache/index{}/", index);
    const std::string level = first_line(folder + "level"), size = first_line(folder + "size");
    if (level.empty() || size.empty()) return text;
    const std::string type = first_line(folder + "type");
    text += fmt::format("{}L{}{} {}", text.empty() ? "" : ", ", level,
                        type == "Data"          ? " data"
                        : type == "Instruction" ? " instruction"
                                                : "",
                        size);
  }
}

}  // namespace

std::vector<std::pair<std::string, std::string>> describe_cpu() {
  const Isa isa = usable_isa(), cap = isa_cap();
  std::vector<std::pair<std::string, std::string>> rows;
  const auto add = [&](const char* name, std::string value) {
    if (!value.empty()) rows.emplace_back(name, std::move(value));
  };
  add("processor", cpuinfo("model name"));
  add("cores", fmt::format("{}, {} threads in use", std::thread::hardware_concurrency(), threads()));
  add("caches", caches());
  add("features", features());
  add("instruction set",
      fmt::format("{}{}", name_of(isa), cap < Isa::amx ? fmt::format(", SUMI_ISA allows {}", name_of(cap)) : ""));
  add("oneDNN", fmt::format("{}, {}", onednn::version(), onednn::effective_isa()));
  return rows;
}

}  // namespace sumi
