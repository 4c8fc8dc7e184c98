#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include "core/dtype.h"
#include "ops/rounding.h"

namespace sumi {

class Operations;

/// Memory of a backend; host code may touch it only where `Backend::host` says so.
using Buffer = std::shared_ptr<std::byte>;

/// Bytes of packed weights that a backend holds or, after a dry run, will hold.
class Booking {
 public:
  Booking(std::shared_ptr<std::atomic<std::size_t>> total, std::size_t bytes)
      : total_(std::move(total)), bytes_(bytes) {
    *total_ += bytes_;
  }
  Booking(const Booking&) = delete;
  Booking& operator=(const Booking&) = delete;
  ~Booking() { *total_ -= bytes_; }
  std::size_t bytes() const { return bytes_; }

 private:
  std::shared_ptr<std::atomic<std::size_t>> total_;
  std::size_t bytes_;
};

/// Work that a backend has recorded: the same calls on the same memory.
class Recording {
 public:
  virtual ~Recording() = default;
  virtual void replay() = 0;
  /// Whether weights are where they were when it was recorded; else it must not be replayed.
  virtual bool current() const { return true; }
};

/// How much a run needs what a weight holds on the device, where not all has room there.
enum class Need { once, often, always };

/// Memory of a packed weight on the device, where it may come to as it is needed.
class WeightMemory {
 public:
  virtual ~WeightMemory() = default;
  /// A dry run asks for it, in the order in which the run will.
  virtual void foresee(Need) {}
  /// All its bytes, which `write` is to write into memory of the host that this lends.
  virtual void fill(const std::function<void(std::byte*)>& write) = 0;
  /// Where it lies for the work that is queued next, and for that alone.
  virtual const std::byte* here() = 0;
};

/// What of a backend's weights the host's memory holds.
struct Offload {
  std::size_t weights = 0;  ///< bytes that go to the device as they are needed
  std::size_t room = 0;     ///< bytes of the device's memory that they go through
};

/// What linears gain by rounding their factors.
enum class Gain { none, memory, speed };

/// A device and its ways to compute. Work may be queued: calls return before it is done, and those that give the host
/// values wait for it.
class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string_view name() const = 0;
  /// True where nothing runs: shapes, bytes and FLOPs only.
  virtual bool dry() const { return false; }
  /// True where weights are packed when an op first needs them, else only booked.
  virtual bool packs() const { return !dry(); }
  /// True where host code may read and write the backend's memory.
  virtual bool host() const = 0;
  virtual Operations& operations() = 0;
  /// Aligned to Arena::alignment; contents undefined. Error(out_of_memory).
  virtual Buffer allocate(std::size_t bytes) = 0;
  virtual void upload(std::span<const std::byte> from, std::byte* to) = 0;
  virtual void download(const std::byte* from, std::span<std::byte> to) = 0;
  /// Uploads `bytes` bytes that `write` is to write into memory of the host, which this lends.
  virtual void fill(std::byte* to, std::size_t bytes, const std::function<void(std::byte*)>& write) = 0;
  /// Whether there is room for a weight of so many bytes to be held twice, so that changes of it that are products are
  /// added on the device.
  virtual bool merges(std::size_t) const { return false; }
  /// Memory for a packed weight, not taken before it is filled. May outlive the backend.
  virtual std::unique_ptr<WeightMemory> hold(std::size_t bytes);
  /// Decides, after a dry run and before weights are packed, which of them stay on the device, beside `bytes` bytes
  /// that the run is yet to allocate. Error(out_of_memory) where a limit leaves too little, with the least that does.
  virtual void make_room(std::size_t) {}
  virtual Offload offload() const { return {}; }
  /// Waits for all work.
  virtual void finish() {}
  /// Whether repeating a recording takes less time than making the same calls again.
  virtual bool records() const { return false; }
  /// Keeps the work that `body` calls for, none of which is done before the recording is replayed. The body has run
  /// before: it packs no weights, chooses no implementations, and neither uploads more than a few values nor downloads.
  /// It may be called twice.
  virtual std::unique_ptr<Recording> record(const std::function<void()>& body);
  /// The type to compute in when the user leaves it open.
  virtual DType preferred_type() const = 0;
  /// The type to compute in where values outgrow float16.
  virtual DType wide_type() const { return DType::f32; }
  /// What rounded linears gain here; none where they have no kernels of their own.
  virtual Gain gain(Rounding) const { return Gain::none; }
  /// Multiplications and additions of a type that the device could do in a second, in 10^9; 0 where that is not known.
  virtual double peak_gflops(DType) const { return 0; }
  /// Memory of the device's own that is in use, and stays so after its peak; 0 where it computes in the host's.
  virtual std::size_t device_bytes() const { return 0; }
  /// The bookings of all weights on this device.
  virtual const std::shared_ptr<std::atomic<std::size_t>>& booked() const = 0;
};

}  // namespace sumi
