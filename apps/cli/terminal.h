#pragma once

#include <cstdio>
#include <string>
#include <string_view>

namespace sumi::cli {

/// Writes all of `text` and flushes. On standard output a failure is Error(io); what standard error cannot take is
/// lost.
void print(std::FILE* to, std::string_view text);

/// Text of files and users for a terminal: control characters but line breaks become blanks.
std::string printable(std::string_view text);
/// The same without line breaks.
std::string one_line(std::string_view text);

bool is_terminal(std::FILE* file);
/// Characters in a line of the terminal; 80 where there is none.
int columns_of(std::FILE* file);

}  // namespace sumi::cli
