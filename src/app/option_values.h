// The texts of option values, turned into numbers. Each throws Error(usage) saying what was expected and what was
// found; the caller adds the name of the option.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace thimble {

int64_t parse_integer(std::string_view text, int64_t least, int64_t most);
double parse_real(std::string_view text, double least, double most);
// 1, true, on, yes, enabled and their opposites, in any case.
bool parse_bool(std::string_view text);
// "1500000000", "1500MB", "2GB" (powers of 1000), "1.5GiB", "512M" (powers of 1024); at least one byte.
uint64_t parse_size(std::string_view text);
// "5" or "0,512,4096": whole numbers from 0 to `most`.
std::vector<size_t> parse_counts(std::string_view text, int64_t most);
// "1,2,3", blanks allowed; at least one. Whether a model has such tokens is not checked.
std::vector<TokenId> parse_token_ids(std::string_view text);

}  // namespace thimble
