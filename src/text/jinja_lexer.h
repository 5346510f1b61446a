// Jinja source to tokens, as jinja2's lexer does with trim_blocks and lstrip_blocks on and keep_trailing_newline off,
// the settings that published chat templates are written for.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace thimble::jinja {

enum class TokenType {
  data,            // text between tags
  variable_begin,  // {{
  variable_end,    // }}
  block_begin,     // {%
  block_end,       // %}
  name,
  string,
  integer,
  real,
  symbol,  // an operator or bracket
  end,
};

struct Token {
  TokenType type;
  size_t offset;     // into the source
  std::string text;  // data, name, decoded string, or symbol
  int64_t integer = 0;
  double real = 0;
};

// Line breaks become \n and one at the very end is dropped.
std::string normalize_newlines(std::string_view source);

// `source` is valid UTF-8 with normalized newlines. The last token is `end`. Throws Fault with the offset.
std::vector<Token> tokenize(std::string_view source);

}  // namespace thimble::jinja
