// Base 64 with padding, RFC 4648 section 4.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace thimble {

std::string encode_base64(std::string_view bytes);
// nullopt for what is no such text; white space is none.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace thimble
