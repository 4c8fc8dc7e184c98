#include "weights/safetensors.h"

#include <cmath>
#include <csignal>
#include <sys/resource.h>

#include <gtest/gtest.h>

#include "core/check.h"
#include "support/scratch.h"
#include "weights/raw_file.h"
#include "weights/stored.h"

namespace sumi {
namespace {

using test::expect_error;
using test::raw_safetensors;
using test::ScratchFolder;

std::vector<float> read(const std::string& file, const char* name) {
  const ScratchFolder folder;
  const auto tensors = read_safetensors(folder.write("x.safetensors", file));
  return read_all(*tensors.at(name));
}

TEST(Safetensors, ReadsEveryType) {
  using namespace std::string_literals;
  struct Case {
    const char* type;
    std::string bytes;
    float value;
  };
  const std::vector<Case> cases{{"F64", "\x00\x00\x00\x00\x00\x00\xf8\xbf"s, -1.5f},
                                {"F32", "\x00\x00\xc0\xbf"s, -1.5f},
                                {"F16", "\x00\xbe"s, -1.5f},
                                {"BF16", "\xc0\xbf"s, -1.5f},
                                {"F8_E4M3", "\xbc"s, -1.5f},
                                {"F8_E5M2", "\xbe"s, -1.5f},
                                {"I64", "\xfe\xff\xff\xff\xff\xff\xff\xff"s, -2.0f},
                                {"I32", "\xfe\xff\xff\xff"s, -2.0f},
                                {"I16", "\xfe\xff"s, -2.0f},
                                {"I8", "\xfe"s, -2.0f},
                                {"U8", "\xfe"s, 254.0f},
                                {"BOOL", "\x01"s, 1.0f}};
  for (const auto& [type, bytes, value] : cases) {
    const auto header =
        fmt::format(R"({{"t":{{"dtype":"{}","shape":[1,1],"data_offsets":[0,{}]}}}})", type, bytes.size());
    EXPECT_EQ(read(raw_safetensors(header, bytes), "t"), std::vector{value}) << type;
  }
}

TEST(Safetensors, ReadsRangesScalarsEmptyTensorsAndMetadata) {
  const ScratchFolder folder;
  const std::string_view header =
      R"({"__metadata__":{"format":"pt"},"b":{"dtype":"U8","shape":[],"data_offsets":[6,7]},)"
      R"("none":{"dtype":"F32","shape":[0,3],"data_offsets":[6,6]},)"
      R"("a":{"dtype":"U8","shape":[2,3],"data_offsets":[0,6]}}   )";
  const auto tensors = read_safetensors(folder.write("x", raw_safetensors(header, "\1\2\3\4\5\6\7")));
  ASSERT_EQ(tensors.size(), 3u);
  EXPECT_EQ(tensors.at("a")->shape(), (Shape{2, 3}));
  std::vector<float> part(3);
  tensors.at("a")->read(2, part);
  EXPECT_EQ(part, (std::vector<float>{3, 4, 5}));
  EXPECT_EQ(read_all(*tensors.at("b")), std::vector{7.0f});
  EXPECT_TRUE(read_all(*tensors.at("none")).empty());
}

TEST(Safetensors, RefusesHostileFiles) {
  const auto one = [](std::string_view entry, std::string_view data) {
    return raw_safetensors(fmt::format(R"({{"t":{}}})", entry), data);
  };
  const std::string nested(200, '[');
  struct Case {
    std::string file;
    const char* text;
  };
  const std::vector<Case> cases{
      {"", "too few"},
      {"1234567", "too few"},
      {raw_safetensors("{}", "", 3), "cut short"},
      {raw_safetensors("{}", "", 100'000'001), "over the limit"},
      {raw_safetensors("{}", "", ~0ull), "over the limit"},
      {raw_safetensors("", ""), "does not begin"},
      {raw_safetensors("[]", ""), "does not begin"},
      {raw_safetensors("{", ""), "not valid JSON"},
      {raw_safetensors("{} x", ""), "not valid JSON"},
      {raw_safetensors("{\"\xff\":1}", ""), "not valid JSON"},
      {raw_safetensors(R"({"t":)" + nested, ""), "deep"},
      {raw_safetensors(R"({"__metadata__":{"a":1}})", ""), "__metadata__"},
      {raw_safetensors(R"({"t":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                       R"("t":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
                       "x"),
       "'t' is there twice"},
      {raw_safetensors(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
                       R"("b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})",
                       "xyz"),
       "'b' overlaps"},
      {raw_safetensors(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                       R"("b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}})",
                       "xyz"),
       "1 bytes before 'b'"},
      {one("7", ""), "not an object"},
      {one("{}", ""), "no shape"},
      {one(R"({"shape":[1]})", "x"), "no dtype"},
      {one(R"({"dtype":"U8","shape":[1]})", "x"), "data_offsets"},
      {one(R"({"dtype":"U8","shape":[1],"data_offsets":[0,1,2]})", "x"), "data_offsets"},
      {one(R"({"dtype":"C64","shape":[1],"data_offsets":[0,8]})", "12345678"), "'C64'"},
      {one(R"({"dtype":"U8","shape":[-1],"data_offsets":[0,1]})", "x"), "extent -1"},
      {one(R"({"dtype":"U8","shape":[1.5],"data_offsets":[0,1]})", "x"), "extent 1.5"},
      {one(R"({"dtype":"U8","shape":"1","data_offsets":[0,1]})", "x"), "no shape"},
      {one(R"({"dtype":"U8","shape":[1,1,1,1,1,1],"data_offsets":[0,1]})", "x"), "6 axes"},
      {one(R"({"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,1]})", "x"), "too large"},
      {one(R"({"dtype":"U8","shape":[4611686018427387904,4,0],"data_offsets":[0,0]})", ""), "too large"},
      {one(R"({"dtype":"F64","shape":[18446744073709551615],"data_offsets":[0,1]})", "x"), "too large"},
      {one(R"({"dtype":"U8","shape":[99999999999999999999],"data_offsets":[0,1]})", "x"), "extent"},
      {one(R"({"dtype":"F32","shape":[1],"data_offsets":[0,3]})", "xyz"), "3 bytes, but 1 f32 take 4"},
      {one(R"({"dtype":"U8","shape":[4],"data_offsets":[0,4]})", "xyz"), "cut short"},
      {one(R"({"dtype":"U8","shape":[1],"data_offsets":[-1,0]})", "x"), "offset -1"},
      {one(R"({"dtype":"U8","shape":[1],"data_offsets":[1,0]})", "x"), "outside"},
      {one(R"({"dtype":"U8","shape":[1],"data_offsets":[1,2]})", "xy"), "1 bytes before"},
      {one(R"({"dtype":"U8","shape":[1],"data_offsets":[0,1]})", "xy"), "1 bytes at the end"},
      {one(R"({"dtype":"U8","shape":[1],"data_offsets":[18446744073709551615,18446744073709551615]})", "x"), "outside"},
      {raw_safetensors(R"({"a\nb":7})", ""), "a b"},
  };
  const ScratchFolder folder;
  for (const auto& [file, text] : cases) {
    SCOPED_TRACE(text);
    const auto path = folder.write("x.safetensors", file);
    expect_error(ErrorCode::bad_file, text, [&] { read_safetensors(path); });
    expect_error(ErrorCode::bad_file, path.string(), [&] { read_safetensors(path); });
  }
  expect_error(ErrorCode::not_found, "no such file", [&] { read_safetensors(folder / "none"); });
}

TEST(Safetensors, EveryTruncationIsRefused) {
  const ScratchFolder folder;
  const auto path = folder / "x";
  write_safetensors(path, {{"a", values_source({2, 2}, {1, 2, 3, 4})}, {"b", values_source({1}, {5})}});
  const auto whole = std::filesystem::file_size(path);
  for (auto size = whole; size-- > 0;) {
    std::filesystem::resize_file(path, size);
    EXPECT_EQ(test::error_of([&] { read_safetensors(path); }).code(), ErrorCode::bad_file) << size;
  }
}

TEST(Safetensors, WritesWhatItReads) {
  const ScratchFolder folder;
  std::vector<float> many(200'000);
  for (std::size_t i = 0; i < many.size(); ++i) many[i] = static_cast<float>(i) * 0.37f;
  const TensorMap tensors{{"many", values_source({200, 1000}, many)},
                          {"odd", synthetic_checkpoint(DType::bf16)->want("odd", {3})},
                          {"special", values_source({3}, {-0.0f, INFINITY, 1e-40f})}};
  write_safetensors(folder / "x", tensors);
  const auto back = read_safetensors(folder / "x");
  ASSERT_EQ(back.size(), 3u);
  for (const auto& [name, source] : tensors) {
    EXPECT_EQ(back.at(name)->shape(), source->shape()) << name;
    EXPECT_EQ(back.at(name)->stored(), source->stored()) << name;
    EXPECT_EQ(read_all(*back.at(name)), read_all(*source)) << name;
  }
  EXPECT_TRUE(std::signbit(read_all(*back.at("special"))[0]));

  write_safetensors(folder / "half", tensors, DType::f16);
  const auto half = read_safetensors(folder / "half");
  EXPECT_EQ(half.at("many")->stored(), DType::f16);
  EXPECT_EQ(read_all(*half.at("many"))[3], static_cast<float>(f16(many[3])));
}

TEST(Safetensors, WritesWholeFilesOrNone) {
  const ScratchFolder folder;
  const TensorMap tensors{{"w", values_source({1 << 18}, std::vector<float>(1 << 18, 1))}};
  expect_error(ErrorCode::io, "nowhere", [&] { write_safetensors(folder / "nowhere/x", tensors); });
  expect_error(ErrorCode::io, "No space left", [&] { write_safetensors("/dev/full", tensors); });

  class Failing final : public Source {
   public:
    Failing() : Source({4}, DType::f32) {}
    void read(std::int64_t, std::span<float>) const override { fail(ErrorCode::io, "lost"); }
  };
  const auto old = folder.write("x", "old");
  expect_error(ErrorCode::io, "lost", [&] {
    write_safetensors(old, {{"a", tensors.at("w")}, {"b", std::make_shared<Failing>()}});
  });
  EXPECT_EQ(std::filesystem::file_size(old), 3u);

  // A limit on the size of files fails as a full disk does, with an error from write.
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{100'000, before.rlim_max};
  const auto signal = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  expect_error(ErrorCode::io, "x", [&] { write_safetensors(old, tensors); });
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, signal);
  EXPECT_EQ(std::filesystem::file_size(old), 3u);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1) << "nothing is left beside it";
}

TEST(Safetensors, CopiesEveryTypeWithoutLoss) {
  // Every byte there is in every type, NaNs of all kinds and numbers that float32 does not hold among them.
  std::string data, header;
  for (const auto& [type, bytes] : {std::pair("F64", 8),
                                    {"I64", 8},
                                    {"F32", 4},
                                    {"I32", 4},
                                    {"F16", 2},
                                    {"BF16", 2},
                                    {"I16", 2},
                                    {"F8_E4M3", 1},
                                    {"F8_E5M2", 1},
                                    {"I8", 1},
                                    {"U8", 1},
                                    {"BOOL", 1}}) {
    header += fmt::format(R"({}"{}":{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})", header.empty() ? "{" : ",",
                          type, type, 256 / bytes, data.size(), data.size() + 256);
    for (int byte = 0; byte < 256; ++byte) data += static_cast<char>((byte * 37) & 0xff);
  }
  const ScratchFolder folder;
  const auto path = folder.write("x", raw_safetensors(header + "}", data));
  const auto bytes_of_all = [](const TensorMap& tensors) {
    std::map<std::string, std::vector<std::byte>> all;
    for (const auto& [name, source] : tensors) {
      auto& bytes = all[name + std::string(name_of(source->stored()))];
      bytes.resize(static_cast<std::size_t>(source->shape().elements()) * bytes_of(source->stored()));
      read_stored(*source, 0, bytes);
    }
    return all;
  };
  const auto tensors = read_safetensors(path);
  ASSERT_EQ(tensors.size(), 12u);
  write_safetensors(folder / "y", tensors);
  EXPECT_EQ(bytes_of_all(read_safetensors(folder / "y")), bytes_of_all(tensors));

  write_safetensors(folder / "z", tensors, DType::f32);
  const auto rounded = read_safetensors(folder / "z");
  EXPECT_EQ(rounded.at("F64")->stored(), DType::f32);
  EXPECT_EQ(rounded.at("F8_E5M2")->stored(), DType::f32);
  EXPECT_EQ(rounded.at("I64")->stored(), DType::i64);
  expect_error(ErrorCode::unsupported, "cannot round weights to f64",
               [&] { write_safetensors(folder / "w", tensors, DType::f64); });
}

TEST(Checkpoint, ReadsSeveralFiles) {
  const ScratchFolder folder;
  write_safetensors(folder / "a.safetensors", {{"w", values_source({1}, {1})}, {"v", values_source({1}, {2})}});
  write_safetensors(folder / "b.safetensors", {{"u", values_source({2}, {3, 4})}});
  const auto index =
      folder.write("m.safetensors.index.json", R"({"metadata":{"total_size":16},"weight_map":{"w":"a.safetensors",)"
                                               R"("v":"a.safetensors","u":"b.safetensors"}})");
  const auto checkpoint = open_checkpoint(index.string());
  EXPECT_EQ(checkpoint->tensors().size(), 3u);
  EXPECT_EQ(read_all(*checkpoint->find("u")), (std::vector<float>{3, 4}));
  const auto count = count_weights(*checkpoint);
  EXPECT_EQ(count.parameters, 4);
  EXPECT_EQ(count.bytes, 16);
  EXPECT_EQ(count.parameters_by_type.at(DType::f32), 4);

  const auto refused = [&](std::string_view map, std::string_view text) {
    SCOPED_TRACE(map);
    const auto path = folder.write("bad.index.json", fmt::format(R"({{"weight_map":{}}})", map));
    expect_error(ErrorCode::bad_file, text, [&] { open_checkpoint(path.string()); });
  };
  refused(R"({"w":"c.safetensors","v":"d.safetensors"})", "c.safetensors, d.safetensors");
  refused(R"({"x":"a.safetensors","u":"a.safetensors"})", "u (a.safetensors), x (a.safetensors)");
  refused(R"({"w":"../a.safetensors"})", "expected the name");
  refused(R"({"w":"a.onnx"})", "expected the name");
  refused(R"({"w":1})", "expected the name");
  refused(R"([1])", "expected an object");
  refused("null", "weight_map: missing");
}

}  // namespace
}  // namespace sumi
