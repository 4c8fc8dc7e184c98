#include <cstdio>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "arguments.h"
#include "json.h"
#include "sumi/inspect.h"
#include "terminal.h"
#include "verbs.h"

namespace sumi::cli {
namespace {

std::string facts_text(const Facts& facts) {
  std::string text = facts.title + "\n";
  for (const auto& [name, value] : facts.rows) text += fmt::format("  {:<18}{}\n", name, value);
  return text + "\n";
}

std::string verdict_text(const Verdict& verdict) {
  return fmt::format("    {:<36}{}\n", verdict.implementation,
                     verdict.declines.empty() ? "takes it" : "declines: " + verdict.declines);
}

std::string taker_of(const OpReport& op) {
  for (const Verdict& verdict : op.verdicts) {
    if (verdict.declines.empty()) return verdict.implementation;
  }
  return "nothing";
}

/// For each op, how many shapes go to which implementation, and an example of each with its reasons.
std::string ops_summary(const std::vector<OpReport>& ops) {
  std::map<std::string, std::map<std::string, std::vector<const OpReport*>>> by_op;
  std::vector<std::string> order;
  for (const OpReport& op : ops) {
    if (!by_op.contains(op.op)) order.push_back(op.op);
    by_op[op.op][taker_of(op)].push_back(&op);
  }
  std::string text =
      "Ops of a Stable Diffusion 1.5 step at 512 x 512, fastest implementation first (-v: every shape)\n";
  for (const std::string& name : order) {
    for (const auto& [taker, reports] : by_op[name]) {
      text += fmt::format("  {}: {} of its shapes go to {}, such as {}\n", name, reports.size(), taker,
                          reports.front()->shapes);
      for (const Verdict& verdict : reports.front()->verdicts) text += verdict_text(verdict);
    }
  }
  return text + "\n";
}

std::string ops_text(const std::vector<OpReport>& ops) {
  std::string text = "Ops of a Stable Diffusion 1.5 step at 512 x 512, fastest implementation first\n";
  for (const OpReport& op : ops) {
    text += fmt::format("  {} {}\n", op.op, op.shapes);
    for (const Verdict& verdict : op.verdicts) text += verdict_text(verdict);
  }
  return text + "\n";
}

}  // namespace

void doctor(std::span<char*> arguments) {
  EngineOptions engine;
  bool json = false, verbose = false;
  CLI::App app(
      "Tells what this machine has and how Sumi uses it: processor, libraries, models, and for each op which\n"
      "implementation takes it and why the faster ones decline.",
      "sumi doctor");
  app.add_option("--device", engine.device, "cpu, cuda, cuda:NUMBER or ref (default cpu)")->type_name("NAME");
  app.add_option("--dtype", engine.dtype, "auto, f32, tf32, bf16, f16, int8 or fp8 (default auto)")->type_name("TYPE");
  app.add_flag("-v,--verbose", verbose, "every shape of every op");
  app.add_flag("--json", json, "one line of JSON, with every shape");
  app.footer(R"(Examples:
  sumi doctor
  sumi doctor -v --dtype bf16
)");
  if (!parse(app, arguments)) return;

  const Doctor found = inspect_machine(engine.device, engine.dtype);
  if (json) return print(stdout, doctor_json(found));
  std::string text;
  for (const Facts& facts : found.facts) text += facts_text(facts);
  text += verbose ? ops_text(found.ops) : ops_summary(found.ops);
  text += fmt::format("Implementations, which --disable takes\n  {}\n\n", fmt::join(found.implementations, "\n  "));
  text += fmt::format("Samplers\n  {}\n", fmt::join(found.samplers, ", "));
  print(stdout, printable(text));
}

}  // namespace sumi::cli
