#include <algorithm>

#include "emulator/stream.h"

struct CUgraph_st {
  std::shared_ptr<const std::vector<std::function<void()>>> items;
};
struct CUgraphExec_st {
  std::shared_ptr<const std::vector<std::function<void()>>> items;
  std::shared_ptr<int> launches = std::make_shared<int>();  ///< shared with those in queues
};

using namespace cuda_on_host;

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
  return call([&](Runtime& runtime) {
    if (!runtime.knows(stream)) return cudaErrorInvalidResourceHandle;
    if (!stream) return cudaErrorStreamCaptureUnsupported;
    if (stream->capture) return cudaErrorInvalidValue;
    stream->capture = std::make_shared<Capture>(Capture{.origin = stream, .mode = mode});
    stream->capture->streams.push_back(stream);
    runtime.captures.push_back(stream->capture);
    return cudaSuccess;
  });
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  return call([&](Runtime& runtime) {
    *graph = nullptr;
    if (!stream || !runtime.knows(stream)) return cudaErrorInvalidResourceHandle;
    const std::shared_ptr<Capture> capture = stream->capture;
    if (!capture) return cudaErrorInvalidValue;
    if (capture->origin != stream) {
      capture->invalid = true;
      return cudaErrorStreamCaptureUnmatched;
    }
    if (capture->mode != cudaStreamCaptureModeRelaxed && capture->thread != std::this_thread::get_id()) {
      return cudaErrorStreamCaptureWrongThread;
    }
    stream->joined = true;
    const bool joined =
        std::all_of(capture->streams.begin(), capture->streams.end(), [](const auto* each) { return each->joined; });
    for (CUstream_st* each : capture->streams) {
      each->capture.reset();
      each->captured = 0;
      each->joined = true;
    }
    std::erase(runtime.captures, capture);
    if (capture->invalid) return cudaErrorStreamCaptureInvalidated;
    if (!joined) return cudaErrorStreamCaptureUnjoined;
    *graph = new CUgraph_st{std::make_shared<const std::vector<std::function<void()>>>(std::move(capture->items))};
    return cudaSuccess;
  });
}

cudaError_t cudaStreamIsCapturing(cudaStream_t handle, cudaStreamCaptureStatus* status) {
  return call([&](Runtime& runtime) {
    if (!runtime.knows(handle)) return cudaErrorInvalidResourceHandle;
    const auto& capture = runtime.stream(handle).capture;
    *status = !capture           ? cudaStreamCaptureStatusNone
              : capture->invalid ? cudaStreamCaptureStatusInvalidated
                                 : cudaStreamCaptureStatusActive;
    return cudaSuccess;
  });
}

cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t* nodes, std::size_t* count) {
  return call([&](Runtime&) {
    if (!graph) return cudaErrorInvalidValue;
    *count = graph->items->size();
    return nodes ? cudaErrorNotSupported : cudaSuccess;
  });
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  return call([&](Runtime&) {
    if (!graph) return cudaErrorInvalidValue;
    delete graph;
    return cudaSuccess;
  });
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long) {
  return call_outside_capture([&](Runtime&) {
    if (!graph) return cudaErrorInvalidValue;
    *executable = new CUgraphExec_st{.items = graph->items};
    return cudaSuccess;
  });
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  return call([&](Runtime& runtime) {
    if (!executable || !runtime.knows(stream)) return cudaErrorInvalidValue;
    return runtime.add(runtime.stream(stream), {.run = [items = executable->items, launch = executable->launches] {
                         for (const auto& each : *items) each();
                       }});
  });
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  return call([&](Runtime& runtime) {
    if (!executable) return cudaErrorInvalidValue;
    if (executable->launches.use_count() > 1) {
      runtime.report(cudaErrorInvalidValue, "a graph was destroyed while its launch was queued");
    }
    delete executable;
    return cudaSuccess;
  });
}
