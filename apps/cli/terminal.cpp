#include "terminal.h"

#include <cerrno>
#include <sys/ioctl.h>
#include <system_error>
#include <unistd.h>

#include "sumi/error.h"

namespace sumi::cli {
namespace {

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

}  // namespace

void print(std::FILE* to, std::string_view text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), to) == text.size() && std::fflush(to) == 0;
  if (written || to != stdout) return;
  throw Error(ErrorCode::io, "standard output: " + std::generic_category().message(errno));
}

std::string printable(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (is_control(c) && c != '\n') c = ' ';
  }
  return out;
}

std::string one_line(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (is_control(c)) c = ' ';
  }
  return out;
}

bool is_terminal(std::FILE* file) { return ::isatty(::fileno(file)) == 1; }

int columns_of(std::FILE* file) {
  winsize size{};
  return ::ioctl(::fileno(file), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace sumi::cli
