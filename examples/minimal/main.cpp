// Makes one picture with the model that comes with Sumi: minimal [PROMPT]
#include <cstdio>
#include <sumi/engine.h>

int main(int argc, char** argv) try {
  sumi::Engine engine({});
  const auto tell = [](const sumi::Progress& progress) {
    if (progress.phase == sumi::Progress::Phase::denoise) std::printf("step %d of %d\n", progress.step, progress.steps);
  };
  const sumi::Request request{.prompt = argc > 1 ? argv[1] : "a red apple, 3d", .seed = 7};
  const sumi::Result result = engine.generate(request, {.progress = tell});
  sumi::write_image("picture.png", result.pictures.front().image);
  std::printf("picture.png, %.2f steps a second\n", result.report.steps_per_second);
} catch (const sumi::Error& error) {
  std::fprintf(stderr, "minimal: %s\n", error.what());
  return 1;
}
