// The kinds of vocabulary that a checkpoint may have, each as what a GGUF file holds of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compress/checkpoint_files.h"
#include "compress/checkpoint_tokens.h"
#include "compress/special_token_ids.h"
#include "compress/vocabulary_kind.h"
#include "model/vocabulary_rules.h"

namespace thimble {

struct CollectedVocabulary {
  VocabularyKind kind;
  std::string_view pre_tokenizer;  // tokenizer.ggml.pre
  CheckpointTokens tokens;
  std::vector<std::string> merges;       // of gpt2
  std::optional<bool> add_space_prefix;  // what the definition says, where it is not what readers take for granted
  std::optional<bool> remove_extra_whitespaces;
  bool adds_bos = false;          // of Unigram, where no file says it
  std::optional<bool> lowercase;  // where no tokenizer.json says it
  std::string precompiled_charsmap;
  std::span<const RoleText> roles = {};  // which token has which where no file says it
  bool has_scores() const { return kind == VocabularyKind::sentence_piece || kind == VocabularyKind::unigram; }
};

// As write_vocabulary (checkpoint_vocabulary.h) says; the tokens keep their Hugging Face texts in WordPiece, whose GGUF form is made
// when all roles are known. `vocabulary_size`, `pre_tokenizer`: the same. Throws Error(bad_file) or Error(usage).
CollectedVocabulary collect_vocabulary(const CheckpointFiles& files, const VocabularyRules& rules,
                                       uint32_t vocabulary_size, std::string_view pre_tokenizer);

// Throws Error(bad_file) naming `path` and the merge for one that is not "left right", both and the two together being tokens.
void check_merges(const std::vector<std::string>& merges, const CheckpointTokens& tokens, const std::string& path);

// WordPiece as llama.cpp writes it: U+2581 before what begins a word, nothing before what continues one.
void mark_word_beginnings(CheckpointTokens& tokens);

}  // namespace thimble
