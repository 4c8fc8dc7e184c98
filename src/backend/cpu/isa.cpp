#include "backend/cpu/isa.h"

#include "backend/cpu/onednn.h"

namespace sumi {

Isa usable_isa() {
  static const Isa usable = [] {
    const Isa cap = isa_cap(), found = processor_isa();
    onednn::cap_isa(cap);
    // Tiles need the system's leave, which oneDNN asks for; only oneDNN uses them.
    return cap == Isa::amx && found == Isa::avx512bf16 && onednn::uses_amx() ? Isa::amx : found;
  }();
  return usable;
}

}  // namespace sumi
