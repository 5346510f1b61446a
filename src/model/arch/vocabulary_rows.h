// What families share of their vocabularies' rules.
#pragma once

#include <array>

#include "model/vocabulary_rules.h"

namespace thimble {

// Those of Llama and of what follows it. 32016 tokens are CodeLlama's, 49152 those of Granite's and SmolLM's small models.
inline constexpr std::array kLlamaVocabulary{
    VocabularyValue{"eot_token_id", 32010u, 32016},
    VocabularyValue{"add_bos_token", false, 49152},
};

inline constexpr std::array kGemmaVocabulary{VocabularyValue{"add_space_prefix", false}};

}  // namespace thimble
