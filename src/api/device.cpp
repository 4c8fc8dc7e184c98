#include "api/device.h"

#include "backend/cpu/cpu.h"
#include "backend/ref/host.h"
#include "core/threads.h"
#include "ops/operations.h"
#include "sumi/program.h"

namespace sumi {
namespace {

std::unique_ptr<Backend> make_backend(const std::string& name) {
  const std::vector<std::string> known{"cpu", "ref"};
  if (name == "cpu") return make_cpu_backend();
  if (name == "ref") return make_ref_backend();
  fail(ErrorCode::usage, "device '{}' is not known{}; there are cpu and ref", name, did_you_mean(name, known));
}

DType choose_type(const std::string& name, const Backend& backend, std::vector<std::string>& notes) {
  const std::vector<std::string> known{"auto", "f32", "bf16", "f16", "int8"};
  const DType preferred = backend.preferred_type();
  if (name == "auto" || name == "int8") return preferred;
  if (name == "f32") return DType::f32;
  if (name == "bf16") {
    if (preferred != DType::bf16 && backend.name() == "cpu") {
      notes.emplace_back(
          "bf16 was asked for, but this processor has no bf16 arithmetic: f32 is faster, bf16 takes less memory");
    }
    return DType::bf16;
  }
  if (name == "f16") {
    notes.push_back(fmt::format("f16 is a storage type here: computing in {}", name_of(preferred)));
    return preferred;
  }
  fail(ErrorCode::usage, "dtype '{}' is not known{}; there are auto, f32, bf16, f16 and int8", name,
       did_you_mean(name, known));
}

void check_int8(std::vector<std::string>& notes) {
  const Int8Gain gain = int8_gain();
  check(gain != Int8Gain::none, ErrorCode::unsupported,
        "dtype int8: needs AVX2 or NEON, which this processor or SUMI_ISA lacks; take f32");
  if (gain == Int8Gain::speed) return;
  notes.emplace_back("int8 was asked for, but this processor has no AVX-512 VNNI: it takes less memory, not less time");
}

}  // namespace

Device make_device(const EngineOptions& options) {
  check(options.threads >= 0 && options.threads <= 1024, ErrorCode::usage,
        "threads {}: expected 0 (one per core) to 1024", options.threads);
  set_threads(options.threads);
  Device device{.backend = make_backend(options.device)};
  device.type = choose_type(options.dtype, *device.backend, device.notes);
  device.int8 = options.dtype == "int8";
  if (device.int8 && options.device == "cpu") check_int8(device.notes);
  for (const std::string& name : options.disable) device.backend->operations().disable(name);
  return device;
}

}  // namespace sumi
