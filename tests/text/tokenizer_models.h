// The models and vocabularies that the tokenizer's tests use where they are at hand.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include "support/real_models.h"

namespace thimble::test {

inline constexpr const char* kRealModels[] = {"smollm2-135m", "qwen2.5-coder-0.5b", "gemma-3-270m"};
// Whose tokens spell any text as it was.
inline constexpr const char* kVocabularies[] = {
    "ggml-vocab-command-r", "ggml-vocab-deepseek-coder", "ggml-vocab-deepseek-llm", "ggml-vocab-falcon",
    "ggml-vocab-gemma-4",   "ggml-vocab-gpt-2",          "ggml-vocab-llama-bpe",    "ggml-vocab-llama-spm",
    "ggml-vocab-mpt",       "ggml-vocab-phi-3",          "ggml-vocab-qwen2",        "ggml-vocab-qwen35",
    "ggml-vocab-refact",    "ggml-vocab-starcoder"};

// Small ones that tests/oracle/trained_vocabularies.py trained.
inline constexpr const char* kTrained[] = {"word-piece-uncased", "word-piece-cased", "word-piece-accents",
                                           "unigram-rules",      "unigram-spaces",   "unigram-merged",
                                           "unigram-identity"};

inline bool is_trained(std::string_view name) {
  return name.starts_with("word-piece-") || name.starts_with("unigram-");
}

// The path of a real model, of a small trained vocabulary, or of llama.cpp's test vocabulary <name>.gguf in the folder that THIMBLE_VOCABS names;
// empty where it is not at hand.
inline std::string find_model_or_vocabulary(std::string_view name) {
  if (is_trained(name)) return std::string(THIMBLE_TEST_DATA) + "/tokenizer/" + std::string(name) + ".gguf";
  if (!name.starts_with("ggml-vocab-")) return real_model(name);
  const char* folder = std::getenv("THIMBLE_VOCABS");
  if (folder == nullptr) return {};
  const std::filesystem::path file = std::filesystem::path(folder) / (std::string(name) + ".gguf");
  return std::filesystem::exists(file) ? file.string() : std::string();
}

}  // namespace thimble::test
