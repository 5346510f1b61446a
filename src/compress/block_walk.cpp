#include "compress/block_walk.h"

#include <algorithm>
#include <cassert>

namespace thimble {
namespace {

constexpr size_t kLogitRows = 16;

// Of one kv head.
size_t head_bytes(const Model& model, size_t chunk_tokens) {
  return row_bytes(NumberType::F32, model.hyper().key_length) * aligned_slots(chunk_tokens);
}

}  // namespace

BlockWalk::BlockWalk(const Model& model, const Kernels& kernels, Team& team, std::span<const TokenId> chunks,
                     size_t chunk_tokens)
    : chunk_tokens_(chunk_tokens),
      workspace_(model, {chunk_tokens, kLogitRows, team.size(), chunk_tokens, 0, true}),
      context_{model, kernels, team, workspace_},
      cache_(2 * head_bytes(model, chunk_tokens) * model.hyper().head_count_kv, "keys and values") {
  assert(!chunks.empty() && chunks.size() % chunk_tokens == 0);
  // One block runs at a time, and all use the same memory.
  const size_t stride = head_bytes(model, chunk_tokens);
  const KvBlock block = {cache_.data(), cache_.data() + stride * model.hyper().head_count_kv, stride, stride,
                         aligned_slots(chunk_tokens)};
  blocks_.assign(model.hyper().block_count, block);
  residual_.resize(chunks.size() * model.hyper().embedding_length);
  const Sequence sequence = {0, chunk_tokens, 0, 0};
  for (size_t chunk = 0; chunk < chunk_count(); ++chunk) {
    embed_tokens(context_, chunks.subspan(chunk * chunk_tokens, chunk_tokens), {&sequence, 1});
    std::copy_n(workspace_.residual, chunk_floats(), residual_.data() + chunk * chunk_floats());
  }
}

bool BlockWalk::run_block(uint32_t block, InputProbe* probe, const GoOn& go_on) {
  ForwardContext context = context_;
  context.probe = probe;
  const Sequence sequence = {0, chunk_tokens_, 0, 0};
  const KvView view = {blocks_, NumberType::F32, NumberType::F32, 0, 0};
  for (size_t chunk = 0; chunk < chunk_count(); ++chunk) {
    if (go_on && !go_on()) return false;
    float* residual = residual_.data() + chunk * chunk_floats();
    std::copy_n(residual, chunk_floats(), workspace_.residual);
    forward_blocks(context, view, chunk_tokens_, {&sequence, 1}, block, block + 1);
    std::copy_n(workspace_.residual, chunk_floats(), residual);
  }
  context_.model.forget_block(block);
  return true;
}

void BlockWalk::logits(size_t chunk, size_t from, InputProbe* probe, const LogitSink& sink) {
  ForwardContext context = context_;
  context.probe = probe;
  const size_t vocabulary = context_.model.hyper().vocabulary_size;
  std::copy_n(residual_.data() + chunk * chunk_floats(), chunk_floats(), workspace_.residual);
  for (size_t row = from; row < chunk_tokens_; row += kLogitRows) {
    const size_t rows = std::min(kLogitRows, chunk_tokens_ - row);
    const std::span<const float> logits = compute_logits(context, row, rows);
    for (size_t i = 0; i < rows; ++i) sink(row + i, logits.subspan(i * vocabulary, vocabulary));
  }
  context_.model.forget_head();
}

}  // namespace thimble
