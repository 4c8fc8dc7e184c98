// Learned words: what files hold, and what a prompt becomes with them.

#include "adapters/embedding.h"

#include <gtest/gtest.h>

#include "adapters/made.h"
#include "models/model.h"
#include "nn/on_host.h"
#include "support/scratch.h"
#include "weights/safetensors.h"

namespace sumi::test {
namespace {

Embedding fixture_embedding(const std::string& name) {
  return read_embedding(fixtures() / "embeddings" / (name + ".safetensors"));
}

TEST(Embeddings, OfBothFormatsHoldTheSame) {
  const Embedding named = fixture_embedding("thing"), a1111 = fixture_embedding("thing-a1111");
  EXPECT_EQ(named.words, (std::vector<std::string>{"<thing>", "thing"}));
  EXPECT_EQ(a1111.words, (std::vector<std::string>{"thing-a1111"}));
  for (const Embedding& each : {named, a1111}) {
    ASSERT_EQ(each.rows.size(), 1u);
    EXPECT_EQ(each.rows[0].count, 2);
    EXPECT_EQ(each.rows[0].channels, 32);
    EXPECT_EQ(each.rows[0].encoder, -1);
    EXPECT_EQ(each.rows[0].values, named.rows[0].values);
  }
}

TEST(Embeddings, OfTwoEncoders) {
  const ScratchFolder folder;
  write_safetensors(folder / "style.safetensors", {{"clip_g", tensor({2, 5}, 1)}, {"clip_l", tensor({2, 3}, 2)}});
  const Embedding style = read_embedding(folder / "style.safetensors");
  ASSERT_EQ(style.rows.size(), 2u);
  EXPECT_EQ(style.rows[0].encoder, 0);
  EXPECT_EQ(style.rows[0].values, noise(6, 2));
  EXPECT_EQ(style.rows[1].encoder, 1);
  EXPECT_EQ(style.rows[1].channels, 5);
}

TEST(Embeddings, ThatAreNoneAreRefused) {
  const ScratchFolder folder;
  const auto refused = [&](const TensorMap& tensors, const std::string& text) {
    write_safetensors(folder / "file.safetensors", tensors);
    expect_error(ErrorCode::bad_file, text, [&] { read_embedding(folder / "file.safetensors"); });
  };
  refused({}, "0 tensors, expected one");
  refused({{"a", tensor({1, 3}, 1)}, {"b", tensor({1, 3}, 1)}}, "2 tensors, expected one");
  refused({{"<a>", tensor({1, 1, 3}, 1)}}, "<a> is 1x1x3, expected the vectors of a learned word");
  refused({{"<a>", tensor({5000, 3}, 1)}}, "expected the vectors");
}

struct Learned {
  explicit Learned(const std::vector<Embedding>& embeddings)
      : folder(model_path("sd1")),
        tokenizer(Tokenizer::load(model_path("sd1") / "tokenizer")),
        text(load_text(folder)) {
    learn_words(embeddings, 0, tokenizer, text);
  }
  ModelFolder folder;
  Tokenizer tokenizer;
  ClipText text;
};

TEST(LearnedWords, BecomeTheirVectorsInPrompts) {
  const Learned model({fixture_embedding("thing")});
  const auto plain = model.tokenizer.encode("a red , 3d");
  const auto ids = model.tokenizer.encode("a red <thing>, 3d");
  const auto first = static_cast<std::int32_t>(model.text.config().vocabulary);
  ASSERT_EQ(ids.size(), plain.size() + 2);
  EXPECT_EQ(ids[2], first);
  EXPECT_EQ(ids[3], first + 1);
  EXPECT_EQ(model.tokenizer.encode("A red <THING>, 3d"), ids);
  EXPECT_EQ(model.tokenizer.encode("a red thing, 3d"), ids);
  EXPECT_EQ(model.tokenizer.encode("something things thing2"),
            Tokenizer::load(model_path("sd1") / "tokenizer").encode("something things thing2"));

  // With every layer left out the encoder gives the embeddings themselves.
  const auto backend = make_ref_backend();
  const auto rows = fixture_embedding("thing").rows[0].values;
  const auto embed = [&](const std::vector<std::int32_t>& tokens) {
    return run(*backend, [&](Context& ctx) {
      const int layers = static_cast<int>(model.text.config().layers);
      return model.text(ctx, {tokens}, {.skip = layers, .normalised = false}).hidden;
    });
  };
  const auto one = embed({first, first + 1}), other = embed({0, 0});
  const auto table =
      read_all(*model.folder.weights("text_encoder")->find("text_model.embeddings.token_embedding.weight"));
  for (std::size_t i = 0; i < 64; ++i) EXPECT_NEAR(one[i] - other[i], rows[i] - table[i % 32], 1e-6);
}

TEST(LearnedWords, AreForgottenAgain) {
  Learned model({fixture_embedding("thing")});
  learn_words({}, 0, model.tokenizer, model.text);
  EXPECT_EQ(model.tokenizer.encode("a red <thing>, 3d"),
            Tokenizer::load(model_path("sd1") / "tokenizer").encode("a red <thing>, 3d"));
  const auto backend = make_ref_backend();
  const auto first = static_cast<std::int32_t>(model.text.config().vocabulary);
  expect_error(ErrorCode::bad_model, "the text encoder's vocabulary has",
               [&] { dry_run(*backend, [&](Context& ctx) { return model.text(ctx, {{first}}).hidden; }); });
}

TEST(LearnedWords, OfSeveralFilesFollowEachOther) {
  const Learned model({fixture_embedding("thing"), fixture_embedding("thing-a1111")});
  const auto first = static_cast<std::int32_t>(model.text.config().vocabulary);
  EXPECT_EQ(model.tokenizer.encode("thing-a1111 thing"),
            (std::vector<std::int32_t>{first + 2, first + 3, first, first + 1}));
}

TEST(LearnedWords, ThatCannotBeAreRefused) {
  expect_error(ErrorCode::usage, "learned twice", [] {
    Learned({fixture_embedding("thing"), fixture_embedding("thing")});
  });
  Embedding wide = fixture_embedding("thing");
  wide.rows = {{-1, 1, 48, noise(48, 1)}};
  expect_error(ErrorCode::bad_model, "vectors of 48 channels, the model's first text encoder has 32",
               [&] { Learned({wide}); });
  Embedding second = fixture_embedding("thing");
  second.rows[0].encoder = 1;
  expect_error(ErrorCode::bad_model, "another family", [&] { Learned({second}); });
}

// The end of a prompt is its largest id in old configurations; a learned word must not be taken for it.
TEST(LearnedWords, AreNotTheEndOfAPrompt) {
  const Settings settings({{"vocab_size", 50},
                           {"max_position_embeddings", 6},
                           {"hidden_size", 8},
                           {"intermediate_size", 16},
                           {"num_hidden_layers", 2},
                           {"num_attention_heads", 2},
                           {"eos_token_id", 2}},
                          "pooling");
  ClipText text(ClipTextConfig::from(settings), Loader(synthetic_checkpoint(DType::f32)));
  text.learn(noise(8, 1));
  const auto backend = make_ref_backend();
  const auto all = run(*backend, [&](Context& ctx) { return text(ctx, {{1, 50, 7, 49}}).hidden; });
  const auto pooled = run(*backend, [&](Context& ctx) { return text(ctx, {{1, 50, 7, 49}}, {.pooled = true}).pooled; });
  EXPECT_LT(largest_difference(pooled, {all.end() - 8, all.end()}), 1e-6);
}

}  // namespace
}  // namespace sumi::test
