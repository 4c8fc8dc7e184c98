#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <sys/resource.h>

#include "hub/pull.h"

/// puller MODEL [BYTES]: a pull as the environment says, where no file may outgrow BYTES.
int main(int argc, char** argv) {
  if (argc > 2) {
    const rlim_t most = std::strtoul(argv[2], nullptr, 10);
    const rlimit limit{most, most};
    std::signal(SIGXFSZ, SIG_IGN);
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  try {
    const auto result = sumi::pull({.model = argv[1]}, sumi::HubSettings::from_environment());
    std::printf("%s\n", result.path.c_str());
    return 0;
  } catch (const sumi::Error& error) {
    std::printf("%s\n", error.what());
    return 1;
  }
}
