#include "grid.h"

#include <functional>
#include <map>
#include <sstream>

#include <fmt/ranges.h>

#include "arguments.h"
#include "sumi/program.h"

namespace sumi::cli {
namespace {

using Set = std::function<void(Request&, const std::string&)>;

int whole(const std::string& text) { return parse_number<int>("--grid", text); }
double number(const std::string& text) { return parse_number<double>("--grid", text); }

const std::map<std::string, Set>& settings() {
  static const std::map<std::string, Set> known{
      {"steps", [](Request& r, const std::string& v) { r.steps = whole(v); }},
      {"guidance", [](Request& r, const std::string& v) { r.guidance = number(v); }},
      {"guidance-rescale", [](Request& r, const std::string& v) { r.guidance_rescale = number(v); }},
      {"seed", [](Request& r, const std::string& v) { r.seed = parse_number<std::uint64_t>("--grid", v); }},
      {"sampler", [](Request& r, const std::string& v) { r.sampling.sampler = v; }},
      {"schedule", [](Request& r, const std::string& v) { r.sampling.schedule = v; }},
      {"clip-skip", [](Request& r, const std::string& v) { r.clip_skip = whole(v); }},
      {"eta", [](Request& r, const std::string& v) { r.sampling.eta = number(v); }},
      {"strength",
       [](Request& r, const std::string& v) {
         if (!r.start) refuse("--grid: strength needs --init");
         r.start->strength = number(v);
       }},
  };
  return known;
}

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, at);) {
    if (!part.empty()) parts.push_back(part);
  }
  return parts;
}

}  // namespace

Grid::Grid(const std::string& text, const Request& request) {
  for (const std::string& part : split(text, ' ')) {
    const std::size_t equals = part.find('=');
    Axis axis{part.substr(0, equals), split(equals == std::string::npos ? "" : part.substr(equals + 1), ',')};
    if (!settings().contains(axis.name)) {
      std::vector<std::string> names;
      for (const auto& [name, set] : settings()) names.push_back(name);
      const std::string meant = did_you_mean(axis.name, names);
      refuse("--grid: '{}' is no setting of a grid{}", axis.name,
             meant.empty() ? fmt::format("; there are {}", fmt::join(names, ", ")) : meant);
    }
    if (axis.values.empty()) refuse("--grid: '{}' has no values; write {}=1,2", part, axis.name);
    axes_.push_back(std::move(axis));
  }
  if (axes_.empty() || axes_.size() > 2) {
    refuse("--grid: expected one or two settings, as in \"steps=10,20 guidance=5,7.5\"");
  }
  if (axes_.size() == 2 && axes_[0].name == axes_[1].name) refuse("--grid: '{}' is there twice", axes_[0].name);
  for (const Axis& axis : axes_) {
    Request tried = request;
    for (const std::string& value : axis.values) settings().at(axis.name)(tried, value);
  }
}

std::vector<std::string> Grid::labels(const Axis& axis) {
  std::vector<std::string> labels;
  for (const std::string& value : axis.values) labels.push_back(axis.name + " " + value);
  return labels;
}

std::vector<std::string> Grid::row_labels() const {
  return axes_.size() > 1 ? labels(axes_[1]) : std::vector<std::string>{""};
}

void Grid::set(Request& request, std::size_t column, std::size_t row) const {
  settings().at(axes_[0].name)(request, axes_[0].values[column]);
  if (axes_.size() > 1) settings().at(axes_[1].name)(request, axes_[1].values[row]);
}

}  // namespace sumi::cli
