// The pre-tokenizers of byte-level tokenizer.json files: which value of tokenizer.ggml.pre does what a definition says, and the
// definition of each.
#pragma once

#include <nlohmann/json.hpp>

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "compress/tokenizer_definition.h"

namespace thimble {

// What a tokenizer.json does to text before it merges, one step a line, in a form of its own where several spellings come to the
// same: "split PATTERN" cuts text into the matches and what is between them; a normalizer or anything that is not known is its JSON.
// NFC is left out: no key of a GGUF file says so, and composed text, which nearly all is, stays as it is.
std::vector<std::string> canonical_steps(const TokenizerDefinition& definition);

// The name, of those that share the definition the first of `preferred`. Throws Error(bad_file) naming the file and the steps where
// none does that.
std::string_view recognize_pre_tokenizer(const TokenizerDefinition& definition,
                                         std::span<const std::string_view> preferred);

// The patterns, for Split, that do what the name says; the last step is always ByteLevel without a pattern of its own. Where the
// model's own definition is not known: those that Thimble uses.
std::vector<std::string> patterns_of_pre_tokenizer(std::string_view name);

}  // namespace thimble
