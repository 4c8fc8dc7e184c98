#include "backend/cuda/recording.h"

#include <array>

#include "backend/cuda/event.h"

namespace sumi::cuda {
namespace {

struct DestroyGraph {
  void operator()(cudaGraph_t graph) const { cudaGraphDestroy(graph); }
};
using Graph = std::unique_ptr<std::remove_pointer_t<cudaGraph_t>, DestroyGraph>;

struct DestroyExecutable {
  void operator()(cudaGraphExec_t executable) const { cudaGraphExecDestroy(executable); }
};
using Executable = std::unique_ptr<std::remove_pointer_t<cudaGraphExec_t>, DestroyExecutable>;

class GraphRecording final : public Recording {
 public:
  GraphRecording(const Device& device, cudaGraph_t graph) : device_(device) {
    cudaGraphExec_t executable = nullptr;
    check_cuda(cudaGraphInstantiate(&executable, graph, 0), "graph of a step");
    executable_.reset(executable);
  }

  void replay() override {
    device_.use();
    Event& done = done_[turn_++ % done_.size()];
    done.wait();
    check_cuda(cudaGraphLaunch(executable_.get(), device_.stream()), "launch of a step");
    done.record(device_.stream());
  }

 private:
  const Device& device_;
  Executable executable_;
  std::array<Event, 2> done_;  // waits as it goes: the graph is destroyed after its work
  std::size_t turn_ = 0;
};

}  // namespace

std::unique_ptr<Recording> record(const Device& device, const std::function<void()>& body) {
  device.use();
  // Only calls of this thread could disturb it.
  check_cuda(cudaStreamBeginCapture(device.stream(), cudaStreamCaptureModeThreadLocal), "capture of a step");
  cudaGraph_t captured = nullptr;
  try {
    body();
  } catch (...) {
    cudaStreamEndCapture(device.stream(), &captured);
    cudaGetLastError();
    const Graph discarded(captured);
    throw;
  }
  const cudaError_t status = cudaStreamEndCapture(device.stream(), &captured);
  const Graph graph(captured);
  check_cuda(status, "capture of a step");
  return std::make_unique<GraphRecording>(device, graph.get());
}

}  // namespace sumi::cuda
