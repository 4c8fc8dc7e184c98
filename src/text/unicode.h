#pragma once

#include <string>
#include <string_view>

#include "sumi/error.h"

namespace sumi {

/// The code points of UTF-8 text. Error(code) naming `where` and the first byte that is wrong.
std::u32string decode_utf8(std::string_view text, ErrorCode code, std::string_view where);
void append_utf8(char32_t point, std::string& out);

/// Canonical composition (NFC), in time n log n whatever the text.
std::u32string compose(std::u32string_view text);

/// Unicode's White_Space, and the general categories L and N.
bool is_space(char32_t point);
bool is_letter(char32_t point);
bool is_number(char32_t point);

/// Appends the lower case of one code point, of which one (U+0130) has two.
void append_lower(char32_t point, std::u32string& out);

}  // namespace sumi
