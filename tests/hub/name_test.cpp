#include "hub/name.h"

#include <cstdlib>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "hub/settings.h"
#include "support/scratch.h"

namespace sumi::test {
namespace {

TEST(HubNames, OrgNameAndRevision) {
  const auto plain = parse_hub_name("stabilityai/sd-turbo");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->owner, "stabilityai");
  EXPECT_EQ(plain->name, "sd-turbo");
  EXPECT_EQ(plain->revision, "main");
  const auto other = parse_hub_name("a.b/c_d@refs/pr/12");
  ASSERT_TRUE(other);
  EXPECT_EQ(other->id(), "a.b/c_d");
  EXPECT_EQ(other->revision, "refs/pr/12");
}

TEST(HubNames, WhatIsNone) {
  for (const std::string text : {"",         "a",       "/a",       "a/",   "a/b/c", "../a",   "a/..",   "a/b@",
                                 "a/b@../x", "a/b@/x",  "a/b@x//y", "-a/b", "a/b-",  "a--b/c", "a/b..c", "a b/c",
                                 "./a",      "a/b@x y", "a\\b/c",   "@a/b", "a@b/c", "é/a",    "a/b@x\n"}) {
    EXPECT_FALSE(parse_hub_name(text)) << text;
  }
  EXPECT_FALSE(parse_hub_name(std::string(97, 'a').append("/b")));
}

TEST(HubNames, PathsThatStayBelow) {
  for (const char* path : {"a", "a/b.json", ".gitattributes", "a/..b/c...", "ä/b c"})
    EXPECT_TRUE(is_safe_path(path)) << path;
  for (const char* path : {"", "/", "/a", "a/", "a//b", ".", "..", "a/..", "../a", "a/./b", "a\\..\\b", "a\nb"}) {
    EXPECT_FALSE(is_safe_path(path)) << path;
  }
  EXPECT_FALSE(is_safe_path(std::string("a\0b", 3)));
  EXPECT_FALSE(is_safe_path(std::string(241, 'a')));
  EXPECT_TRUE(is_safe_path(std::string(240, 'a')));
}

TEST(HubNames, InUrls) {
  EXPECT_EQ(url_quoted("refs/pr 1", false), "refs%2Fpr%201");
  EXPECT_EQ(url_quoted("unet/a?b#c%.safetensors", true), "unet/a%3Fb%23c%25.safetensors");
  EXPECT_EQ(url_quoted("\xc3\xa4", true), "%C3%A4");
}

/// A variable of the environment while a test runs; without a value it is not set.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old;
    set(value);
  }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;
  ~Variable() { set(old_ ? old_->c_str() : nullptr); }

  void set(const char* value) const { value ? ::setenv(name_, value, 1) : ::unsetenv(name_); }

 private:
  const char* name_;
  std::optional<std::string> old_;
};

TEST(HubSettings, ComeFromTheEnvironment) {
  const ScratchFolder home;
  const Variable user("HOME", "/somewhere"), caches("XDG_CACHE_HOME", nullptr), hub("HF_HOME", nullptr),
      old("HUGGINGFACE_HUB_CACHE", nullptr), cache("HF_HUB_CACHE", nullptr), endpoint("HF_ENDPOINT", nullptr),
      token("HF_TOKEN", nullptr), legacy("HUGGING_FACE_HUB_TOKEN", nullptr), access("ACCESS_TOKEN", nullptr),
      path("HF_TOKEN_PATH", nullptr), offline("HF_HUB_OFFLINE", nullptr);
  const auto read = [] { return HubSettings::from_environment(); };
  EXPECT_EQ(read().endpoint, "https://huggingface.co");
  EXPECT_EQ(read().cache, "/somewhere/.cache/huggingface/hub");
  EXPECT_FALSE(read().offline);
  caches.set("/caches");
  EXPECT_EQ(read().cache, "/caches/huggingface/hub");
  hub.set(home.path().c_str());
  EXPECT_EQ(read().cache, home / "hub");
  cache.set("~/models");
  EXPECT_EQ(read().cache, "/somewhere/models");

  EXPECT_EQ(read().token, "");
  home.write("token", "of-the-file\n");
  EXPECT_EQ(read().token, "of-the-file");
  access.set("of-access");
  EXPECT_EQ(read().token, "of-access");
  token.set(" of-hf\n");
  EXPECT_EQ(read().token, "of-hf");
  token.set("a\r\nX-Evil: b");
  expect_error(ErrorCode::usage, "HF_TOKEN", read);
  token.set(nullptr);

  endpoint.set("http://mirror.example/hub/");
  EXPECT_EQ(read().endpoint, "http://mirror.example/hub");
  endpoint.set("file:///etc");
  expect_error(ErrorCode::usage, "HF_ENDPOINT", read);
  endpoint.set(nullptr);
  for (const char* yes : {"1", "true", "ON", "Yes"}) {
    offline.set(yes);
    EXPECT_TRUE(read().offline) << yes;
  }
  offline.set("0");
  EXPECT_FALSE(read().offline);
}

}  // namespace
}  // namespace sumi::test
