#include "core/json.h"

#include "core/settings.h"
#include "fuzz.h"

namespace sumi {
namespace {

using fuzz::may_fail;

/// Reads one key as every type a configuration may have.
void read_key(const Settings& settings, const char* key) {
  may_fail([&] {
    const auto n = settings.integer(key, 5, -10, 1000);
    fuzz::expect(n >= -10 && n <= 1000);
  });
  may_fail([&] { settings.optional_integer(key, 0, INT64_MAX); });
  may_fail([&] {
    const double number = settings.number(key, 0.5);
    fuzz::expect(number - number == 0);
  });
  may_fail([&] { settings.flag(key, true); });
  may_fail([&] { settings.text(key, "none"); });
  may_fail([&] { fuzz::expect(settings.integers(key, 1, 4, 0, 1 << 20).size() == 4); });
  may_fail([&] { settings.texts(key); });
  may_fail([&] { Settings inner(settings.at(key), settings.where() + ": " + key); });
}

void read_configuration(std::string_view text) {
  const Settings settings(parse_json(text, "config.json"), "config.json");
  for (const auto& [key, value] : settings.json().items()) read_key(settings, key.c_str());
}

}  // namespace
}  // namespace sumi

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sumi::fuzz::may_fail([&] { sumi::read_configuration(sumi::fuzz::text_of(data, size)); });
  return 0;
}
