// Queued work: streams, events, captures.

#include <gtest/gtest.h>

#include "emulation.h"

namespace sumi::cuda {
namespace {

TEST_F(Emulation, WorkWaitsUntilSomebodyWaitsForIt) {
  int* const y = device(std::vector{1, 2, 3});
  const std::size_t before = cuda_on_host::kernels_run();
  launch(add_one, 1, 32, 0, stream, y, 3);
  EXPECT_EQ(cuda_on_host::kernels_run(), before);
  cudaEvent_t event = nullptr;
  ASSERT_EQ(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), cudaSuccess);
  EXPECT_EQ(cudaEventQuery(event), cudaSuccess) << "never recorded";
  ASSERT_EQ(cudaEventRecord(event, stream), cudaSuccess);
  launch(add_one, 1, 32, 0, stream, y, 3);
  int queries = 1;
  while (cudaEventQuery(event) == cudaErrorNotReady) ++queries;
  EXPECT_EQ(queries, 3) << "the copy, the kernel, the event";
  EXPECT_EQ(cuda_on_host::kernels_run(), before + 1);
  EXPECT_EQ(host(y, 3), (std::vector{3, 4, 5}));
  EXPECT_EQ(cuda_on_host::kernels_run(), before + 2);
  ASSERT_EQ(cudaEventDestroy(event), cudaSuccess);
}

TEST_F(Emulation, PinnedMemoryIsReadWhenTheCopyRuns) {
  void* memory = nullptr;
  ASSERT_EQ(cudaMallocHost(&memory, sizeof(int)), cudaSuccess);
  int& pinned = *static_cast<int*>(memory);
  int pageable = 1;
  pinned = 1;
  int* const y = device<int>(2);
  ASSERT_EQ(cudaMemcpyAsync(y, &pinned, sizeof(int), cudaMemcpyHostToDevice, stream), cudaSuccess);
  ASSERT_EQ(cudaMemcpyAsync(y + 1, &pageable, sizeof(int), cudaMemcpyHostToDevice, stream), cudaSuccess);
  pinned = pageable = 2;
  EXPECT_EQ(host(y, 2), (std::vector{2, 1}));

  ASSERT_EQ(cudaMemcpyAsync(&pinned, y + 1, sizeof(int), cudaMemcpyDeviceToHost, stream), cudaSuccess);
  EXPECT_EQ(pinned, 2);
  EXPECT_EQ(cudaFreeHost(memory), cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaErrorInvalidValue) << "freed too early";
}

TEST_F(Emulation, StreamsWaitForEachOtherByEventsAlone) {
  cudaStream_t other = nullptr;
  cudaEvent_t event = nullptr;
  ASSERT_EQ(cudaStreamCreateWithFlags(&other, cudaStreamNonBlocking), cudaSuccess);
  ASSERT_EQ(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), cudaSuccess);
  int* const y = device(std::vector{1});
  launch(add_one, 1, 32, 0, stream, y, 1);
  const auto seen_by_other = [&] {
    int value = 0;
    EXPECT_EQ(cudaMemcpyAsync(&value, y, sizeof(int), cudaMemcpyDeviceToHost, other), cudaSuccess);
    return value;
  };
  EXPECT_EQ(seen_by_other(), -1) << "as it was allocated";
  ASSERT_EQ(cudaEventRecord(event, stream), cudaSuccess);
  launch(add_one, 1, 32, 0, stream, y, 1);
  ASSERT_EQ(cudaStreamWaitEvent(other, event), cudaSuccess);
  EXPECT_EQ(seen_by_other(), 2);
  EXPECT_EQ(host(y, 1), std::vector{3});
  EXPECT_EQ(cudaEventDestroy(event), cudaSuccess);
  EXPECT_EQ(cudaStreamDestroy(other), cudaSuccess);
}

TEST_F(Emulation, ACaptureRunsNothingUntilItIsLaunched) {
  int* const y = device(std::vector{1, 2, 3});
  int one = 2;
  ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), cudaSuccess);
  launch(add_one, 1, 32, 0, stream, y, one);
  launch(add_one, 1, 32, 0, stream, y, 1);
  one = 0;  // arguments were copied
  cudaGraph_t graph = nullptr;
  ASSERT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
  std::size_t nodes = 0;
  EXPECT_EQ(cudaGraphGetNodes(graph, nullptr, &nodes), cudaSuccess);
  EXPECT_EQ(nodes, 2u);
  cudaGraphExec_t executable = nullptr;
  ASSERT_EQ(cudaGraphInstantiate(&executable, graph, 0), cudaSuccess);
  ASSERT_EQ(cudaGraphDestroy(graph), cudaSuccess);
  EXPECT_EQ(host(y, 3), (std::vector{1, 2, 3}));
  for (int i = 0; i < 2; ++i) ASSERT_EQ(cudaGraphLaunch(executable, stream), cudaSuccess);
  EXPECT_EQ(host(y, 3), (std::vector{5, 4, 3}));

  ASSERT_EQ(cudaGraphLaunch(executable, stream), cudaSuccess);
  ASSERT_EQ(cudaGraphExecDestroy(executable), cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaErrorInvalidValue) << "destroyed while queued";
}

TEST_F(Emulation, WhatACaptureForbidsInvalidatesIt) {
  int pageable = 0;
  int* const y = device<int>(1);
  void* memory = nullptr;
  const std::function<cudaError_t()> forbidden[] = {
      [&] { return cudaMalloc(&memory, 1); },
      [&] { return cudaMallocAsync(&memory, 1, stream); },
      [&] { return cudaMallocHost(&memory, 1); },
      [&] { return cudaStreamSynchronize(stream); },
      [&] { return cudaDeviceSynchronize(); },
      [&] { return cudaMemcpy(y, &pageable, sizeof(int), cudaMemcpyHostToDevice); },
      [&] { return cudaMemcpyAsync(y, &pageable, sizeof(int), cudaMemcpyHostToDevice, stream); },
      [&] { return cudaMemcpyAsync(&pageable, y, sizeof(int), cudaMemcpyDeviceToHost, stream); },
  };
  for (const auto& each : forbidden) {
    ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), cudaSuccess);
    EXPECT_EQ(each(), cudaErrorStreamCaptureUnsupported);
    cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
    EXPECT_EQ(cudaStreamIsCapturing(stream, &status), cudaSuccess);
    EXPECT_EQ(status, cudaStreamCaptureStatusInvalidated);
    EXPECT_THROW(launch(add_one, 1, 32, 0, stream, y, 1), Error);
    cudaGraph_t graph = nullptr;
    EXPECT_EQ(cudaStreamEndCapture(stream, &graph), cudaErrorStreamCaptureInvalidated);
    EXPECT_EQ(graph, nullptr);
  }
}

// Work of streams that no event orders is seen in the one order and in the other, in queues and in graphs.
TEST_F(Emulation, StreamsRunAsLateOrAsEarlyAsTheyMay) {
  cudaStream_t other = nullptr;
  cudaEvent_t event = nullptr;
  ASSERT_EQ(cudaStreamCreateWithFlags(&other, cudaStreamNonBlocking), cudaSuccess);
  ASSERT_EQ(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), cudaSuccess);
  const auto order = [&](cudaStream_t before, cudaStream_t after) {
    EXPECT_EQ(cudaEventRecord(event, before), cudaSuccess);
    EXPECT_EQ(cudaStreamWaitEvent(after, event), cudaSuccess);
  };
  /// What the stream copies while the other changes it.
  const auto copied = [&](bool captured, bool waits) {
    int *const from = device(std::vector{1}), *const to = device(std::vector{0});
    if (captured) {
      EXPECT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), cudaSuccess);
    }
    order(stream, other);
    launch(add_one, 1, 32, 0, other, from, 1);
    if (waits) order(other, stream);
    EXPECT_EQ(cudaMemcpyAsync(to, from, sizeof(int), cudaMemcpyDeviceToDevice, stream), cudaSuccess);
    if (!waits) order(other, stream);
    if (captured) {
      cudaGraph_t graph = nullptr;
      cudaGraphExec_t executable = nullptr;
      EXPECT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
      EXPECT_EQ(cudaGraphInstantiate(&executable, graph, 0), cudaSuccess);
      EXPECT_EQ(cudaGraphLaunch(executable, stream), cudaSuccess);
      EXPECT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
      EXPECT_EQ(cudaGraphExecDestroy(executable), cudaSuccess);
      EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
    }
    return host(to, 1).front();
  };
  for (const bool captured : {false, true}) {
    EXPECT_EQ(copied(captured, false), 1);
    EXPECT_EQ(copied(captured, true), 2);
    setenv("CUDA_ON_HOST_STREAMS", "newest", 1);
    EXPECT_EQ(copied(captured, false), 2);
    EXPECT_EQ(copied(captured, true), 2);
    unsetenv("CUDA_ON_HOST_STREAMS");
  }
  EXPECT_EQ(cudaEventDestroy(event), cudaSuccess);
  EXPECT_EQ(cudaStreamDestroy(other), cudaSuccess);
}

TEST_F(Emulation, ACaptureOfTwoStreamsIsJoined) {
  cudaStream_t other = nullptr;
  cudaEvent_t fork = nullptr, join = nullptr;
  ASSERT_EQ(cudaStreamCreateWithFlags(&other, cudaStreamNonBlocking), cudaSuccess);
  ASSERT_EQ(cudaEventCreateWithFlags(&fork, cudaEventDisableTiming), cudaSuccess);
  ASSERT_EQ(cudaEventCreateWithFlags(&join, cudaEventDisableTiming), cudaSuccess);
  int* const y = device<int>(1);
  for (const bool joined : {true, false}) {
    ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), cudaSuccess);
    EXPECT_EQ(cudaEventRecord(fork, stream), cudaSuccess);
    EXPECT_EQ(cudaStreamWaitEvent(other, fork), cudaSuccess);
    launch(add_one, 1, 32, 0, other, y, 1);
    EXPECT_EQ(cudaEventRecord(join, other), cudaSuccess);
    if (joined) {
      EXPECT_EQ(cudaStreamWaitEvent(stream, join), cudaSuccess);
    }
    cudaGraph_t graph = nullptr;
    EXPECT_EQ(cudaStreamEndCapture(stream, &graph), joined ? cudaSuccess : cudaErrorStreamCaptureUnjoined);
    if (graph) {
      EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
    }
  }
  EXPECT_EQ(cudaEventDestroy(fork), cudaSuccess);
  EXPECT_EQ(cudaEventDestroy(join), cudaSuccess);
  EXPECT_EQ(cudaStreamDestroy(other), cudaSuccess);
}

}  // namespace
}  // namespace sumi::cuda
