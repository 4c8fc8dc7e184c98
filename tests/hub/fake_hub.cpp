#include "fake_hub.h"

#include <algorithm>
#include <cstdlib>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <utility>

#include <fmt/format.h>

#include "hub/digest.h"

namespace sumi::test {
namespace {

std::string digest_of(const std::string& content, bool large) {
  Digest digest(std::string(large ? 64 : 40, '0'), content.size());
  digest.add(std::as_bytes(std::span(content)));
  return digest.finish();
}

std::string pem_of(X509* certificate) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> memory(BIO_new(BIO_s_mem()), BIO_free);
  PEM_write_bio_X509(memory.get(), certificate);
  char* text = nullptr;
  const auto size = static_cast<std::size_t>(BIO_get_mem_data(memory.get(), &text));
  return {text, size};
}

}  // namespace

FakeHub::FakeHub(std::unique_ptr<httplib::Server> server, std::string scheme, std::string certificate)
    : server_(std::move(server)), scheme_(std::move(scheme)), certificate_(std::move(certificate)) {
  ::setenv("no_proxy", "*", 1);
  server_->set_keep_alive_max_count(1);
  server_->Get("/api/models/org/name/revision/.*",
               [this](const httplib::Request&, httplib::Response& response) { answer_description(response); });
  server_->Get("/org/name/resolve/.*", [this](const httplib::Request& request, httplib::Response& response) {
    answer_file(request, response);
  });
  port_ = server_->bind_to_any_port("127.0.0.1");
  thread_ = std::thread([this] { server_->listen_after_bind(); });
  while (!server_->is_running()) std::this_thread::yield();
}

std::unique_ptr<FakeHub> FakeHub::secure() {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), X509_free);
  X509_set_version(certificate.get(), X509_VERSION_3);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_set_pubkey(certificate.get(), key.get());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("hub"), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate.get()));
  const std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> names(
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "IP:127.0.0.1"), X509_EXTENSION_free);
  X509_add_ext(certificate.get(), names.get(), -1);
  X509_sign(certificate.get(), key.get(), EVP_sha256());
  auto server = std::make_unique<httplib::SSLServer>(certificate.get(), key.get());
  return std::unique_ptr<FakeHub>(new FakeHub(std::move(server), "https", pem_of(certificate.get())));
}

FakeHub::~FakeHub() {
  server_->stop();
  thread_.join();
}

void FakeHub::add(const std::string& path, const std::string& content, bool large) {
  files_[path] = {content, digest_of(content, large), large};
}

void FakeHub::add_model() {
  add("model_index.json", R"({"_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"],
                              "scheduler": ["diffusers", "DDIMScheduler"]})");
  add("scheduler/scheduler_config.json", "{}");
  add("unet/config.json", R"({"sample_size": 64})");
  std::string weights(300'000, '\0');
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = static_cast<char>(i * 2654435761u >> 24);
  add(kUnet, weights, true);
  add("unet/diffusion_pytorch_model.bin", weights + "b", true);
  add("unet/diffusion_pytorch_model.fp16.safetensors", weights + "h", true);
  add("unet/model.onnx", "o");
  add("whole.ckpt", "c", true);
  add("README.md", "r");
}

std::string FakeHub::endpoint(const std::string& host) const { return fmt::format("{}://{}:{}", scheme_, host, port_); }

HubSettings FakeHub::settings(const std::filesystem::path& cache) const {
  return {.endpoint = endpoint(),
          .cache = cache,
          .token = "secret",
          .first_wait = std::chrono::milliseconds(1),
          .stall = std::chrono::seconds(1)};
}

std::vector<Asked> FakeHub::asked(const std::string& path) const {
  const std::lock_guard lock(mutex_);
  std::vector<Asked> found;
  std::copy_if(asked_.begin(), asked_.end(), std::back_inserter(found),
               [&](const Asked& each) { return each.path == path; });
  return found;
}

std::size_t FakeHub::asked_in_all() const {
  const std::lock_guard lock(mutex_);
  return asked_.size();
}

void FakeHub::answer_description(httplib::Response& response) const {
  response.status = status;
  if (!error_code.empty()) response.set_header("X-Error-Code", error_code);
  if (!raw_description.empty()) return response.set_content(raw_description, "text/html");
  Json siblings = Json::array();
  for (const auto& [path, file] : files_) {
    Json each{{"rfilename", path}};
    if (tells_digests) {
      each["size"] = file.content.size();
      each["blobId"] = file.large ? digest_of("a pointer", false) : file.digest;
      if (file.large) each["lfs"] = {{"sha256", file.digest}, {"size", file.content.size()}, {"pointerSize", 134}};
    }
    siblings.push_back(each);
  }
  const Json usual{{"id", "org/name"}, {"sha", commit}, {"siblings", siblings}};
  response.set_content((description.is_null() ? usual : description).dump(), "application/json");
}

void FakeHub::answer_file(const httplib::Request& request, httplib::Response& response) {
  const std::string begin = "/org/name/resolve/" + commit + "/";
  const std::string path = request.path.substr(std::min(begin.size(), request.path.size()));
  int count = 0;
  {
    const std::lock_guard lock(mutex_);
    asked_.push_back({path, request.get_header_value("Range"), request.get_header_value("Authorization")});
    for (const Asked& each : asked_) count += each.path == path;
  }
  const auto trouble = troubles_.find(path);
  if (trouble != troubles_.end() && trouble->second(request, response, count)) return;
  serve(request, response, path);
}

void FakeHub::serve(const httplib::Request& request, httplib::Response& response, const std::string& path,
                    std::size_t most, bool obey_range) const {
  // The library would cut the answer to the range by itself, also where this hub is to ignore it.
  const httplib::Ranges ranges = std::exchange(const_cast<httplib::Request&>(request).ranges, {});
  const auto file = files_.find(path);
  if (file == files_.end()) {
    response.status = 404;
    response.set_header("X-Error-Code", "EntryNotFound");
    return;
  }
  const std::string& content = file->second.content;
  const std::size_t from = obey_range && !ranges.empty() ? static_cast<std::size_t>(ranges[0].first) : 0;
  if (from > 0 && from >= content.size()) {
    response.status = 416;
    return;
  }
  response.status = from > 0 ? 206 : 200;
  if (from > 0) {
    response.set_header("Content-Range", fmt::format("bytes {}-{}/{}", from, content.size() - 1, content.size()));
  }
  response.set_header(file->second.large ? "X-Linked-Etag" : "ETag", fmt::format("\"{}\"", file->second.digest));
  if (file->second.large) response.set_header("X-Linked-Size", std::to_string(content.size()));
  const std::size_t length = content.size() - from;
  response.set_content_provider(
      length, "application/octet-stream",
      [&content, from, most](std::size_t offset, std::size_t left, httplib::DataSink& sink) {
        if (offset >= most) return false;
        sink.write(content.data() + from + offset, std::min({left, most - offset, std::size_t{16384}}));
        return true;
      });
}

}  // namespace sumi::test
