// A model run over many chunks of text one block at a time, so that only one block's weights and statistics need memory at once.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "base/memory.h"
#include "model/forward.h"

namespace thimble {

class BlockWalk {
 public:
  // chunks: [count][chunk_tokens] token ids, each chunk a text of its own. The references must outlive it.
  BlockWalk(const Model& model, const Kernels& kernels, Team& team, std::span<const TokenId> chunks,
            size_t chunk_tokens);

  size_t chunk_count() const { return residual_.size() / chunk_floats(); }
  size_t chunk_tokens() const { return chunk_tokens_; }
  const Model& model() const { return context_.model; }

  // Takes every chunk's residual through one block; the probe, where there is one, sees what its products read.
  // False where `go_on` said so between two chunks.
  using GoOn = std::function<bool()>;
  bool run_block(uint32_t block, InputProbe* probe, const GoOn& go_on);

  // The residual of all chunks, [chunks][chunk_tokens][embedding_length].
  std::span<float> residual() { return residual_; }

  // Logits after the last block for rows [from, chunk_tokens) of one chunk, a few at a time: sink(row, logits).
  using LogitSink = std::function<void(size_t row, std::span<const float> logits)>;
  void logits(size_t chunk, size_t from, InputProbe* probe, const LogitSink& sink);

 private:
  size_t chunk_floats() const { return chunk_tokens_ * context_.model.hyper().embedding_length; }

  size_t chunk_tokens_;
  Workspace workspace_;
  ForwardContext context_;
  Buffer cache_;
  std::vector<KvBlock> blocks_;
  std::vector<float> residual_;
};

}  // namespace thimble
