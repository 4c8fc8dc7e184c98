#include <array>
#include <cstring>
#include <numeric>

#include <gtest/gtest.h>

#include "backend/cuda/cuda.h"
#include "core/check.h"
#include "ops/elementwise.h"
#include "ops/norm.h"
#include "support/gpu.h"

namespace sumi::test {
namespace {

class CudaBackend : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!has_gpu()) GTEST_SKIP() << "needs an NVIDIA GPU";
    backend_ = make_cuda_backend();
  }

  std::vector<std::byte> bytes(std::size_t count) {
    std::vector<std::byte> made(count);
    for (std::size_t i = 0; i < count; ++i) made[i] = static_cast<std::byte>(i * 7 + i / 251);
    return made;
  }
  std::vector<std::byte> downloaded(const std::byte* from, std::size_t count) {
    std::vector<std::byte> found(count);
    backend_->download(from, found);
    return found;
  }

  std::unique_ptr<Backend> backend_;
};

// As kernel parameters, in several of them, and by way of pinned memory; downloads in parts.
TEST_F(CudaBackend, BytesGoThereAndBack) {
  for (const std::size_t count :
       {0u, 1u, 4u, 3968u, 3972u, 4u * 3968u, 4u * 3968u + 4u, 70001u, 4u << 20, (9u << 20) + 5u}) {
    const Buffer memory = backend_->allocate(count);
    const auto sent = bytes(count);
    backend_->upload(sent, memory.get());
    EXPECT_EQ(downloaded(memory.get(), count), sent) << count;
    backend_->fill(memory.get(), count, [&](std::byte* to) { std::fill_n(to, count, std::byte{3}); });
    EXPECT_EQ(downloaded(memory.get(), count), std::vector(count, std::byte{3})) << count;
  }
}

// Each of many fills is done with its pinned memory before that is lent again.
TEST_F(CudaBackend, FillsDoNotOvertakeEachOther) {
  constexpr std::size_t count = 100000;
  std::vector<Buffer> buffers;
  for (int i = 0; i < 9; ++i) {
    buffers.push_back(backend_->allocate(count));
    backend_->fill(buffers.back().get(), count, [&](std::byte* to) { std::fill_n(to, count, std::byte(i)); });
  }
  for (int i = 0; i < 9; ++i) EXPECT_EQ(downloaded(buffers[i].get(), count), std::vector(count, std::byte(i)));
}

TEST_F(CudaBackend, MoreMemoryThanThereIsIsAnErrorAndNothingElse) {
  try {
    backend_->allocate(std::size_t{1} << 50);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::out_of_memory) << error.what();
    EXPECT_NE(std::string(error.what()).find("smaller picture"), std::string::npos) << error.what();
  }
  const Buffer memory = backend_->allocate(16);
  const auto sent = bytes(16);
  backend_->upload(sent, memory.get());
  EXPECT_EQ(downloaded(memory.get(), 16), sent);
}

/// An arena on the device with a context.
class CudaOps : public CudaBackend {
 protected:
  void SetUp() override {
    CudaBackend::SetUp();
    if (!backend_) return;
    arena_.emplace(backend_->allocate(capacity), capacity);
    ctx_.emplace(Context{.backend = *backend_, .arena = *arena_});
  }

  static constexpr std::size_t capacity = std::size_t{1} << 20;
  std::optional<Arena> arena_;
  std::optional<Context> ctx_;
};

TEST_F(CudaOps, ARecordingDoesNothingUntilReplayedAndThenReadsWhatThereIs) {
  ASSERT_TRUE(backend_->records());
  const Tensor x = ctx_->upload(std::vector<float>{1, 2, 3, 4, 5}, {5});
  const Tensor y = ctx_->upload(std::vector<float>{0, 0, 0, 0, 0}, {5});
  const auto work = [&] { combine(*ctx_, std::array{Term{2, x}, Term{1, y}}, {.into = y}); };
  const auto recording = backend_->record(work);
  EXPECT_EQ(ctx_->download(y), (std::vector<float>{0, 0, 0, 0, 0}));
  recording->replay();
  EXPECT_EQ(ctx_->download(y), (std::vector<float>{2, 4, 6, 8, 10}));
  const std::array others{10.f, 0.f, 0.f, 0.f, 1.f};
  backend_->upload(std::as_bytes(std::span(others)), x.raw());
  for (int i = 0; i < 5; ++i) recording->replay();
  EXPECT_EQ(ctx_->download(y), (std::vector<float>{102, 4, 6, 8, 20}));
}

TEST_F(CudaOps, SmallUploadsArePartOfARecording) {
  const Tensor y = ctx_->upload(std::vector<float>{0, 0}, {2});
  const auto recording = backend_->record([&] {
    const Tensor term = ctx_->upload(std::vector<float>{3, 4}, {2});
    combine(*ctx_, std::array{Term{1, term}, Term{1, y}}, {.into = y});
  });
  recording->replay();
  recording->replay();
  EXPECT_EQ(ctx_->download(y), (std::vector<float>{6, 8}));
}

TEST_F(CudaOps, AnErrorInARecordingLeavesTheDeviceUsable) {
  const Tensor x = ctx_->upload(std::vector<float>{1, 2}, {2});
  EXPECT_THROW(backend_->record([&] {
    activate(*ctx_, x, Activation::silu);
    fail(ErrorCode::cancelled, "stopped on request");
  }),
               Error);
  EXPECT_EQ(ctx_->download(combine(*ctx_, std::array{Term{3, x}})), (std::vector<float>{3, 6}));
}

TEST_F(CudaOps, WaitsForWorkBeforeMemoryOfVectorsAndWeightsChanges) {
  std::vector<float> values(1000);
  std::iota(values.begin(), values.end(), 1.f);
  const Vector ones(std::vector<float>(1000, 1)), zeros(std::vector<float>(1000, 0));
  const Tensor x = ctx_->upload(values, {1, 1000});
  const auto normed = ctx_->download(layer_norm(*ctx_, x, ones, zeros, 1e-5));
  EXPECT_NEAR(std::accumulate(normed.begin(), normed.end(), 0.0), 0, 1e-2);
  EXPECT_NEAR(normed.front(), -(999 / 2.0) / std::sqrt((1000.0 * 1000 - 1) / 12), 1e-4);
}

TEST(CudaOptions, ADeviceThatIsNotThereIsOneClearError) {
  try {
    make_cuda_backend({.ordinal = 999});
    FAIL();
  } catch (const Error& error) {
    EXPECT_TRUE(std::string(error.what()).starts_with("device 'cuda")) << error.what();
  }
}

TEST(CudaOptions, TheDoctorTellsOfDriverDevicesAndLibraries) {
  const auto rows = describe_cuda();
  ASSERT_FALSE(rows.empty());
  for (const auto& [name, value] : rows) EXPECT_FALSE(value.empty()) << name;
}

}  // namespace
}  // namespace sumi::test
