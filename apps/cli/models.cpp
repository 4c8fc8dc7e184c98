#include <algorithm>
#include <cstdio>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "arguments.h"
#include "json.h"
#include "sumi/hub.h"
#include "terminal.h"
#include "units.h"
#include "verbs.h"

namespace sumi::cli {
namespace {

/// "main, v1 3a2f...": what a commit is called, and its beginning.
std::string revision_text(const StoredModel& model) {
  constexpr std::size_t kDigits = 8;
  const std::string names = fmt::format("{}", fmt::join(model.revisions, ", "));
  return names + (names.empty() || model.commit.empty() ? "" : " ") + model.commit.substr(0, kDigits);
}

std::string table(const std::vector<StoredModel>& models) {
  std::size_t names = 5, revisions = 8;  // of the headings
  for (const StoredModel& each : models) {
    names = std::max(names, each.name.size());
    revisions = std::max(revisions, revision_text(each).size());
  }
  const auto row = [&](const std::string& name, const std::string& revision, const std::string& size,
                       const std::string& path) {
    return one_line(fmt::format("{:<{}}  {:<{}}  {:>8}  {}", name, names, revision, revisions, size, path)) + "\n";
  };
  std::string text = row("model", "revision", "size", "path");
  for (const StoredModel& each : models) {
    const std::string state = each.missing.empty() ? "" : fmt::format("  (incomplete: {} missing)", each.missing);
    text += row(each.name, revision_text(each), bytes_text(each.bytes), each.path.string() + state);
  }
  return text;
}

}  // namespace

void models(std::span<char*> arguments) {
  bool json = false;
  CLI::App app("Lists the models that are here: in the model folders and in the cache of the hub.", "sumi models");
  app.add_flag("--json", json, "one line of JSON for each");
  app.footer(R"(Examples:
  sumi models
  sumi models --json

An incomplete model is completed by `sumi pull`. SUMI_MODELS names a folder of models of your own.
)");
  if (!parse(app, arguments)) return;
  const std::vector<StoredModel> models = stored_models();
  if (!json) return print(stdout, table(models));
  for (const StoredModel& each : models) print(stdout, stored_json(each));
}

}  // namespace sumi::cli
