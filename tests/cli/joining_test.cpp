#include <algorithm>

#include <gtest/gtest.h>

#include "image/resize.h"
#include "program.h"
#include "sumi/image.h"
#include "support/fixture.h"

namespace sumi::test {
namespace {

using Words = std::vector<std::string>;

Words joined(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

/// A smooth picture with a bright disc, so that a change of any part shows.
Image drawn(int width, int height) {
  Image image{.width = width, .height = height};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const int dx = x - width / 2, dy = y - height / 2;
      const bool inside = dx * dx + dy * dy < width * height / 16;
      for (const int level : {x * 255 / width, y * 255 / height, inside ? 230 : 40}) {
        image.rgb.push_back(static_cast<std::uint8_t>(level));
      }
    }
  }
  return image;
}

/// The right half is painted anew.
Image right_half(int width, int height) {
  Image mask{.width = width, .height = height};
  for (int i = 0; i < width * height * 3; ++i) mask.rgb.push_back(i / 3 % width < width / 2 ? 0 : 255);
  return mask;
}

/// At twice the size, as pictures are resized.
Image resized(const Image& image) { return resize(image, 2 * image.width, 2 * image.height); }

class Joining : public testing::Test {
 protected:
  Joining() {
    write_image(files_ / "start.png", drawn(64, 64));
    write_image(files_ / "mask.png", right_half(64, 64));
  }

  std::string file(const std::string& name) const { return (files_ / name).string(); }

  Ran generate(const Words& more, const std::string& model = "sd1") const {
    const Words words{"generate", "-m",      fixture("models/" + model),
                      "-W",       "64",      "-H",
                      "64",       "--steps", "2",
                      "--seed",   "7",       "--threads",
                      "1",        "--dtype", "f32"};
    return run(folder_.path(), joined(words, more));
  }
  /// The picture of that command.
  Image picture(const Words& more, const std::string& model = "sd1") const {
    const Ran ran = generate(joined({"-p", "a red apple, 3d", "-o", "out.png"}, more), model);
    EXPECT_EQ(ran.status, 0) << ran.err;
    return ran.status == 0 ? read_image(folder_ / "out.png") : Image{};
  }
  std::string text_of(const Image& image) const { return image.text.empty() ? "" : image.text.front().second; }
  void expect_refused(const Words& more, int status, const std::string& what, const std::string& model = "sd1") const {
    const ScratchFolder folder;
    const Words words{"generate", "a red apple, 3d", "-m", fixture("models/" + model), "--steps",
                      "2",        "--threads",       "1"};
    expect_refusal(run(folder.path(), joined(words, more)), status, what, folder.path());
  }

  ScratchFolder folder_, files_;
};

TEST_F(Joining, StrengthSaysHowMuchOfThePictureStays) {
  const Words init{"--init", file("start.png")};
  const Image half = picture(joined(init, {"--strength", "0.5"})), whole = picture(joined(init, {"--strength", "1"}));
  EXPECT_NE(half.rgb, whole.rgb);
  EXPECT_NE(text_of(half).find("Denoising strength: 0.5"), std::string::npos) << text_of(half);
  EXPECT_EQ(picture(joined(init, {"--strength", "0.5"})).rgb, half.rgb);
}

TEST_F(Joining, WhatTheMaskKeepsIsThePictureItself) {
  const Image start = read_image(file("start.png"));
  const Image made = picture({"--init", file("start.png"), "--mask", file("mask.png"), "--only-masked", "8"});
  ASSERT_EQ(made.rgb.size(), start.rgb.size());
  int changed = 0;
  for (std::size_t i = 0; i < made.rgb.size(); ++i) {
    if (i / 3 % 64 < 32) {
      ASSERT_EQ(made.rgb[i], start.rgb[i]) << i;
    } else if (made.rgb[i] != start.rgb[i]) {
      ++changed;
    }
  }
  EXPECT_GT(changed, 1000);
}

TEST_F(Joining, AnAdapterOfNoWeightChangesNothing) {
  const std::string lora = fixture("loras/lora-kohya.safetensors");
  const Image without = picture({}), with = picture({"--lora", lora + ":0.8"});
  EXPECT_EQ(picture({"--lora", lora + ":0"}).rgb, without.rgb);
  EXPECT_NE(with.rgb, without.rgb);
  const Ran ran =
      generate({"-p", "a red apple, 3d<lora:lora-kohya:0.8>", "--lora-dir", fixture("loras"), "-o", "in.png"});
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(read_image(folder_ / "in.png").rgb, with.rgb);

  const Words named{"-p", "a red apple, 3d<lora:lora-kohya:0.8>", "--lora-dir", fixture("loras")},
      hires{"--hires", "1.5"};
  EXPECT_EQ(picture(joined(hires, named)).rgb, picture(joined(hires, {"--lora", lora + ":0.8"})).rgb)
      << "both runs have the adapter";
}

TEST_F(Joining, AnAdapterBesideTheWeightsMakesTheMergedPicture) {
  const Words lora{"--lora", fixture("loras/lora-kohya.safetensors") + ":0.8"};
  const Image merged = picture(lora), applied = picture(joined(lora, {"--lora-mode", "apply"}));
  ASSERT_EQ(applied.rgb.size(), merged.rgb.size());
  int most = 0;
  for (std::size_t i = 0; i < merged.rgb.size(); ++i) most = std::max(most, std::abs(applied.rgb[i] - merged.rgb[i]));
  EXPECT_LE(most, 1);
  EXPECT_NE(text_of(applied).find("Lora mode: apply"), std::string::npos) << text_of(applied);
  const Ran ran =
      generate(joined(joined({"-p", "a red apple, 3d", "-o", "out.png", "-v"}, lora), {"--lora-mode", "apply"}));
  EXPECT_NE((ran.out + ran.err).find("0 weights merged, 140 with factors beside them: "), std::string::npos) << ran.out;
}

TEST_F(Joining, AListOfPromptsIsTheirSinglePictures) {
  files_.write("prompts.txt", "a red apple, 3d\n\ncat face, flat\r\n");
  const Ran list = generate({"--prompts", file("prompts.txt"), "-o", "list-{index}.png"});
  ASSERT_EQ(list.status, 0) << list.err;
  const Ran one = generate({"-p", "a red apple, 3d", "-o", "one.png"});
  const Ran two = generate({"-p", "cat face, flat", "--seed", "8", "-o", "two.png"});
  ASSERT_EQ(one.status + two.status, 0) << one.err << two.err;
  EXPECT_EQ(read_image(folder_ / "list-1.png").rgb, read_image(folder_ / "one.png").rgb);
  EXPECT_EQ(read_image(folder_ / "list-2.png").rgb, read_image(folder_ / "two.png").rgb);
}

TEST_F(Joining, AGridIsOnePictureOfAllCombinations) {
  const Image grid = picture({"--grid", "steps=1,2 guidance=1,5"});
  EXPECT_GT(grid.width, 128);
  EXPECT_GT(grid.height, 128);
  EXPECT_EQ(files_in(folder_.path()), Words{"out.png"});
}

TEST_F(Joining, EachWayChangesThePicture) {
  const Image plain = picture({});
  const std::string control = fixture("models/controlnet-sd1") + "=" + file("start.png");
  const std::vector<Words> ways{
      {"--control", control},
      {"--control", control, "--annotator", "canny"},
      {"--control", control, "--guess-mode"},
      {"--vae", fixture("models/taesd")},
      {"--variation-seed", "9", "--variation-strength", "0.5"},
      {"--deepcache", "2"},
      {"--prediction", "v", "-m", fixture("single/sd1.safetensors"), "--config", fixture("models/sd1")},
      {"--hires", "1.5"},
      {"--hires", "1.5:latent:0.7"},
      {"--hires", "1.5:latent-nearest:0.7"}};
  std::vector<std::vector<std::uint8_t>> seen{plain.rgb};
  for (const Words& way : ways) {
    const Image image = picture(way);
    EXPECT_EQ(std::count(seen.begin(), seen.end(), image.rgb), 0) << way.front() << " " << way.back();
    seen.push_back(image.rgb);
  }
}

TEST_F(Joining, HiresEnlargesLatentsWithoutDecoding) {
  const Image image = picture({"--hires", "2:latent:0.6", "--trace", "trace.json"});
  EXPECT_EQ(image.width, 128);
  EXPECT_EQ(image.height, 128);
  const std::string text = text_of(image);
  EXPECT_NE(text.find("Denoising strength: 0.6, Hires upscale: 2, Hires upscaler: latent"), std::string::npos) << text;
  const auto encodes = [&] {
    return read_text(folder_ / "trace.json").find("encoder.down_blocks") != std::string::npos;
  };
  EXPECT_FALSE(encodes());
  picture({"--hires", "2:lanczos:0.6", "--trace", "trace.json"});
  EXPECT_TRUE(encodes());
}

TEST_F(Joining, HiresGoesWithEveryKindOfModel) {
  const Words init{"--init", file("start.png"), "--strength", "0.8"};
  const Words mask = joined(init, {"--mask", file("mask.png"), "--mask-blur", "1"});
  const Image start = resized(read_image(file("start.png")));
  for (const char* upscaler : {"2:lanczos:0.5", "2:latent:0.5"}) {
    for (const char* model : {"sd1", "inpaint"}) {
      const Image made = picture(joined(mask, {"--hires", upscaler}), model);
      ASSERT_EQ(made.rgb.size(), start.rgb.size()) << model;
      for (std::size_t i = 0; i < made.rgb.size(); ++i) {
        if (i / 3 % 128 >= 50) continue;
        ASSERT_EQ(made.rgb[i], start.rgb[i]) << model << " " << upscaler << " " << i;
      }
    }
  }
  EXPECT_EQ(picture(joined(init, {"--hires", "2:latent:0.5"}), "pix2pix").width, 128);
  expect_refused(joined(init, {"--hires", "2"}), 2, "take latent as the hires upscaler", "pix2pix");
  expect_refused({"--hires", "2:latnet"}, 1, "expected lanczos, latent, latent-nearest or the file");
  expect_refused({"--hires", "2:latent:1.5"}, 2, "hires strength 1.5: expected 0 to 1");
}

TEST_F(Joining, ASingleFileIsTheModelOfItsFolder) {
  const Image folder = picture({});
  for (const char* name : {"single/sd1.safetensors", "single/sd1.ckpt"}) {
    EXPECT_EQ(picture({"-m", fixture(name), "--config", fixture("models/sd1")}).rgb, folder.rgb) << name;
  }
}

TEST_F(Joining, OptionsThatNeedAnotherOneSaySo) {
  expect_refused({"--strength", "0.5"}, 2, "--strength needs --init");
  expect_refused({"--mask", file("mask.png")}, 2, "--mask needs --init");
  expect_refused({"--init", file("start.png"), "--mask-blur", "4"}, 2, "--mask-blur needs --mask");
  expect_refused({"--init", file("start.png"), "--only-masked", "4"}, 2, "--only-masked needs --mask");
  expect_refused({"--annotator", "canny"}, 2, "--annotator needs --control");
  expect_refused({"--guess-mode"}, 2, "--guess-mode needs --control");
  expect_refused({"--refiner-start", "0.5"}, 2, "--refiner-start needs --refiner");
  expect_refused({"--variation-seed", "5"}, 2, "--variation-seed needs --variation-strength");
  expect_refused({"--grid", "steps=1,2", "--batch", "2"}, 2, "--grid");
}

TEST_F(Joining, FilesThatDoNotServeAreRefused) {
  const std::string control = fixture("models/controlnet-sd1") + "=" + file("start.png");
  files_.write("damaged.png", read_text(files_ / "start.png").substr(0, 200));
  expect_refused({"--init", file("damaged.png")}, 1, "damaged PNG");
  expect_refused({"--init", file("none.png")}, 1, "none.png");
  expect_refused({"--init", file("start.png"), "--strength", "0.2"}, 2, "none of 2 steps runs");
  expect_refused({"--lora", fixture("loras/lora-sdxl.safetensors")}, 1, "made for");
  expect_refused({"--lora", file("none.safetensors")}, 1, "none.safetensors");
  expect_refused({"--lora-mode", "both"}, 2, "neither merge nor apply");
  expect_refused({"--control", fixture("models/controlnet-sdxl") + "=" + file("start.png")}, 1, "another family");
  expect_refused({"--control", control, "--annotator", "cany"}, 2, "canny and none");
  expect_refused({"--deepcache", "0"}, 2, "deepcache");
}

}  // namespace
}  // namespace sumi::test
