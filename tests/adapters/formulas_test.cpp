// What each format does to a weight, against its formula in double on shapes that nothing divides.

#include <cmath>

#include <gtest/gtest.h>

#include "adapters/made.h"
#include "core/threads.h"
#include "support/fixture.h"

namespace sumi::test {
namespace {

/// A tensor in double, by index along its axes.
class Elements {
 public:
  explicit Elements(const SourcePtr& source) : shape_(source->shape()), values_(read_all(*source)) {}
  template <class... Index>
  double operator()(Index... index) const {
    std::int64_t at = 0;
    int axis = 0;
    ((at = at * shape_[axis++] + index), ...);
    return values_.at(static_cast<std::size_t>(at));
  }

 private:
  Shape shape_;
  std::vector<float> values_;
};

/// The change that a file makes to element (o, c, tap) of a weight.
using Formula = std::function<double(std::int64_t o, std::int64_t c, std::int64_t tap)>;

struct Format {
  std::string name;
  Shape weight;
  TensorMap file;
  Formula change;
};

std::int64_t taps_of(const Shape& weight) { return weight.rank() == 4 ? weight[2] * weight[3] : 1; }

Format lora() {
  const SourcePtr up = tensor({11, 3}, 1), down = tensor({3, 13}, 2);
  return {"lora",
          {11, 13},
          {{"layer.lora_up.weight", up}, {"layer.lora_down.weight", down}, {"layer.alpha", scalar(2)}},
          [a = Elements(up), b = Elements(down)](auto o, auto c, auto) {
            double sum = 0;
            for (int r = 0; r < 3; ++r) sum += a(o, r) * b(r, c);
            return sum * 2 / 3;
          }};
}

Format locon() {
  const SourcePtr up = tensor({5, 3, 1, 1}, 1), down = tensor({3, 7, 3, 3}, 2);
  return {"locon",
          {5, 7, 3, 3},
          {{"layer.lora_up.weight", up}, {"layer.lora_down.weight", down}},
          [a = Elements(up), b = Elements(down)](auto o, auto c, auto t) {
            double sum = 0;
            for (int r = 0; r < 3; ++r) sum += a(o, r, 0, 0) * b(r, c, t / 3, t % 3);
            return sum;
          }};
}

Format locon_mid() {
  const SourcePtr up = tensor({5, 3, 1, 1}, 1), mid = tensor({3, 3, 3, 3}, 2), down = tensor({3, 7, 1, 1}, 3);
  return {"locon_mid",
          {5, 7, 3, 3},
          {{"layer.lora_up.weight", up},
           {"layer.lora_mid.weight", mid},
           {"layer.lora_down.weight", down},
           {"layer.alpha", scalar(1)}},
          [a = Elements(up), m = Elements(mid), b = Elements(down)](auto o, auto c, auto t) {
            double sum = 0;
            for (int i = 0; i < 3; ++i)
              for (int j = 0; j < 3; ++j) sum += a(o, i, 0, 0) * m(i, j, t / 3, t % 3) * b(j, c, 0, 0);
            return sum / 3;
          }};
}

Format loha() {
  const SourcePtr w[] = {tensor({11, 3}, 1), tensor({3, 13}, 2), tensor({11, 2}, 3), tensor({2, 13}, 4)};
  return {"loha",
          {11, 13},
          {{"layer.hada_w1_a", w[0]},
           {"layer.hada_w1_b", w[1]},
           {"layer.hada_w2_a", w[2]},
           {"layer.hada_w2_b", w[3]},
           {"layer.alpha", scalar(1.5)}},
          [a = Elements(w[0]), b = Elements(w[1]), c2 = Elements(w[2]), d = Elements(w[3])](auto o, auto c, auto) {
            double first = 0, second = 0;
            for (int r = 0; r < 3; ++r) first += a(o, r) * b(r, c);
            for (int r = 0; r < 2; ++r) second += c2(o, r) * d(r, c);
            return first * second * 1.5 / 3;
          }};
}

/// Sum over i and j of t[i, j, tap] a[i, o] b[j, c].
double tucker(const Elements& t, const Elements& a, const Elements& b, std::int64_t rank, std::int64_t o,
              std::int64_t c, std::int64_t tap) {
  double sum = 0;
  for (std::int64_t i = 0; i < rank; ++i)
    for (std::int64_t j = 0; j < rank; ++j) sum += t(i, j, tap / 3, tap % 3) * a(i, o) * b(j, c);
  return sum;
}

Format loha_tucker() {
  const SourcePtr w[] = {tensor({3, 5}, 1), tensor({3, 7}, 2), tensor({3, 5}, 3), tensor({3, 7}, 4)};
  const SourcePtr t1 = tensor({3, 3, 3, 3}, 5), t2 = tensor({3, 3, 3, 3}, 6);
  return {"loha_tucker",
          {5, 7, 3, 3},
          {{"layer.hada_w1_a", w[0]},
           {"layer.hada_w1_b", w[1]},
           {"layer.hada_w2_a", w[2]},
           {"layer.hada_w2_b", w[3]},
           {"layer.hada_t1", t1},
           {"layer.hada_t2", t2}},
          [a = Elements(w[0]), b = Elements(w[1]), c2 = Elements(w[2]), d = Elements(w[3]), x = Elements(t1),
           y = Elements(t2)](auto o, auto c, auto t) {
            return tucker(x, a, b, 3, o, c, t) * tucker(y, c2, d, 3, o, c, t);
          }};
}

Format lokr() {
  const SourcePtr outer = tensor({4, 3}, 1), a = tensor({3, 2}, 2), b = tensor({2, 5}, 3);
  return {"lokr",
          {12, 15},
          {{"layer.lokr_w1", outer}, {"layer.lokr_w2_a", a}, {"layer.lokr_w2_b", b}, {"layer.alpha", scalar(1)}},
          [w = Elements(outer), x = Elements(a), y = Elements(b)](auto o, auto c, auto) {
            double inner = 0;
            for (int r = 0; r < 2; ++r) inner += x(o % 3, r) * y(r, c % 5);
            return w(o / 3, c / 5) * inner / 2;
          }};
}

/// Both whole: there is no rank, and alpha means nothing.
Format lokr_whole() {
  const SourcePtr outer = tensor({4, 3}, 1), inner = tensor({3, 5, 3, 3}, 2);
  return {"lokr_whole",
          {12, 15, 3, 3},
          {{"layer.lokr_w1", outer}, {"layer.lokr_w2", inner}, {"layer.alpha", scalar(9)}},
          [w = Elements(outer), x = Elements(inner)](auto o, auto c, auto t) {
            return w(o / 3, c / 5) * x(o % 3, c % 5, t / 3, t % 3);
          }};
}

Format lokr_tucker() {
  const SourcePtr a1 = tensor({4, 2}, 1), b1 = tensor({2, 3}, 2);
  const SourcePtr t2 = tensor({2, 2, 3, 3}, 3), a2 = tensor({2, 3}, 4), b2 = tensor({2, 5}, 5);
  return {"lokr_tucker",
          {12, 15, 3, 3},
          {{"layer.lokr_w1_a", a1},
           {"layer.lokr_w1_b", b1},
           {"layer.lokr_t2", t2},
           {"layer.lokr_w2_a", a2},
           {"layer.lokr_w2_b", b2},
           {"layer.alpha", scalar(3)}},
          [a = Elements(a1), b = Elements(b1), t = Elements(t2), x = Elements(a2), y = Elements(b2)](auto o, auto c,
                                                                                                     auto tap) {
            double outer = 0;
            for (int r = 0; r < 2; ++r) outer += a(o / 3, r) * b(r, c / 5);
            return outer * tucker(t, x, y, 2, o % 3, c % 5, tap) * 3 / 2;
          }};
}

Format difference() {
  const SourcePtr diff = tensor({5, 7, 3, 3}, 1);
  return {"difference", {5, 7, 3, 3}, {{"layer.diff", diff}}, [d = Elements(diff)](auto o, auto c, auto t) {
            return d(o, c, t / 3, t % 3);
          }};
}

/// With a magnitude for each row, or each input channel, the sum of weight and change is brought to that norm.
Format with_magnitude(Format format, const std::string& key, Shape shape, bool columns) {
  const SourcePtr magnitude = tensor(shape, 9), weight = tensor(format.weight, 100);
  format.file.emplace("layer." + key, magnitude);
  format.name += columns ? "_columns" : key == "dora_scale" ? "_rows" : "_vector";
  const Shape extents = format.weight;
  const std::int64_t taps = taps_of(extents);
  const auto original = [w = read_all(*weight), extents, taps](auto o, auto c, auto t) {
    return static_cast<double>(w[static_cast<std::size_t>((o * extents[1] + c) * taps + t)]);
  };
  format.change = [=, m = read_all(*magnitude), plain = format.change](auto o, auto c, auto t) {
    double squares = 0;
    for (std::int64_t i = 0; i < (columns ? extents[0] : extents[1]); ++i) {
      for (std::int64_t tap = 0; tap < taps; ++tap) {
        const auto row = columns ? i : o, column = columns ? c : i;
        squares += std::pow(original(row, column, tap) + plain(row, column, tap), 2);
      }
    }
    return m[static_cast<std::size_t>(columns ? c : o)] * (original(o, c, t) + plain(o, c, t)) / std::sqrt(squares) -
           original(o, c, t);
  };
  return format;
}

std::vector<Format> formats() {
  return {lora(),
          locon(),
          locon_mid(),
          loha(),
          loha_tucker(),
          lokr(),
          lokr_whole(),
          lokr_tucker(),
          difference(),
          with_magnitude(lora(), "dora_scale", {11, 1}, false),
          with_magnitude(lora(), "dora_scale", {1, 13}, true),
          with_magnitude(lora(), "lora_magnitude_vector", {11}, false),
          with_magnitude(locon(), "dora_scale", {5, 1, 1, 1}, false),
          with_magnitude(locon_mid(), "dora_scale", {1, 7, 1, 1}, true),
          with_magnitude(lokr(), "dora_scale", {12, 1}, false)};
}

std::vector<double> expected(const Format& format, const SourcePtr& weight, double strength) {
  const std::int64_t taps = taps_of(format.weight);
  const auto original = read_all(*weight);
  std::vector<double> values;
  for (std::int64_t o = 0; o < format.weight[0]; ++o)
    for (std::int64_t c = 0; c < format.weight[1]; ++c)
      for (std::int64_t t = 0; t < taps; ++t)
        values.push_back(original[values.size()] + strength * format.change(o, c, t));
  return values;
}

class Formulas : public testing::TestWithParam<Format> {};

TEST_P(Formulas, ChangeTheWeight) {
  const Format& format = GetParam();
  OneLayer model(tensor(format.weight, 100));
  const auto adapter = parse_adapter(format.file, "file");
  EXPECT_TRUE(adapter->unread().empty()) << adapter->unread().front();
  const auto report = model.adapters.set({{adapter, -0.7}});
  EXPECT_EQ(report.changed, 1u);
  EXPECT_TRUE(report.unmatched.empty());
  const auto actual = read_all(*model.adapted);
  const auto wanted = expected(format, model.weight, -0.7);
  ASSERT_EQ(actual.size(), wanted.size());
  double change = 0;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    ASSERT_NEAR(actual[i], wanted[i], 4e-6) << "element " << i;
    change = std::max(change, std::abs(wanted[i] - read_all(*model.weight)[i]));
  }
  EXPECT_GT(change, 0.1);
}

// Packing reads ranges that begin and end within rows.
TEST_P(Formulas, AreTheSameInAnyRange) {
  const Format& format = GetParam();
  OneLayer model(tensor(format.weight, 100));
  model.adapters.set({{parse_adapter(format.file, "file"), 0.9}});
  const auto whole = read_all(*model.adapted);
  const SourcePtr ready = prepared(model.adapted);
  for (std::size_t length = 1; length < whole.size(); length = length * 3 + 1) {
    for (std::size_t first = 0; first < whole.size(); first += length) {
      std::vector<float> part(std::min(length, whole.size() - first));
      ready->read(static_cast<std::int64_t>(first), part);
      for (std::size_t i = 0; i < part.size(); ++i) ASSERT_NEAR(part[i], whole[first + i], 1e-6);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, Formulas, testing::ValuesIn(formats()),
                         [](const auto& each) { return each.param.name + "_" + std::to_string(each.index); });

// Large enough that several threads share it and that rows are worked on in blocks.
TEST(Formula, OfALargeWeightDoesNotDependOnThreads) {
  const TensorMap file{{"layer.lora_up.weight", tensor({700, 64}, 1)},
                       {"layer.lora_down.weight", tensor({64, 900}, 2)},
                       {"layer.dora_scale", tensor({1, 900}, 3)}};
  OneLayer model(tensor({700, 900}, 4));
  model.adapters.set({{parse_adapter(file, "file")}});
  const int before = threads();
  std::vector<std::vector<float>> results;
  for (const int count : {1, 2, 3}) {
    set_threads(count);
    results.push_back(read_all(*model.adapted));
  }
  set_threads(before);
  EXPECT_LT(largest_difference(results[0], results[1]), 1e-6);
  EXPECT_LT(largest_difference(results[0], results[2]), 1e-6);
}

}  // namespace
}  // namespace sumi::test
