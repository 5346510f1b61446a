// The models and vocabularies that the tokenizer's tests use where they are at hand.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include "support/real_models.h"

namespace thimble::test {

inline constexpr const char* kRealModels[] = {"smollm2-135m", "qwen2.5-coder-0.5b", "gemma-3-270m"};
inline constexpr const char* kVocabularies[] = {"ggml-vocab-llama-bpe", "ggml-vocab-llama-spm", "ggml-vocab-qwen2",
                                                "ggml-vocab-gpt-2", "ggml-vocab-phi-3"};

// The path of a real model, or of llama.cpp's test vocabulary <name>.gguf in the folder that THIMBLE_VOCABS names;
// empty where it is not at hand.
inline std::string find_model_or_vocabulary(std::string_view name) {
  if (!name.starts_with("ggml-vocab-")) return real_model(name);
  const char* folder = std::getenv("THIMBLE_VOCABS");
  if (folder == nullptr) return {};
  const std::filesystem::path file = std::filesystem::path(folder) / (std::string(name) + ".gguf");
  return std::filesystem::exists(file) ? file.string() : std::string();
}

}  // namespace thimble::test
