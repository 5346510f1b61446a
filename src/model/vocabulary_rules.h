// What a family's checkpoints leave to their converter to know about their vocabulary: values of tokenizer.ggml.* keys as llama.cpp's
// convert_hf_to_gguf.py sets them (its class of each family).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <variant>

namespace thimble {

struct VocabularyValue {
  std::string_view key;                // behind "tokenizer.ggml."
  std::variant<bool, uint32_t> value;  // a number is a token's id, and counts where there is such a token
  uint32_t vocabulary_size = 0;        // only for vocabularies of this many tokens; 0: for all
};

struct VocabularyRules {
  // Of several pre-tokenizers of the same definition, the one that the family's files name.
  std::span<const std::string_view> pre_tokenizers = {};
  // Whatever the files say.
  std::span<const VocabularyValue> values = {};
  // add_prefix_space of tokenizer_config.json becomes add_space_prefix.
  bool config_has_space_prefix = false;
  // Added tokens keep their text as it is, and are control tokens only where they are marked as special.
  bool literal_added_tokens = false;
};

}  // namespace thimble
