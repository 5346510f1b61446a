// Texts to vectors: each text runs through the model whole, several in one pass, and its tokens become one vector.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "base/memory.h"
#include "base/team.h"
#include "engine/session_options.h"
#include "kernels/kernels.h"
#include "model/forward.h"
#include "model/model.h"
#include "model/workspace.h"
#include "text/tokenizer.h"

namespace thimble {

// Texts that are embedded at once.
inline constexpr size_t kEmbeddedAtOnce = 16;

// The model's own way to one vector. Throws Error(usage) naming --pooling where it has none, or one that gives no vector.
Pooling pooling_of(const Model& model);

// A session's options for embedding: a text is in one batch, which is as long as the context.
SessionOptions embedding_options(const Model& model, SessionOptions options);

class Embedder {
 public:
  // Allocates everything it will use. The references must outlive it; options as embedding_options() makes them.
  Embedder(const Model& model, const Kernels& kernels, Team& team, const SessionOptions& options, Pooling pooling);

  size_t width() const { return context_.model.hyper().embedding_length; }
  size_t context_length() const { return options_.kv.context_length; }

  // Called between passes with the number of texts done; returning false stops the work there.
  using Progress = std::function<bool(size_t done)>;

  // One vector a text, [texts][width()]. A text's vector does not depend on the others. Throws Error(usage) naming the text for one
  // without tokens, with more than context_length(), or with an id out of range.
  std::vector<float> embed(std::span<const std::vector<TokenId>> texts, const Progress& progress = {});

  // Keys and values of one block: they are not needed after it.
  static uint64_t cache_bytes(const Model& model, const SessionOptions& options);

 private:
  void check(std::span<const std::vector<TokenId>> texts) const;
  size_t take_texts(std::span<const std::vector<TokenId>> texts);

  SessionOptions options_;
  Pooling pooling_;
  Buffer cache_;
  std::vector<KvBlock> blocks_;
  Workspace workspace_;
  ForwardContext context_;
  std::vector<TokenId> tokens_;  // of the next pass
  std::vector<Sequence> sequences_;
};

// To length 1; a vector of zeros stays.
void normalise(std::span<float> vector);

}  // namespace thimble
