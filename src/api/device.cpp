#include "api/device.h"

#include <charconv>
#include <optional>

#include "backend/cpu/cpu.h"
#include "backend/cuda/cuda.h"
#include "backend/ref/host.h"
#include "core/threads.h"
#include "ops/operations.h"
#include "sumi/program.h"

namespace sumi {
namespace {

/// The number of "cuda" or "cuda:NUMBER"; nothing for other names.
std::optional<int> cuda_ordinal(const std::string& name) {
  constexpr std::string_view cuda = "cuda";
  if (name == cuda) return 0;
  int ordinal = 0;
  if (!name.starts_with("cuda:")) return {};
  const char* end = name.data() + name.size();
  const auto [last, error] = std::from_chars(name.data() + cuda.size() + 1, end, ordinal);
  check(error == std::errc() && last == end, ErrorCode::usage, "device '{}': expected cuda:NUMBER, as cuda:0", name);
  return ordinal;
}

std::unique_ptr<Backend> make_backend(const std::string& name, bool tf32, std::size_t memory) {
  const std::vector<std::string> known{"cpu", "cuda", "ref"};
  if (const auto ordinal = cuda_ordinal(name)) {
    return make_cuda_backend({.ordinal = *ordinal, .tf32 = tf32, .memory = memory});
  }
  check(memory == 0 || (name != "cpu" && name != "ref"), ErrorCode::usage,
        "device memory of {} bytes: limits a GPU's, and device {} has none; leave it out, or take device cuda", memory,
        name);
  check(!tf32, ErrorCode::usage, "dtype tf32: is for device cuda, not {}; take f32", name);
  if (name == "cpu") return make_cpu_backend();
  if (name == "ref") return make_ref_backend();
  fail(ErrorCode::usage, "device '{}' is not known{}; there are cpu, cuda and ref", name, did_you_mean(name, known));
}

DType choose_type(const std::string& name, const Backend& backend, std::vector<std::string>& notes) {
  const std::vector<std::string> known{"auto", "f32", "tf32", "bf16", "f16", "int8", "fp8"};
  const DType preferred = backend.preferred_type();
  if (name == "auto" || name == "int8" || name == "fp8") return preferred;
  if (name == "f32" || name == "tf32") return DType::f32;
  if (name == "bf16") {
    if (preferred != DType::bf16 && backend.name() == "cpu") {
      notes.emplace_back(
          "bf16 was asked for, but this processor has no bf16 arithmetic: f32 is faster, bf16 takes less memory");
    }
    return DType::bf16;
  }
  if (name == "f16") {
    if (preferred == DType::f16) return preferred;
    notes.push_back(fmt::format("f16 is a storage type here: computing in {}", name_of(preferred)));
    return preferred;
  }
  fail(ErrorCode::usage, "dtype '{}' is not known{}; there are auto, f32, tf32, bf16, f16, int8 and fp8", name,
       did_you_mean(name, known));
}

/// Of a rounding, what linears need for it.
std::string_view needs_of(Rounding rounding) {
  return rounding == Rounding::int8 ? "device cpu with AVX2 or NEON" : "device cuda of compute capability 9.0 or later";
}

Rounding choose_rounding(const std::string& name, const Backend& backend, std::vector<std::string>& notes) {
  const Rounding rounding = name == "int8" ? Rounding::int8 : name == "fp8" ? Rounding::fp8 : Rounding::none;
  if (rounding == Rounding::none || backend.name() == "ref") return rounding;
  const Gain gain = backend.gain(rounding);
  check(gain != Gain::none, ErrorCode::unsupported, "dtype {}: needs {}; take {} here", name, needs_of(rounding),
        name_of(backend.preferred_type()));
  if (gain == Gain::memory) {
    notes.emplace_back(
        "int8 was asked for, but this processor has no AVX-512 VNNI: it takes less memory, not less time");
  }
  return rounding;
}

}  // namespace

Device make_device(const EngineOptions& options) {
  check(options.threads >= 0 && options.threads <= 1024, ErrorCode::usage,
        "threads {}: expected 0 (one per core) to 1024", options.threads);
  set_threads(options.threads);
  Device device{.backend = make_backend(options.device, options.dtype == "tf32", options.device_memory),
                .tf32 = options.dtype == "tf32"};
  device.type = choose_type(options.dtype, *device.backend, device.notes);
  device.rounding = choose_rounding(options.dtype, *device.backend, device.notes);
  for (const std::string& name : options.disable) device.backend->operations().disable(name);
  return device;
}

}  // namespace sumi
