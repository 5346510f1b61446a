// tokenizer.json, as Hugging Face's `tokenizers` writes it: what its model, normalizer, pre-tokenizer and post-processor are stays
// a tree; vocabulary, merges and added tokens are read and checked.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace thimble {

struct AddedToken {
  uint64_t id;
  std::string text;
  bool special = false;
};

struct BaseToken {
  uint64_t id;
  std::string text;
  float score = 0;  // of Unigram
};

struct TokenizerDefinition {
  std::string path;
  nlohmann::json tree;  // without model.vocab and model.merges
  std::string model;    // BPE, WordPiece, Unigram, or whatever the file says
  std::vector<BaseToken> tokens;
  std::vector<std::string> merges;  // "left right"; a space inside of either is U+0120, as llama.cpp writes it
  std::vector<AddedToken> added;

  const nlohmann::json& part(std::string_view key) const;  // null where it is missing
  // Byte-level: its pre-tokenizer or decoder says so.
  bool is_byte_level() const;
};

// The parts of a Sequence (of normalizers, pre-tokenizers or processors, under `key`), in order, nested ones taken apart; the
// value itself where it is none, nothing where it is null.
std::vector<const nlohmann::json*> parts_of_sequence(const nlohmann::json& value, std::string_view key);

// Throws Error(bad_file) naming the file and the fault: no such JSON, more than 2^24 tokens or merges, entries of another kind
// than they should be. An id may be anything below 2^32 here.
TokenizerDefinition read_tokenizer_definition(const std::string& path);

// An entry of `added_tokens`, or of tokenizer_config.json's added_tokens_decoder. Throws Error(bad_file) naming `path`.
AddedToken parse_added_token(const nlohmann::json& entry, std::optional<uint64_t> id, const std::string& path);

}  // namespace thimble
