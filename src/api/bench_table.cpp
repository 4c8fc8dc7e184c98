#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <system_error>

#include <fmt/ranges.h>

#include "api/bench_options.h"
#include "backend/cpu/cpu.h"
#include "core/atomic_file.h"
#include "core/check.h"
#include "core/paths.h"
#include "core/threads.h"
#include "hub/find.h"
#include "sumi/inspect.h"
#include "sumi/tools.h"

namespace sumi {
namespace {

namespace fs = std::filesystem;
using Row = std::vector<std::string>;

// The first eight are those of published suites; the next ones, as far as `version`, tell settings apart.
const Row kColumns{
    "device",
    "precision",
    "autocast",
    "xformers",
    "runtime",
    "n_samples",
    "latency",
    "memory",
    "model",
    "what",
    "width",
    "height",
    "steps",
    "guidance",
    "negative",
    "backend",
    "dtype",
    "threads",
    "disabled",
    "version",
    "minimum",
    "p95",
    "steps_per_second",
    "pictures_per_minute",
    "gflops",
    "share_of_peak",
};
constexpr std::size_t kDevice = 0, kPrecision = 1, kSamples = 5, kFirstSetting = 8, kSettings = 12;

std::string quoted(const std::string& field) {
  if (field.find_first_of(",\"\r\n") == std::string::npos) return field;
  std::string out = "\"";
  for (const char c : field) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + "\"";
}

std::string csv_line(const Row& row) {
  Row fields;
  for (const std::string& field : row) fields.push_back(quoted(field));
  return fmt::format("{}\n", fmt::join(fields, ","));
}

/// Rows of RFC 4180: fields in quotes may hold commas, line breaks, and quotes as two.
std::vector<Row> parse_csv(const std::string& text) {
  std::vector<Row> rows;
  Row row{""};
  bool inside = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (inside && c == '"' && i + 1 < text.size() && text[i + 1] == '"') {
      row.back() += text[++i];
    } else if (c == '"') {
      inside = !inside;
    } else if (!inside && c == ',') {
      row.emplace_back();
    } else if (!inside && c == '\n') {
      rows.push_back(std::exchange(row, Row{""}));
    } else if (inside || c != '\r') {
      row.back() += c;
    }
  }
  if (row != Row{""}) rows.push_back(row);
  return rows;
}

std::string read_text(const fs::path& path) {
  if (!is_there(path)) return {};
  std::ifstream file(path, std::ios::binary);
  check(file.is_open(), ErrorCode::io, "{}: cannot be read", path.string());
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string key_of(const Row& row) {
  Row parts{row[kDevice], row[kSamples]};
  parts.insert(parts.end(), row.begin() + kFirstSetting, row.begin() + kFirstSetting + kSettings);
  return csv_line(parts);
}

std::string processor_name() {
  for (const auto& [name, value] : describe_cpu()) {
    if (name == "processor") return value;
  }
  return "cpu";
}

/// All columns of a measurement, the measured ones empty. What a part does not depend on is empty too.
Row settings_row(const BenchOptions& given, const std::string& what) {
  BenchOptions options = given;
  settle_size(options);
  const auto number = [](auto value) { return fmt::format("{}", value); };
  const bool sized = what != "text", guided = what != "vae";
  std::string model = options.engine.model.empty() ? find_model("").filename().string() : options.engine.model;
  if (!options.engine.vae.empty() && (what == "vae" || what == "image")) model += " with " + options.engine.vae;
  Row row{processor_name(),
          "",
          "no",
          "no",
          "sumi",
          number(options.batch),
          "",
          "",
          std::move(model),
          what,
          sized ? number(options.width) : "",
          sized ? number(options.height) : "",
          what == "image" ? number(options.steps) : "",
          guided ? number(options.guidance) : "",
          !guided            ? ""
          : options.negative ? "yes"
                             : "no",
          options.engine.device_memory > 0
              ? fmt::format("{} within {} bytes", options.engine.device, options.engine.device_memory)
              : options.engine.device,
          options.engine.dtype,
          number(options.engine.threads > 0 ? options.engine.threads : threads()),
          fmt::format("{}", fmt::join(options.engine.disable, " ")),
          version()};
  row.resize(kColumns.size());
  return row;
}

/// Without the columns' names. Error(bad_file) for another table.
std::vector<Row> read_rows(const fs::path& path) {
  std::vector<Row> rows = parse_csv(read_text(path));
  if (rows.empty()) return rows;
  check(rows.front() == kColumns, ErrorCode::bad_file, "{}: has other columns than Sumi's table; choose another file",
        path.string());
  rows.erase(rows.begin());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    check(rows[i].size() == kColumns.size(), ErrorCode::bad_file, "{}: row {} has {} fields instead of {}",
          path.string(), i + 1, rows[i].size(), kColumns.size());
  }
  return rows;
}

std::size_t place_of(const char* column) {
  return static_cast<std::size_t>(std::find(kColumns.begin(), kColumns.end(), column) - kColumns.begin());
}

/// The last row with the settings of `wanted`, or the number of rows.
std::size_t find_row(const std::vector<Row>& rows, const Row& wanted) {
  const auto found =
      std::find_if(rows.rbegin(), rows.rend(), [&](const Row& row) { return key_of(row) == key_of(wanted); });
  return found == rows.rend() ? rows.size() : static_cast<std::size_t>(rows.rend() - found) - 1;
}

}  // namespace

BenchTable::BenchTable(fs::path path) : path_(std::move(path)) { read_rows(path_); }

std::optional<BenchRow> BenchTable::find(const BenchOptions& options, const std::string& what) const {
  const std::vector<Row> rows = read_rows(path_);
  const auto row = find_row(rows, settings_row(options, what));
  if (row == rows.size()) return std::nullopt;
  const auto value = [&](const char* column) { return std::strtod(rows[row][place_of(column)].c_str(), nullptr); };
  BenchRow found{.what = what, .dtype = rows[row][kPrecision], .calls = 1};
  found.out_of_memory = value("latency") < 0;
  if (found.out_of_memory) return found;
  found.minimum = value("minimum");
  found.median = value("latency");
  found.p95 = value("p95");
  found.gflops = value("gflops");
  found.flops = found.gflops * found.median * 1e9;
  found.share_of_peak = value("share_of_peak");
  found.steps_per_second = value("steps_per_second");
  found.pictures_per_minute = value("pictures_per_minute");
  found.peak_bytes = static_cast<std::size_t>(std::clamp(value("memory"), 0.0, 1e9) * 1e9);
  return found;
}

void BenchTable::add(const BenchOptions& options, const BenchRow& measured) {
  Row row = settings_row(options, measured.what);
  const auto set = [&](const char* column, double value) {
    row[place_of(column)] = measured.out_of_memory ? "-1" : fmt::format("{:.6g}", value);
  };
  row[kPrecision] = measured.dtype;
  set("latency", measured.median);
  set("memory", static_cast<double>(measured.peak_bytes) * 1e-9);
  set("minimum", measured.minimum);
  set("p95", measured.p95);
  set("steps_per_second", measured.steps_per_second);
  set("pictures_per_minute", measured.pictures_per_minute);
  set("gflops", measured.gflops);
  set("share_of_peak", measured.share_of_peak);

  // Read anew: another program may have added rows meanwhile.
  std::vector<Row> rows = read_rows(path_);
  const std::size_t place = find_row(rows, row);
  if (place == rows.size()) rows.emplace_back();
  rows[place] = std::move(row);
  std::string text = csv_line(kColumns);
  for (const Row& each : rows) text += csv_line(each);
  write_whole_file(path_, std::as_bytes(std::span(text)));
}

}  // namespace sumi
