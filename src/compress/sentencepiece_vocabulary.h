// Vocabularies of SentencePiece: as its own library stores them (tokenizer.model), and as Hugging Face's does (tokenizer.json).
#pragma once

#include <string_view>

#include "compress/vocabulary_kinds.h"

namespace thimble {

// Whether llama.cpp's converter takes an added token for a control token though it is not marked as special.
bool looks_special(std::string_view text);

// tokenizer.model; added_tokens.json, tokenizer_config.json and, for ids that are still free, tokenizer.json name more tokens.
CollectedVocabulary collect_sentencepiece_model(const CheckpointFiles& files, const VocabularyRules& rules,
                                                uint32_t size);
// BPE with tokens for single bytes. A token's score is the order of its first merge.
CollectedVocabulary collect_sentencepiece_json(const CheckpointFiles& files, const VocabularyRules& rules,
                                               uint32_t size);
CollectedVocabulary collect_unigram_json(const CheckpointFiles& files, uint32_t size);

}  // namespace thimble
