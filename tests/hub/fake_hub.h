#pragma once

#include <filesystem>
#include <functional>
#include <httplib.h>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/json.h"
#include "hub/settings.h"

namespace sumi::test {

/// The largest file of its model.
constexpr const char* kUnet = "unet/diffusion_pytorch_model.safetensors";

/// What came in for one file, in order.
struct Asked {
  std::string path, range, authorization;
};

/// A hub on this machine that speaks the protocol and misbehaves on request. Its one repository is "org/name".
class FakeHub {
 public:
  /// Takes the place of the usual answer to a file: true when it did. `count` counts the requests for this file.
  using Trouble = std::function<bool(const httplib::Request&, httplib::Response&, int count)>;

  FakeHub() : FakeHub(std::make_unique<httplib::Server>(), "http") {}
  /// One that speaks TLS, with a certificate of its own for 127.0.0.1, signed by itself.
  static std::unique_ptr<FakeHub> secure();
  FakeHub(const FakeHub&) = delete;
  FakeHub& operator=(const FakeHub&) = delete;
  ~FakeHub();

  /// Large files are named by their SHA-256, small ones by git's SHA-1.
  void add(const std::string& path, const std::string& content, bool large = false);
  /// A model as `choose_files` wants it, with a UNet of some size, and a few files that it does not need.
  void add_model();
  void trouble(const std::string& path, Trouble trouble) { troubles_[path] = std::move(trouble); }

  std::string content(const std::string& path) const { return files_.at(path).content; }
  std::string digest(const std::string& path) const { return files_.at(path).digest; }
  std::string endpoint(const std::string& host = "127.0.0.1") const;
  /// That certificate, PEM.
  const std::string& certificate() const { return certificate_; }
  /// Impatient ones, of a cache.
  HubSettings settings(const std::filesystem::path& cache) const;
  std::vector<Asked> asked(const std::string& path) const;
  std::size_t asked_in_all() const;

  /// Serves a file as it should be, its first `most` bytes before the connection breaks.
  void serve(const httplib::Request& request, httplib::Response& response, const std::string& path,
             std::size_t most = SIZE_MAX, bool obey_range = true) const;

  static inline const std::string commit = "0123456789abcdef0123456789abcdef01234567";
  Json description;             ///< instead of the true one, where it is not null
  std::string raw_description;  ///< the same as text, where it is not empty
  int status = 200;             ///< of the description
  std::string error_code;       ///< header X-Error-Code of the description
  bool tells_digests = true;    ///< the description has sizes and digests

 private:
  FakeHub(std::unique_ptr<httplib::Server> server, std::string scheme, std::string certificate = "");

  struct File {
    std::string content, digest;
    bool large = false;
  };
  void answer_description(httplib::Response& response) const;
  void answer_file(const httplib::Request& request, httplib::Response& response);

  std::unique_ptr<httplib::Server> server_;
  std::string scheme_, certificate_;
  std::thread thread_;
  int port_ = 0;
  std::map<std::string, File> files_;
  std::map<std::string, Trouble> troubles_;
  mutable std::mutex mutex_;
  std::vector<Asked> asked_;
};

}  // namespace sumi::test
