#include "core/trace.h"

#include <thread>

#include <gtest/gtest.h>

#include "core/json.h"
#include "support/scratch.h"

namespace sumi::test {
namespace {

TEST(Trace, RecordsNestedSpans) {
  Trace trace;
  {
    const Trace::Span outer(&trace, "phase", "denoise");
    for (int i = 0; i < 2; ++i) {
      const Trace::Span inner(&trace, "step", std::string("step ") + std::to_string(i));
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }
  const auto& events = trace.events();
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[0].name, "denoise");
  EXPECT_EQ(events[1].name, "step 0");
  EXPECT_EQ(events[2].name, "step 1");
  const auto end = [](const Trace::Event& event) { return event.start + event.seconds; };
  for (const std::size_t i : {1, 2}) {
    EXPECT_GE(events[i].seconds, 0.002);
    EXPECT_GE(events[i].start, events[0].start);
    EXPECT_LE(end(events[i]), end(events[0]) + 1e-9);
  }
  EXPECT_LE(end(events[1]), events[2].start + 1e-9);
}

TEST(Trace, DoesNothingWithoutATrace) {
  Trace::Span span(nullptr, "op", "linear");
  span.detail("1x1 -> 1", "ref", 2);
}

TEST(Trace, WritesWhatViewersRead) {
  const ScratchFolder folder;
  Trace trace;
  {
    const Trace::Span layer(&trace, "layer", "down \"0\"\n");
    Trace::Span op(&trace, "op", "linear");
    op.detail("2x3 -> 4 f32", "onednn", 3e9);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  trace.write(folder / "trace.json");
  const Json file = read_json(folder / "trace.json");
  ASSERT_EQ(file["traceEvents"].size(), 2u);
  const Json &layer = file["traceEvents"][0], &op = file["traceEvents"][1];
  EXPECT_EQ(layer["ph"], "X");
  EXPECT_EQ(layer["cat"], "layer");
  EXPECT_EQ(layer["name"], "down \"0\"\n");
  EXPECT_FALSE(layer.contains("args"));
  EXPECT_EQ(op["args"]["shapes"], "2x3 -> 4 f32");
  EXPECT_EQ(op["args"]["implementation"], "onednn");
  EXPECT_EQ(op["args"]["gflop"], 3.0);
  EXPECT_NEAR(op["dur"].get<double>(), trace.events()[1].seconds * 1e6, 1e-3);
  EXPECT_NEAR(op["args"]["gflop_per_s"].get<double>() * trace.events()[1].seconds, 3, 1e-6);
  EXPECT_LE(layer["ts"].get<double>(), op["ts"].get<double>());
}

TEST(Trace, SaysWhereItCannotWrite) {
  const ScratchFolder folder;
  expect_error(ErrorCode::io, "missing/trace.json", [&] { Trace().write(folder / "missing/trace.json"); });
}

}  // namespace
}  // namespace sumi::test
