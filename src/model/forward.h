// One generic forward pass for every family, a function of weights, workspace, cache and tokens.
#pragma once

#include <cstddef>
#include <span>

#include "base/team.h"
#include "kernels/kernels.h"
#include "model/model.h"
#include "model/tape.h"
#include "model/workspace.h"
#include "text/tokenizer.h"

namespace thimble {

// The key-value cache of one block: for each kv head a run of K tiles and a run of V rows (kernels.h, AttentionTask).
struct KvBlock {
  std::byte* k = nullptr;
  std::byte* v = nullptr;
  size_t k_head_stride = 0;  // bytes from kv head to kv head
  size_t v_head_stride = 0;
  size_t capacity = 0;  // slots, a multiple of 16
};

struct KvView {
  std::span<const KvBlock> blocks;
  NumberType k_type = NumberType::F16;
  NumberType v_type = NumberType::F16;
  size_t rotation_k = 0;  // Hadamard length for Q and K, 0: none
  size_t rotation_v = 0;  // Hadamard length for V, undone on attention's output, 0: none
};

// Sees what the products of a pass read, as floats before they become activation records: for statistics of a model's inputs.
// `reader` is attn_q for what the three projections of attention read, attn_output, ffn_up for what gate and up read, ffn_down,
// and output for the head (of block block_count, rows counted from the first of the call).
class InputProbe {
 public:
  virtual ~InputProbe() = default;
  // One token's values: once a token, on any worker, in any order. Must not throw.
  virtual void see(Worker& worker, uint32_t block, Role reader, size_t token, std::span<const float> values) = 0;
  // After every token of the pass has been seen: called by all workers, which may share work out and meet at barriers.
  virtual void finish(Worker& worker, uint32_t block, Role reader, size_t tokens) = 0;
};

// What a pass runs on. All references outlive the calls.
struct ForwardContext {
  const Model& model;
  const Kernels& kernels;
  Team& team;
  Workspace& workspace;
  InputProbe* probe = nullptr;
  const Tape* tape = nullptr;  // with a workspace for training
};

// The tokens of one text within a batch: [begin, end), at positions first_position.. and in cache slots first_slot.. Texts see
// nothing of each other. A text that goes on one in the cache has its slots at its positions; texts that are whole have slots from
// a multiple of kSequenceAlignment on, so that what becomes of one does not depend on its company.
struct Sequence {
  size_t begin = 0;
  size_t end = 0;
  size_t first_position = 0;
  size_t first_slot = 0;
  const KvView* cache = nullptr;  // of its own, where texts do not share the pass's; alike in types and rotation
};
inline constexpr size_t kSequenceAlignment = 64;
constexpr size_t aligned_slots(size_t tokens) {
  return (tokens + kSequenceAlignment - 1) / kSequenceAlignment * kSequenceAlignment;
}

// Runs tokens (1..batch_tokens, each below vocabulary_size) through all blocks, adding their keys and values to the cache. The
// residual stream [tokens][embedding_length] is left in the workspace. Of a model with attention in both directions a sequence
// is whole. The positions are below context_length where these are learned.
void forward(const ForwardContext& context, const KvView& cache, std::span<const TokenId> tokens,
             std::span<const Sequence> sequences);
// Its two parts, for those who run the blocks one at a time: the tokens' rows of the residual (and what else depends on
// positions alone) into the workspace; and blocks [first, end) on the rows of the residual that lie there.
void embed_tokens(const ForwardContext& context, std::span<const TokenId> tokens, std::span<const Sequence> sequences);
void forward_blocks(const ForwardContext& context, const KvView& cache, size_t tokens,
                    std::span<const Sequence> sequences, uint32_t first, uint32_t end);
// The same for tokens that follow those at positions 0..first_position - 1.
void forward(const ForwardContext& context, const KvView& cache, std::span<const TokenId> tokens,
             size_t first_position);

// Logits of tokens (1..logit_rows) of the last pass, by their numbers there: [tokens][vocabulary_size], valid until the next call.
// Throws Error(bad_file) where one is not finite. Only for a model with a head.
std::span<const float> compute_logits(const ForwardContext& context, std::span<const size_t> tokens);
// The same of `count` tokens from token `first` on.
std::span<const float> compute_logits(const ForwardContext& context, size_t first, size_t count);

// One vector for each sequence (at most WorkspaceOptions::sequences) of the last pass, pooled as `pooling` says and taken through
// the family's dense layers: [sequences][embedding_length], not normalised, valid until the next call. Throws Error(bad_file)
// where a value is not finite.
std::span<const float> compute_embeddings(const ForwardContext& context, std::span<const Sequence> sequences,
                                          Pooling pooling);

}  // namespace thimble
