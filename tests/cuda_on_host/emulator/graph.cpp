#include <algorithm>
#include <numeric>

#include "emulator/stream.h"

namespace {

/// The steps of each stream, the one first that the capture began with.
using Branches = std::vector<std::vector<cuda_on_host::Step>>;

std::size_t branch_of(const cuda_on_host::Capture& capture, const CUstream_st* stream) {
  return static_cast<std::size_t>(std::find(capture.streams.begin(), capture.streams.end(), stream) -
                                  capture.streams.begin());
}

}  // namespace

struct CUgraph_st {
  std::shared_ptr<const Branches> branches;
  std::vector<const CUstream_st*> streams;
};
struct CUgraphExec_st {
  std::shared_ptr<const Branches> branches;
  std::vector<const CUstream_st*> streams;
  std::shared_ptr<int> launches = std::make_shared<int>();  ///< shared with those in queues
};

namespace {

/// A launch of a graph under way.
class Run {
 public:
  Run(const Branches& branches, const std::vector<const CUstream_st*>& streams)
      : branches_(branches), streams_(streams), done_(branches.size()) {}

  void all() {
    std::vector<std::size_t> order(branches_.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    if (cuda_on_host::newest_stream_first()) std::reverse(order.begin(), order.end());
    for (const std::size_t branch : order) to(branch, branches_[branch].size());
  }

 private:
  void to(std::size_t branch, std::size_t position) {
    while (done_[branch] < position) {
      const cuda_on_host::Step& step = branches_[branch][done_[branch]];
      if (step.run) step.run();
      if (step.waits_for) {
        const auto at = std::find(streams_.begin(), streams_.end(), step.waits_for) - streams_.begin();
        to(static_cast<std::size_t>(at), step.position);
      }
      ++done_[branch];
    }
  }

  const Branches& branches_;
  const std::vector<const CUstream_st*>& streams_;
  std::vector<std::size_t> done_;  ///< steps of each branch
};

}  // namespace

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
    Branches branches(capture->streams.size());
    for (Step& step : capture->steps) branches[branch_of(*capture, step.stream)].push_back(std::move(step));
    *graph = new CUgraph_st{std::make_shared<const Branches>(std::move(branches)),
                            {capture->streams.begin(), capture->streams.end()}};
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
    *count = 0;
    for (const auto& branch : *graph->branches) {
      *count += static_cast<std::size_t>(
          std::count_if(branch.begin(), branch.end(), [](const Step& step) { return step.run != nullptr; }));
    }
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
    *executable = new CUgraphExec_st{.branches = graph->branches, .streams = graph->streams};
    return cudaSuccess;
  });
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  return call([&](Runtime& runtime) {
    if (!executable || !runtime.knows(stream)) return cudaErrorInvalidValue;
    return runtime.add(runtime.stream(stream),
                       {.run = [branches = executable->branches, streams = executable->streams,
                                launch = executable->launches] { Run(*branches, streams).all(); }});
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
