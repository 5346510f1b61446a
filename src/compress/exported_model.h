// The parts of a tokenizer.json that make ids of text: normalizer, pre-tokenizer, model and decoder, for each kind of GGUF vocabulary.
#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>
#include <vector>

#include "compress/vocabulary_kind.h"
#include "format/gguf.h"
#include "text/tokenizer.h"

namespace thimble {

struct ExportedVocabulary {
  VocabularyKind kind;
  std::vector<std::string> texts;  // as Hugging Face's library has them
  std::vector<TokenType> types;    // as readers take them
};

// Throws Error(bad_file) for a kind that Hugging Face's library does not have, or a text that is no UTF-8, which JSON cannot hold.
ExportedVocabulary exported_vocabulary(const Gguf& gguf, const Tokenizer& tokenizer);

// Sets "normalizer", "pre_tokenizer", "decoder" and "model" of `tree`. Throws Error(bad_file).
void add_model(const Gguf& gguf, const ExportedVocabulary& vocabulary, nlohmann::ordered_json& tree);

}  // namespace thimble
