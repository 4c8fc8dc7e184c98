#include "weights/pickled.h"

#include <fstream>
#include <numeric>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "support/fixture.h"
#include "support/scratch.h"
#include "weights/pickle_file.h"
#include "weights/safetensors.h"

namespace sumi {
namespace {

using test::error_of;
using test::expect_error;
using test::ScratchFolder;
using test::tensor_code;
using test::text_code;
using test::torch_file;

std::string saved(const std::string& name) { return std::string(SUMI_SOURCE_DIR) + "/tests/weights/torch/" + name; }

std::vector<float> steps_of_eighths(float first, std::vector<float> places) {
  for (float& place : places) place = first + place / 8;
  return places;
}
std::vector<float> counted(float first, std::size_t n) {
  std::vector<float> places(n);
  std::iota(places.begin(), places.end(), 0.0f);
  return steps_of_eighths(first, places);
}

TEST(Pickled, ReadsEveryType) {
  const auto file = read_pickled_file(saved("types.pt"));
  EXPECT_EQ(file.tensors.size(), 12u);
  const std::map<std::string, DType> types{{"float64", DType::f64},           {"float32", DType::f32},
                                           {"float16", DType::f16},           {"bfloat16", DType::bf16},
                                           {"float8_e4m3fn", DType::f8_e4m3}, {"float8_e5m2", DType::f8_e5m2}};
  for (const auto& [name, source] : file.tensors) {
    const auto known = types.find(name);
    const bool real = known != types.end();
    EXPECT_TRUE(!real || source->stored() == known->second) << name;
    // e5m2 has two bits after the point: 1.125 is between its values, and 1 the even one.
    const float second = name == "float8_e5m2" ? 1 : name == "bool" ? 0 : real ? 1.125f : 2;
    EXPECT_EQ(read_all(*source), (std::vector<float>{1, second})) << name;
  }
}

void expect_views(const std::string& name) {
  const TensorMap tensors = read_pickled(saved(name));
  ASSERT_EQ(tensors.size(), 9u) << name;
  const auto expect = [&](const char* tensor, const Shape& shape, const std::vector<float>& values) {
    EXPECT_EQ(tensors.at(tensor)->shape(), shape) << name << ": " << tensor;
    EXPECT_EQ(read_all(*tensors.at(tensor)), values) << name << ": " << tensor;
  };
  expect("whole", {4, 6}, counted(0, 24));
  expect("turned", {6, 4},
         steps_of_eighths(0, {0, 6, 12, 18, 1, 7, 13, 19, 2, 8, 14, 20, 3, 9, 15, 21, 4, 10, 16, 22, 5, 11, 17, 23}));
  expect("rows", {2, 6}, counted(0.75f, 12));
  expect("columns", {4, 2}, steps_of_eighths(0, {2, 3, 8, 9, 14, 15, 20, 21}));
  expect("scalar", {}, {7.0f / 8});
  expect("steps", {2, 2}, steps_of_eighths(0, {0, 3, 12, 15}));
  expect("wide", {3, 1}, counted(2, 3));
  expect("none", {0, 3}, {});
  expect("parameter", {2, 2}, counted(3, 4));
  std::vector<float> part(3);
  tensors.at("turned")->read(5, part);
  EXPECT_EQ(part, steps_of_eighths(0, {7, 13, 19}));
}

TEST(Pickled, ReadsViewsInTheZipForm) { expect_views("views.pt"); }
TEST(Pickled, ReadsTheFormBeforeZip) { expect_views("oldest.pt"); }

TEST(Pickled, FindsTheModelInTheFile) {
  const auto only = [](const std::string& name) {
    const TensorMap tensors = read_pickled(saved(name));
    EXPECT_EQ(tensors.size(), 1u) << name;
    return std::pair(tensors.begin()->first, read_all(*tensors.begin()->second));
  };
  EXPECT_EQ(only("upscaler.pth"), std::pair(std::string("conv.weight"), counted(1, 6)));
  EXPECT_EQ(only("embedding.pt"), std::pair(std::string("string_to_param.*"), counted(1, 8)));
  const TensorMap lightning = read_pickled(saved("lightning.ckpt"));
  EXPECT_EQ(lightning.size(), 2u);
  EXPECT_EQ(read_all(*lightning.at("weight")), counted(1, 6));
}

TEST(Pickled, TellsWhatElseIsThere) {
  EXPECT_EQ(read_pickled_file(saved("embedding.pt")).values,
            (Json{{"string_to_token.*", 265}, {"name", "thing"}, {"step", 500}}));
  const auto lightning = read_pickled_file(saved("lightning.ckpt"));
  EXPECT_EQ(lightning.values.at("global_step"), 875000);
  EXPECT_EQ(lightning.values.at("pytorch-lightning_version"), "1.4");
  EXPECT_EQ(lightning.values.at("optimizer_states.0.param_groups.0.lr"), 1e-3);
  EXPECT_TRUE(lightning.tensors.contains("more.a.0"));
}

TEST(Pickled, ACheckpointHoldsWhatItsSafetensorsHold) {
  const auto pickled = open_checkpoint((test::fixtures() / "single/sd1.ckpt").string());
  const auto plain = open_checkpoint((test::fixtures() / "single/sd1.safetensors").string());
  ASSERT_EQ(pickled->tensors().size(), plain->tensors().size());
  for (const auto& [name, source] : plain->tensors()) {
    const SourcePtr other = pickled->find(name);
    ASSERT_TRUE(other) << name;
    EXPECT_EQ(other->shape(), source->shape()) << name;
    EXPECT_EQ(other->stored(), source->stored()) << name;
    EXPECT_EQ(read_all(*other), read_all(*source)) << name;
  }
}

TEST(Pickled, NothingIsExecuted) {
  const ScratchFolder folder;
  const std::string mark = folder / "mark";
  for (const std::string name : {"posix\nsystem", "os\nsystem", "builtins\neval", "__builtin__\ngetattr", "nt\nsystem",
                                 "subprocess\nPopen", "runpy\nrun_path", "torchvision\nx"}) {
    const auto path = folder.write("x.ckpt", torch_file(fmt::format("c{}\n({}tR.", name, text_code("touch " + mark))));
    expect_error(ErrorCode::bad_file, "may be malicious", [&] { read_pickled(path); });
    EXPECT_FALSE(std::filesystem::exists(mark));
  }
  const std::string stacked = text_code("posix") + text_code("system") + "\x93.";
  const auto path = folder.write("x.ckpt", torch_file(stacked));
  expect_error(ErrorCode::bad_file, "'posix.system'", [&] { read_pickled(path); });
}

TEST(Pickled, RefusesBombs) {
  // Ten lists, each with ten times the one before it: a thousand million entries in 300 bytes.
  std::string laughs = "]q\1";
  for (char level = 1; level < 10; ++level) {
    laughs += "](";
    for (int i = 0; i < 10; ++i) laughs.append("h").push_back(level);
    laughs += std::string("eq") + static_cast<char>(level + 1);
  }
  const ScratchFolder folder;
  for (const std::string& pickle : {laughs + ".", std::string("]q\1h\1a."), "}q\1" + text_code("k") + "h\1s."}) {
    const auto path = folder.write("x.ckpt", torch_file(pickle));
    expect_error(ErrorCode::bad_file, "nested more than 16 deep or over 500000 entries", [&] { read_pickled(path); });
  }
  std::string deep = "N";
  for (int i = 0; i < 100'000; ++i) deep += '\x85';
  expect_error(ErrorCode::bad_file, "nested", [&] { read_pickled(folder.write("x", torch_file(deep + "."))); });
  const std::string many(2'000'001, 'N');
  expect_error(ErrorCode::bad_file, "two million", [&] { read_pickled(folder.write("x", torch_file(many))); });
}

TEST(Pickled, RefusesBrokenArchives) {
  const ScratchFolder folder;
  const std::string pickle = "\x80\2" + test::only_code("t", tensor_code("FloatStorage", 2, 0, {2}, {1}));
  const auto refused = [&](ErrorCode code, const std::string& file, std::string_view text) {
    SCOPED_TRACE(text);
    expect_error(code, text, [&] { read_pickled(folder.write("x.ckpt", file)); });
  };
  const auto zip = [](std::vector<test::ZipEntry> entries) { return test::zip_file(entries); };
  refused(ErrorCode::bad_file, "no zip at all", "not a file that PyTorch saved");
  refused(ErrorCode::bad_file, zip({{"a.txt", "x"}}), "not one of PyTorch");
  refused(ErrorCode::bad_file, zip({{"m/data.pkl", pickle}}), "'m/data/0' is missing");
  refused(ErrorCode::bad_file, zip({{"m/data.pkl", pickle}, {"m/data/0", "1234"}}), "has only 4 bytes");
  refused(ErrorCode::bad_file, zip({{"m/data.pkl", pickle}, {"m/data.pkl", pickle}}), "is there twice");
  refused(ErrorCode::unsupported, zip({{"m/data.pkl", pickle, 8}}), "compressed");
  refused(ErrorCode::unsupported, zip({{"m/data.pkl", pickle}, {"m/byteorder", "big"}}), "byte order is 'big'");

  const std::string whole = zip({{"m/data.pkl", pickle}, {"m/data/0", "12345678"}});
  EXPECT_EQ(read_pickled(folder.write("x.ckpt", whole)).size(), 1u);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto path = folder.write("x.ckpt", whole.substr(0, size));
    EXPECT_EQ(error_of([&] { read_pickled(path); }).code(), ErrorCode::bad_file) << size;
  }
  // Offsets of the list's first entry, then of the list itself.
  std::string outside = whole;
  outside[whole.rfind("PK\1\2", whole.rfind("PK\1\2") - 1) + 44] = '\x7f';
  refused(ErrorCode::bad_file, outside, "'m/data.pkl' lies outside");
  outside = whole;
  outside[whole.size() - 4] = '\x7f';
  refused(ErrorCode::bad_file, outside, "list of contents lies outside");

  std::ifstream oldest(saved("oldest.pt"), std::ios::binary);
  const std::string old{std::istreambuf_iterator<char>(oldest), {}};
  for (std::size_t size = 15; size < old.size(); ++size) {
    const auto path = folder.write("x.ckpt", old.substr(0, size));
    EXPECT_EQ(error_of([&] { read_pickled(path); }).code(), ErrorCode::bad_file) << size;
  }
}

TEST(Pickled, ReadsArchivesOver4GB) {
  // A list of contents in the wide form; the numbers of the short one say that it is there.
  const std::string pickle = "\x80\2" + test::only_code("t", tensor_code("FloatStorage", 2, 0, {2}, {1}));
  const std::string narrow =
      test::zip_file({{"data.pkl", pickle}, {"data/0", std::string("\0\0\x80\x3f\0\0\0\x40", 8)}});
  const auto end = narrow.rfind("PK\5\6");
  const auto list = narrow.find("PK\1\2");
  using test::little_endian;
  const std::string wide = std::string("PK\6\6") + little_endian(44, 8) + std::string(12, '\0') + little_endian(2, 8) +
                           little_endian(2, 8) + little_endian(end - list, 8) + little_endian(list, 8);
  const std::string file = narrow.substr(0, end) + wide + "PK\6\7" + little_endian(0, 4) + little_endian(end, 8) +
                           little_endian(1, 4) + "PK\5\6" + std::string(4, '\0') + std::string(12, '\xff') +
                           little_endian(0, 2);
  const ScratchFolder folder;
  EXPECT_EQ(read_all(*read_pickled(folder.write("x.ckpt", file)).at("t")), (std::vector<float>{1, 2}));
}

TEST(Pickled, RefusesHostilePickles) {
  const auto one = [](const std::string& value) { return test::only_code("t", value); };
  struct Case {
    std::string pickle;
    const char* text;
  };
  const std::vector<Case> cases{
      {"", "cut short"},
      {".", "a value is missing"},
      {"}", "cut short"},
      {"t.", "a mark is missing"},
      {"(R.", "a value is missing"},
      {"h\7.", "was not kept"},
      {"X\xff\xff\xff\xff", "cut short"},
      {"\x8d\xff\xff\xff\xff\xff\xff\xff\xff.", "cut short"},
      {"\x8b\xff\xff\xff\x7f.", "cut short"},
      {"Iseven\n.", "a number is none"},
      {"I7", "no end"},
      {"K\1K\1a.", "appended"},
      {"K\1K\1K\1s.", "keys are set"},
      {"(K\1d.", "a key has no value"},
      {one(tensor_code("FloatStorage", 3, 0, {2}, {1})), "a storage of 3 f32 has only 8 bytes"},
      {one(tensor_code("FloatStorage", 2, 0, {3}, {1})), "outside its storage of 2 elements"},
      {one(tensor_code("FloatStorage", 2, 1, {2}, {1})), "outside its storage"},
      {one(tensor_code("FloatStorage", 2, 0, {2}, {2})), "outside its storage"},
      {one(tensor_code("FloatStorage", 2, 0, {2, 2}, {0, 0})), "outside its storage"},
      {one(tensor_code("FloatStorage", 2, 0, {2000000000, 2000000000, 2000000000}, {0, 0, 0})), "outside its storage"},
      {one(tensor_code("FloatStorage", 2, 0, {2}, {1, 1})), "outside its storage"},
      {one(tensor_code("FloatStorage", 2, -1, {2}, {1})), "a size or offset is -1"},
      {one(tensor_code("FloatStorage", 2, 0, {2}, {-1})), "a size or offset is -1"},
      {one(tensor_code("FloatStorage", -1, 0, {2}, {1})), "a size or offset is -1"},
      {one(tensor_code("FloatStorage", 2, 0, {1, 1, 1, 1, 1, 1}, {1, 1, 1, 1, 1, 1})), "up to 5 sizes"},
      {one("ctorch._utils\n_rebuild_tensor_v2\n)R"), "too few arguments"},
      {one(std::string("ctorch._utils\n_rebuild_tensor_v2\n") + test::numbers_code({1, 0, 0, 0}) + "R"),
       "has no storage"},
  };
  const ScratchFolder folder;
  for (const auto& [pickle, text] : cases) {
    SCOPED_TRACE(text);
    const auto path = folder.write("x.ckpt", torch_file(pickle, "12345678"));
    expect_error(ErrorCode::bad_file, text, [&] { read_pickled(path); });
    expect_error(ErrorCode::bad_file, path.string(), [&] { read_pickled(path); });
  }
  const auto odd =
      folder.write("x.ckpt", torch_file(one(tensor_code("ComplexFloatStorage", 1, 0, {1}, {1})), "12345678"));
  expect_error(ErrorCode::unsupported, "'torch.ComplexFloatStorage'", [&] { read_pickled(odd); });
  const auto code = folder.write("x.ckpt", torch_file("\x82\1."));
  expect_error(ErrorCode::unsupported, "code 0x82", [&] { read_pickled(code); });
}

}  // namespace
}  // namespace sumi
