#include "status_line.h"

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

#include "terminal.h"

namespace sumi::cli {

void StatusLine::draw(std::string text) {
  const auto columns = static_cast<std::size_t>(columns_of(stderr));
  if (text.size() >= columns) text.resize(columns - 1);  // a line that wraps could not be drawn over
  print(stderr, "\r\x1b[K" + text);
  drawn_ = true;
}

void StatusLine::clear() {
  if (drawn_) print(stderr, "\r\x1b[K");
  drawn_ = false;
}

std::string with_bar(const std::string& begin, double share, const std::string& end) {
  const int room = columns_of(stderr) - static_cast<int>(begin.size() + end.size()) - 5;
  if (room < 5) return begin + " " + end;
  const int width = std::min(room, 40), done = static_cast<int>(width * std::clamp(share, 0.0, 1.0));
  return fmt::format("{} [{:=<{}}{:<{}}] {}", begin, "", done, "", width - done, end);
}

}  // namespace sumi::cli
