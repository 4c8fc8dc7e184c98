#include "backend/cuda/libraries.h"

// NVIDIA's libraries compute on NVIDIA's devices alone.
namespace sumi::cuda {

void add_libraries(Operations&, const Device&) {}

std::vector<std::pair<std::string, std::string>> describe_libraries() { return {}; }

}  // namespace sumi::cuda
