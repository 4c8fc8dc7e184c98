#pragma once

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "reference/cases.h"

namespace sumi::test {

/// Every case that the reference wrote down, those that depend on the device, of these the pictures, and of these the
/// ones with LoRAs.
std::vector<std::string> all_cases();
std::vector<std::string> device_cases();
std::vector<std::string> pipeline_cases();
std::vector<std::string> lora_cases();

Errors run(const Fixture& fixture, const Device& device);

/// Within the tolerances that the fixtures' authors give for float32.
void expect_float32(const std::string& name, const Device& device);
/// Within three times what the plain operations lose in the device's type.
void expect_narrow(const std::string& name, const Device& device);

/// The same under a limit of device memory as without, bit for bit as far as the errors show.
void expect_same_within_limits(const std::string& name, const Device& device);

/// Of a case, with letters and digits alone.
std::string test_name(const testing::TestParamInfo<std::string>& each);

}  // namespace sumi::test
