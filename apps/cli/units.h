#pragma once

#include <cstddef>
#include <string>

namespace sumi::cli {

std::string bytes_text(std::size_t bytes);  ///< "1.72 GB", of 10^9 bytes
std::string count_text(double count);       ///< "859.5 M"
std::string seconds_text(double seconds);   ///< "0.12 ms", "1.25 s", "12 min 5 s"
std::string rate_text(double per_second);   ///< "3.42 steps/s", or "4.10 s/step" below one

}  // namespace sumi::cli
