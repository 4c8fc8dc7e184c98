#include "api/safety.h"

#include <algorithm>
#include <filesystem>

#include "api/device.h"
#include "core/json.h"
#include "hub/find.h"
#include "image/resize.h"
#include "pipelines/model.h"
#include "pipelines/parts.h"
#include "weights/folder.h"

namespace sumi {
namespace {

namespace fs = std::filesystem;

std::shared_ptr<const SafetyChecker> build(const Settings& config, const CheckpointPtr& weights) {
  const Loader loader(weights);
  auto checker = std::make_shared<SafetyChecker>(SafetyCheckerConfig::from(config), loader);
  loader.finish();
  return checker;
}

/// Of a few pixels across: shapes are gone.
Image blurred(const Image& picture) {
  constexpr int kPixels = 8;
  return resize(resize(picture, kPixels, kPixels, Filter::bilinear), picture.width, picture.height, Filter::bilinear);
}

}  // namespace

void SafetyGuard::open(const EngineOptions& options) {
  if (checker_) return;
  if (!options.safety_checker.empty()) {
    const fs::path folder = options.safety_checker, config = folder / "config.json";
    checker_ = build(Settings(read_json(config), config.string()), open_checkpoint(weight_file(folder).string()));
    return;
  }
  const auto files = open_model(choice_of(options));
  const auto weighted = files->weighted();
  check(std::find(weighted.begin(), weighted.end(), "safety_checker") != weighted.end(), ErrorCode::unsupported,
        "{}: comes without a safety checker; name one's folder with --safety-checker", files->name());
  checker_ = build(files->config("safety_checker"), files->weights("safety_checker"));
}

bool SafetyGuard::guard(Session& session, Safety safety, Image& picture) const {
  const auto side = static_cast<int>(checker_->config().side);
  const Image seen = resize_to_square(picture, side, Filter::bicubic);
  std::vector<SafetyChecker::Verdict> verdicts;
  const auto body = [&](Context& ctx) { verdicts = (*checker_)(ctx, seen.rgb); };
  session.run(body);
  if (!verdicts.front().unfit) return false;
  check(safety != Safety::refuse, ErrorCode::unsupported,
        "the safety checker holds this picture unfit to be shown; another seed or prompt may do");
  picture.rgb = blurred(picture).rgb;
  return true;
}

}  // namespace sumi
