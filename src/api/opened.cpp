#include "api/opened.h"

#include "core/threads.h"

namespace sumi {

Opened::Opened(const EngineOptions& chosen)
    : options(chosen),
      device(make_device(chosen)),
      model(load_model(choice_of(chosen))),
      session(*device.backend, device.type, device.rounding) {}

void Opened::run(const Session::Body& body) {
  set_threads(options.threads);
  session.run(body);
}

}  // namespace sumi
