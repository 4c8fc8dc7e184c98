#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <new>
#include <string>
#include <string_view>
#include <system_error>
#include <unistd.h>
#include <vector>

#include <fmt/format.h>

#include "arguments.h"
#include "sumi/inspect.h"
#include "sumi/program.h"
#include "terminal.h"
#include "verbs.h"

namespace sumi::cli {
namespace {

struct Verb {
  const char *name, *summary;
  void (*run)(std::span<char*>);
  bool computes = false;
};
constexpr std::array verbs{
    Verb{"generate", "makes pictures from a prompt", generate, true},
    Verb{"pull", "fetches a model from a hub", pull},
    Verb{"models", "the models that are here", models},
    Verb{"info", "what a model holds, or the settings in a picture's file", info},
    Verb{"bench", "how fast a model and its parts run here", bench, true},
    Verb{"convert", "a model folder to a single file, or back", convert},
    Verb{"doctor", "what this machine has, and which implementation each op takes", doctor},
};

std::string help() {
  constexpr const char* kExamples = R"(
Examples:
  sumi generate "a red apple, 3d"                         a-red-apple-3d-SEED.png with the model that comes with Sumi
  sumi generate "a lighthouse" -m models/my-sd15 --steps 25 -o "{prompt}-{seed}.webp"
  sumi generate "cat face, flat" --seed 7 --count 4 --json
  sumi info a-red-apple-3d-7.png
  sumi bench --model synthetic:sd15 --what unet,vae --size 512

`sumi COMMAND --help` lists the options of a command.
)";
  std::string text =
      fmt::format("Sumi {}: Stable Diffusion inference\n\nUsage: sumi COMMAND [OPTIONS]\n\nCommands:\n", version());
  for (const Verb& verb : verbs) text += fmt::format("  {:<10}{}\n", verb.name, verb.summary);
  return text + "\nOptions:\n  -h,--help   this page\n  --version   the version\n" + kExamples;
}

/// Threads that wait for others spin before they sleep: 300,000 pauses of the processor by default, 15 ms, in which
/// other programs do not get on and nor does the thread that is waited for. 10,000 are 0.5 ms. OpenMP reads
/// the environment when it is loaded, so the program starts anew. Where its threads are to be bound the first is so by
/// then, and a program that it starts would find one core.
void spin_briefly(char** arguments) {
  for (const char* set : {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY", "OMP_PROC_BIND", "OMP_PLACES", "GOMP_CPU_AFFINITY"}) {
    if (std::getenv(set)) return;
  }
  std::error_code problem;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", problem);
  if (!problem && ::setenv("GOMP_SPINCOUNT", "10000", 1) == 0) ::execv(program.c_str(), arguments);
}

void run(std::span<char*> arguments) {
  if (arguments.size() < 2) refuse("no command given; try `sumi generate \"a red apple, 3d\"` or `sumi --help`");
  const std::string_view name = arguments[1];
  if (name == "--help" || name == "-h" || name == "help") return print(stdout, help());
  if (name == "--version") return print(stdout, fmt::format("sumi {}\n", version()));
  std::vector<std::string> known{"--help", "--version"};
  for (const Verb& verb : verbs) {
    if (name == verb.name) {
      if (verb.computes) spin_briefly(arguments.data());
      return verb.run(arguments.subspan(1));
    }
    known.emplace_back(verb.name);
  }
  const std::string meant = did_you_mean(name, known);
  refuse("there is no command '{}'{}", name, meant.empty() ? "; `sumi --help` lists them" : meant);
}

int status_of(ErrorCode code) { return code == ErrorCode::usage ? 2 : code == ErrorCode::cancelled ? 130 : 1; }

/// Tells a failure in one line.
int fail(int status, std::string_view what) {
  print(stderr, "sumi: " + one_line(what) + "\n");
  return status;
}

}  // namespace
}  // namespace sumi::cli

int main(int argc, char** argv) {
  using namespace sumi::cli;
  std::signal(SIGXFSZ, SIG_IGN);  // so is a file that outgrows its limit
  std::signal(SIGPIPE, SIG_IGN);  // a reader that went away is an error like any other
  try {
    sumi::guard_file_maps();
    run({argv, static_cast<std::size_t>(argc)});
    return 0;
  } catch (const sumi::Error& error) {
    return fail(status_of(error.code()), error.what());
  } catch (const std::bad_alloc&) {
    return fail(1, "out of memory; a smaller size or batch takes less");
  } catch (const std::exception& error) {
    return fail(1, error.what());
  }
}
