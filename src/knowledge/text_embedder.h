// Texts of any length to vectors of length 1, with an encoder that is loaded.
#pragma once

#include <functional>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "engine/embedder.h"
#include "engine/language_model.h"
#include "knowledge/knowledge_base.h"

namespace thimble {

// Any number of threads; one at a time gets on.
class TextEmbedder {
 public:
  // The references must outlive it; options as embedding_options() makes them.
  TextEmbedder(const LanguageModel& language_model, const Kernels& kernels, Team& team, const SessionOptions& options);

  size_t width() const { return embedder_.width(); }
  // Name, width and SHA-256 of the model's files.
  EmbeddingIdentity identity() const;
  // [texts][width()]. What is longer than the model's context is cut there; a text without tokens gives zeros. `progress`
  // as Embedder has it.
  std::vector<float> embed(std::span<const std::string> texts, const Embedder::Progress& progress = {});
  // The same of texts that are tokens already. Throws as Embedder has it for one that is longer than the context.
  std::vector<float> embed_tokens(std::span<const std::vector<TokenId>> texts, const Embedder::Progress& progress = {});
  size_t context_length() const { return embedder_.context_length(); }

 private:
  std::vector<TokenId> tokens_of(const std::string& text) const;
  const LanguageModel& language_model_;
  std::mutex mutex_;
  Embedder embedder_;
};

}  // namespace thimble
