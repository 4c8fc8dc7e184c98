#pragma once

#include <chrono>
#include <filesystem>
#include <string>

namespace sumi {

/// Which hub, as whom, and where to keep what comes.
struct HubSettings {
  std::string endpoint = "https://huggingface.co";  ///< without a slash at its end
  std::filesystem::path cache;                      ///< the folder of `models--org--name`
  std::string token;                                ///< empty: nobody
  bool offline = false;
  std::filesystem::path certificates;  ///< of those to trust, PEM; empty: the system's

  // How patient to be with a hub that fails.
  int attempts = 5;                            ///< of a file, without progress in between
  std::chrono::milliseconds first_wait{1000};  ///< before the second attempt; doubles
  std::chrono::seconds stall{30};              ///< a connection that gives nothing for so long counts as cut
  int parallel = 4;                            ///< files at once

  /// $HF_ENDPOINT, $HF_HUB_CACHE, $HF_HOME, $XDG_CACHE_HOME, $HF_TOKEN, $ACCESS_TOKEN, $HF_TOKEN_PATH and
  /// $HF_HUB_OFFLINE, $REQUESTS_CA_BUNDLE, as the hub's own library reads them. Error(usage) for an endpoint or a token
  /// that is none.
  static HubSettings from_environment();
};

}  // namespace sumi
