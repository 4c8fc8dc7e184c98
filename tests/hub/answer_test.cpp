#include "hub/answer.h"

#include <gtest/gtest.h>

#include "hub/digest.h"
#include "support/scratch.h"

namespace sumi::test {
namespace {

const std::string kSha = "0123456789abcdef0123456789abcdef01234567";
const std::string kSha256 = kSha + "0123456789abcdef01234567";

std::string with_sibling(const std::string& sibling) {
  return R"({"sha": ")" + kSha + R"(", "siblings": [)" + sibling + "]}";
}

TEST(HubAnswer, FilesHaveSizesAndDigests) {
  const auto repository = parse_repository(
      with_sibling(R"({"rfilename": "a/b.json", "size": 12, "blobId": ")" + kSha + R"("},
                      {"rfilename": "c.safetensors", "size": 135, "blobId": ")" +
                   kSha + R"(", "lfs": {"sha256": ")" + kSha256 + R"(", "size": 5000000000, "pointerSize": 135}},
                      {"rfilename": "d"})"),
      "test");
  EXPECT_EQ(repository.commit, kSha);
  ASSERT_EQ(repository.files.size(), 3u);
  EXPECT_EQ(repository.files[0].path, "a/b.json");
  EXPECT_EQ(repository.files[0].size, 12u);
  EXPECT_EQ(repository.files[0].digest, kSha);
  EXPECT_EQ(repository.files[1].size, 5'000'000'000u) << "of the file, not of the pointer to it";
  EXPECT_EQ(repository.files[1].digest, kSha256);
  EXPECT_FALSE(repository.files[2].size);
  EXPECT_EQ(repository.files[2].digest, "");
}

TEST(HubAnswer, HostileOnesAreRefused) {
  const auto refuse = [](const std::string& answer, const std::string& told) {
    expect_error(ErrorCode::bad_file, told, [&] { parse_repository(answer, "the hub"); });
  };
  refuse("<html>", "the hub: not valid JSON");
  refuse("[]", "expected an object");
  refuse("{}", "names no commit");
  refuse(R"({"sha": "../../x", "siblings": []})", "names no commit");
  refuse(R"({"sha": ")" + kSha + R"(", "siblings": 5})", "siblings");
  for (const char* path : {"", "../a", "/etc/passwd", "a/../../b", "a\\\\b", "a\\u0000b", "a/\\n"}) {
    refuse(with_sibling(R"({"rfilename": ")" + std::string(path) + "\"}"), "no path of a file");
  }
  refuse(with_sibling("5"), "expected an object");
  refuse(with_sibling(R"({"rfilename": "a", "size": -1})"), "size");
  refuse(with_sibling(R"({"rfilename": "a", "size": 1e15})"), "size");
  refuse(with_sibling(R"({"rfilename": "a", "size": 18446744073709551615})"), "size");
  refuse(with_sibling(R"({"rfilename": "a", "lfs": {"size": 99999999999999999}})"), "size");
  refuse(with_sibling(R"({"rfilename": "a", "blobId": "../../../x"})"), "no digest");
  refuse(with_sibling(R"({"rfilename": "a"}, {"rfilename": "a"})"), "twice");
}

Headers headers_of(std::initializer_list<const char*> lines) {
  Headers headers;
  for (const char* line : lines) add_header(headers, line);
  return headers;
}

TEST(HubAnswer, Headers) {
  const Headers headers =
      headers_of({"ETag: W/\"x\"\r\n", "no header", ": nothing", "Content-Range:bytes 100-199/200"});
  EXPECT_EQ(header(headers, "etag"), "W/\"x\"");
  EXPECT_EQ(header(headers, "other"), "");
  EXPECT_EQ(headers.size(), 2u);
  EXPECT_EQ(range_begin(headers), 100u);
  for (const char* wrong : {"Content-Range: bytes */200", "Content-Range: bytes -5-9/10", "Content-Range: lines 1-2/3",
                            "Content-Range: bytes 99999999999999999999-1/2", "X: 1"}) {
    EXPECT_FALSE(range_begin(headers_of({wrong}))) << wrong;
  }
}

TEST(HubAnswer, AFileIsDescribedByTheHubAndNotByWhereItLeads) {
  const std::string linked = "X-Linked-ETag: \"" + kSha256 + "\"", plain = "ETag: W/\"" + kSha + "\"";
  const auto large = describe_file("x", {headers_of({linked.c_str(), "X-Linked-Size: 500", "Content-Length: 1000"}),
                                         headers_of({plain.c_str(), "Content-Length: 7"})});
  ASSERT_TRUE(large);
  EXPECT_EQ(large->digest, kSha256);
  EXPECT_EQ(large->size, 500u);
  const auto small =
      describe_file("x", {headers_of({"ETag: \"d41d8cd9\""}), headers_of({plain.c_str(), "Content-Length: 7"})});
  ASSERT_TRUE(small);
  EXPECT_EQ(small->digest, kSha);
  EXPECT_EQ(small->size, 7u);
  EXPECT_FALSE(describe_file("x", {}));
  EXPECT_FALSE(describe_file("x", {headers_of({"ETag: \"../../x\""})}));
}

// Of `printf abc | sha256sum` (FIPS 180-2, appendix B.1) and of `printf 'hello\n' | git hash-object --stdin`.
TEST(HubAnswer, Digests) {
  const auto name_of = [](std::size_t length, std::string_view text) {
    Digest digest(std::string(length, '0'), text.size());
    digest.add(std::as_bytes(std::span(text).first(2)));
    digest.add(std::as_bytes(std::span(text).subspan(2)));
    return digest.finish();
  };
  EXPECT_EQ(name_of(64, "abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(name_of(40, "hello\n"), "ce013625030ba8dba906f756967f9e9ca394464a");
}

}  // namespace
}  // namespace sumi::test
