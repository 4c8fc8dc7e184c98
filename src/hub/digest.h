#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <openssl/types.h>
#include <span>
#include <string>

namespace sumi {

/// The hub's names for contents: SHA-256 of large files, git's SHA-1 of small ones, `sha1("blob SIZE\0" + content)`.
class Digest {
 public:
  /// As `name` is long: 64 digits are SHA-256, 40 are git's SHA-1, for which the size must be known ahead.
  Digest(const std::string& name, std::uint64_t size);

  void add(std::span<const std::byte> bytes);
  /// Of all that was added, in lower-case hexadecimal digits; the end of this object.
  std::string finish();

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const;
  };
  std::unique_ptr<EVP_MD_CTX, Free> context_;
};

}  // namespace sumi
