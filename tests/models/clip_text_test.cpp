#include "models/clip_text.h"

#include <gtest/gtest.h>

#include "models/model.h"
#include "models/on_backends.h"
#include "nn/on_host.h"

namespace sumi::test {
namespace {

using Ids = std::vector<std::vector<std::int32_t>>;

Ids ids_of(const Fixture& fixture) {
  const Shape shape = fixture.shape("ids");
  const auto values = fixture.values("ids");
  Ids ids;
  for (auto at = values.begin(); at != values.end(); at += shape[1]) ids.emplace_back(at, at + shape[1]);
  return ids;
}

class TextAsTheReference : public testing::TestWithParam<ModelOnBackend> {};

TEST_P(TextAsTheReference, EveryHiddenStateAndTheLast) {
  const Fixture fixture("text-" + GetParam().model);
  const ClipText text = load_text(ModelFolder(model_path(GetParam().model)));
  const auto backend = make_host_backend(GetParam().backend);
  const Ids ids = ids_of(fixture);
  const auto layers = static_cast<int>(text.config().layers);
  ASSERT_TRUE(fixture.has("hidden." + std::to_string(layers)));
  for (int i = 0; i <= layers; ++i) {
    const auto actual =
        run(*backend, [&](Context& ctx) { return text(ctx, ids, {.skip = layers - i, .normalised = false}).hidden; });
    EXPECT_LT(largest_difference(actual, fixture.values("hidden." + std::to_string(i))), 2e-5) << "state " << i;
  }
  const auto last = run(*backend, [&](Context& ctx) { return text(ctx, ids).hidden; });
  EXPECT_LT(largest_difference(last, fixture.values("last")), 2e-5);
}

INSTANTIATE_TEST_SUITE_P(Models, TextAsTheReference, testing::ValuesIn(on_host_backends({"sd1", "sd2"})), name_of);

class Pooling : public testing::Test {
 protected:
  /// A small encoder that projects; `end_token` as its configuration has it.
  static ClipText make(int end_token) {
    const Settings settings({{"architectures", {"CLIPTextModelWithProjection"}},
                             {"vocab_size", 50},
                             {"max_position_embeddings", 6},
                             {"hidden_size", 8},
                             {"intermediate_size", 16},
                             {"num_hidden_layers", 2},
                             {"num_attention_heads", 2},
                             {"projection_dim", 5},
                             {"eos_token_id", end_token}},
                            "pooling");
    return ClipText(ClipTextConfig::from(settings), Loader(checkpoint()));
  }
  static CheckpointPtr checkpoint() { return synthetic_checkpoint(DType::f32); }
  static std::vector<float> pooled(const ClipText& text, const Ids& ids) {
    const auto backend = make_ref_backend();
    return run(*backend, [&](Context& ctx) { return text(ctx, ids, {.skip = 1, .pooled = true}).pooled; });
  }
  static std::vector<float> last_states(const ClipText& text, const Ids& ids) {
    const auto backend = make_ref_backend();
    return run(*backend, [&](Context& ctx) { return text(ctx, ids).hidden; });
  }
};

TEST_F(Pooling, ProjectsTheStateAtTheFirstEndToken) {
  const ClipText text = make(40);
  const Ids ids{{1, 7, 40, 40, 40, 40}, {1, 45, 8, 9, 40, 40}};
  const auto states = last_states(text, ids);
  const auto matrix = read_all(*checkpoint()->want("text_projection.weight", {5, 8}));
  const auto actual = pooled(text, ids);
  ASSERT_EQ(actual.size(), 10u);
  const std::size_t ends[] = {2, 6 + 4};
  for (std::size_t n = 0; n < 2; ++n) {
    for (std::size_t o = 0; o < 5; ++o) {
      double sum = 0;
      for (std::size_t i = 0; i < 8; ++i) sum += matrix[o * 8 + i] * states[ends[n] * 8 + i];
      EXPECT_NEAR(actual[n * 5 + o], sum, 1e-6);
    }
  }
}

TEST_F(Pooling, OldConfigurationsMeanTheLargestId) {
  const Ids ids{{1, 7, 8, 49, 2, 0}};
  EXPECT_EQ(pooled(make(2), ids), pooled(make(49), ids));
  EXPECT_NE(pooled(make(2), ids), pooled(make(7), ids));
}

TEST(ClipText, TellsTokensAndSkipsThatDoNotFit) {
  const ClipText text = load_text(ModelFolder(model_path("sd1")));
  const auto backend = make_ref_backend();
  const auto error_of = [&](const Ids& ids, const ClipText::Ask& ask) -> std::string {
    try {
      dry_run(*backend, [&](Context& ctx) { return text(ctx, ids, ask).hidden; });
      return "no error";
    } catch (const Error& error) {
      return error.what();
    }
  };
  EXPECT_EQ(error_of({{1, 3220}}, {}), "the tokenizer gives the token 3220, the text encoder's vocabulary has 3220");
  EXPECT_EQ(error_of({{-1}}, {}), "the tokenizer gives the token -1, the text encoder's vocabulary has 3220");
  EXPECT_EQ(error_of({{1}}, {.skip = 6}), "clip skip 6 is outside 0 to 5, the layers of the text encoder");
  EXPECT_EQ(error_of({{1}, {1, 2}}, {}), "clip_text: prompts of 1 and 2 tokens");
  EXPECT_EQ(error_of({std::vector<std::int32_t>(78)}, {}),
            "clip_text: 1 prompts of 78 tokens, the encoder takes 1 to 77");
}

}  // namespace
}  // namespace sumi::test
