#include "hub/digest.h"

#include <array>
#include <openssl/evp.h>

#include "core/check.h"

namespace sumi {

void Digest::Free::operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }

Digest::Digest(const std::string& name, std::uint64_t size) : context_(EVP_MD_CTX_new()) {
  const bool git = name.size() == 40;
  check(context_ && EVP_DigestInit_ex(context_.get(), git ? EVP_sha1() : EVP_sha256(), nullptr) == 1,
        ErrorCode::unsupported, "the system's OpenSSL does not compute {}", git ? "SHA-1" : "SHA-256");
  if (!git) return;
  const std::string begin = fmt::format("blob {}", size);
  add(std::as_bytes(std::span(begin.c_str(), begin.size() + 1)));
}

void Digest::add(std::span<const std::byte> bytes) {
  check(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1, ErrorCode::internal,
        "digest: update failed");
}

std::string Digest::finish() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned size = 0;
  check(EVP_DigestFinal_ex(context_.get(), bytes.data(), &size) == 1, ErrorCode::internal, "digest: no end");
  std::string text;
  for (unsigned i = 0; i < size; ++i) text += fmt::format("{:02x}", bytes[i]);
  return text;
}

}  // namespace sumi
