// The kinds of vocabulary that checkpoints and GGUF files both have.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace thimble {

enum class VocabularyKind : uint8_t { byte_level, sentence_piece, word_piece, unigram };

// By VocabularyKind: tokenizer.ggml.model.
inline constexpr std::array<std::string_view, 4> kVocabularyModels = {"gpt2", "llama", "bert", "t5"};

constexpr std::string_view model_of(VocabularyKind kind) { return kVocabularyModels[static_cast<size_t>(kind)]; }

constexpr std::optional<VocabularyKind> find_vocabulary_kind(std::string_view model) {
  const auto found = std::ranges::find(kVocabularyModels, model);
  if (found == kVocabularyModels.end()) return std::nullopt;
  return static_cast<VocabularyKind>(found - kVocabularyModels.begin());
}

}  // namespace thimble
