#include "model/forward.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <numeric>
#include <vector>

#include "base/error.h"
#include "model/head.h"
#include "model/low_rank.h"
#include "model/pass.h"
#include "model/products.h"

namespace thimble {
namespace {

void add_row(const ForwardContext& context, Role table, size_t row, float* sum) {
  if (!context.model.matrix(table)) return;
  float* values = context.workspace.branch;
  context.model.table_row(table, row, values);
  context.kernels.add(values, context.model.hyper().embedding_length, sum);
}

void embed(const ForwardContext& context, std::span<const TokenId> tokens, const Sequence& sequence) {
  const Model& model = context.model;
  const Hyperparameters& h = model.hyper();
  const std::span<std::byte> staging(reinterpret_cast<std::byte*>(context.workspace.row(0)),
                                     context.workspace.layout().row);
  for (size_t i = sequence.begin; i < sequence.end; ++i) {
    float* row = context.workspace.residual + i * h.embedding_length;
    model.embedding_row(static_cast<uint32_t>(tokens[i]), staging, row);
    for (const LowRank& update : model.embedding_updates()) {
      add_embedding_update(context.kernels, context.workspace, update, static_cast<uint32_t>(tokens[i]), row);
    }
    if (h.embedding_scale != 0) context.kernels.scale(h.embedding_scale, h.embedding_length, row);
    add_row(context, Role::token_types, 0, row);
    add_row(context, Role::position_embd, sequence.first_position + i - sequence.begin, row);
    if (const float* weight = model.vector(Role::token_embd_norm)) {
      apply_norm(model, context.kernels, row, weight, model.vector(Role::token_embd_norm_bias), h.embedding_length,
                 row);
    }
  }
}

void fill_rope(const ForwardContext& context, const Sequence& sequence) {
  if (context.model.spec().block.rope_pairs == RopePairs::none) return;
  Workspace& space = context.workspace;
  const size_t width = context.model.hyper().rope_dimension_count;
  for (size_t i = sequence.begin; i < sequence.end; ++i) {
    const size_t position = sequence.first_position + i - sequence.begin;
    space.rope_tables().fill(position, false, space.rope + i * width);
    if (space.rope_window != space.rope) space.rope_tables().fill(position, true, space.rope_window + i * width);
  }
}

// The first value that is not finite, as its index; the size where all are.
size_t find_not_finite(std::span<const float> values) {
  // The largest magnitude as bits: no branch a value, and infinities and NaNs are above all numbers.
  uint32_t largest = 0;
  for (float value : values) largest = std::max(largest, std::bit_cast<uint32_t>(value) & 0x7fffffffu);
  if (largest < 0x7f800000u) return values.size();
  const auto bad = std::ranges::find_if(values, [](float value) { return !std::isfinite(value); });
  return static_cast<size_t>(bad - values.begin());
}

void require_finite(std::span<const float> logits, const Model& model) {
  const size_t bad = find_not_finite(logits);
  if (bad == logits.size()) return;
  model.check_tensors();  // to name the tensor; nothing is lost by being slow here
  fail(ExitCode::bad_file, "{}: the logit of token {} is not finite, though every weight is: they do not make a model",
       model.gguf().path(), bad % model.hyper().vocabulary_size);
}

void pool(const ForwardContext& context, const Sequence& sequence, Pooling pooling, float* staging, float* out) {
  const size_t width = context.model.hyper().embedding_length;
  if (pooling != Pooling::mean) {
    return final_norm(context, pooling == Pooling::last ? sequence.end - 1 : sequence.begin, out);
  }
  std::fill_n(out, width, 0.0f);
  for (size_t token = sequence.begin; token < sequence.end; ++token) {
    final_norm(context, token, staging);
    context.kernels.add(staging, width, out);
  }
  context.kernels.scale(1.0f / static_cast<float>(sequence.end - sequence.begin), width, out);
}

// y[row] = weight . x[row]; x: [rows][columns], y: [rows][weight.rows].
void run_dense(const ForwardContext& context, Worker& worker, const Weight& weight, const float* x, size_t rows,
               float* y) {
  worker.for_each_piece(rows, 1, [&](size_t i, size_t) {
    make_records(context.kernels, context.workspace, record_types({&weight}), i, x + i * weight.columns,
                 weight.columns);
  });
  const Product products[] = {{&weight, y}};
  run_products(worker, context.kernels, context.workspace, products, rows);
}

}  // namespace

void forward(const ForwardContext& context, const KvView& cache, std::span<const TokenId> tokens,
             std::span<const Sequence> sequences) {
  embed_tokens(context, tokens, sequences);
  forward_blocks(context, cache, tokens.size(), sequences, 0, context.model.hyper().block_count);
}

void embed_tokens(const ForwardContext& context, std::span<const TokenId> tokens, std::span<const Sequence> sequences) {
  assert(!tokens.empty() && tokens.size() <= context.workspace.layout().options.batch_tokens);
  for (const Sequence& sequence : sequences) {
    embed(context, tokens, sequence);
    fill_rope(context, sequence);
  }
}

void forward_blocks(const ForwardContext& context, const KvView& cache, size_t tokens,
                    std::span<const Sequence> sequences, uint32_t first, uint32_t end) {
  assert(first < end && end <= context.model.hyper().block_count);
  assert(cache.blocks.size() == context.model.hyper().block_count);
  const Pass pass(context, cache, tokens, sequences);
  context.team.run([&](Worker& worker) { pass.run(worker, first, end); });
}

void forward(const ForwardContext& context, const KvView& cache, std::span<const TokenId> tokens,
             size_t first_position) {
  const Sequence sequence = {0, tokens.size(), first_position, first_position};
  forward(context, cache, tokens, {&sequence, 1});
}

std::span<const float> compute_logits(const ForwardContext& context, size_t first, size_t count) {
  std::vector<size_t> tokens(count);
  std::iota(tokens.begin(), tokens.end(), first);
  return compute_logits(context, tokens);
}

std::span<const float> compute_logits(const ForwardContext& context, std::span<const size_t> tokens) {
  const Model& model = context.model;
  Workspace& space = context.workspace;
  const Hyperparameters& h = model.hyper();
  const size_t count = tokens.size();
  assert(model.has_head() && count >= 1 && count <= space.layout().options.logit_rows);
  const Weight& head = model.head();
  context.team.run([&](Worker& worker) {
    worker.for_each_piece(count, 1, [&](size_t i, size_t) {
      float* row = space.row(worker.index());
      final_norm(context, tokens[i], row);
      if (context.probe != nullptr)
        context.probe->see(worker, h.block_count, Role::output, i, {row, h.embedding_length});
      make_records(context.kernels, space, record_types({&head}), i, row, h.embedding_length);
    });
    if (context.probe != nullptr) context.probe->finish(worker, h.block_count, Role::output, count);
    const Product products[] = {{&head, space.logits}};
    run_products(worker, context.kernels, space, products, count);
  });
  const std::span<float> logits(space.logits, count * h.vocabulary_size);
  finish_logits(context, logits);
  require_finite(logits, model);
  return logits;
}

std::span<const float> compute_embeddings(const ForwardContext& context, std::span<const Sequence> sequences,
                                          Pooling pooling) {
  const Model& model = context.model;
  Workspace& space = context.workspace;
  const size_t width = model.hyper().embedding_length, rows = sequences.size();
  assert(rows >= 1 && rows <= space.layout().options.sequences);
  context.team.run([&](Worker& worker) {
    worker.for_each_piece(rows, 1, [&](size_t i, size_t) {
      pool(context, sequences[i], pooling, space.row(worker.index()), space.pooled + i * width);
    });
    if (const Weight& dense = model.matrix(Role::dense_2))
      run_dense(context, worker, dense, space.pooled, rows, space.dense);
    if (const Weight& dense = model.matrix(Role::dense_3))
      run_dense(context, worker, dense, space.dense, rows, space.pooled);
  });
  const std::span<const float> vectors(space.pooled, rows * width);
  if (const size_t bad = find_not_finite(vectors); bad != vectors.size()) {
    model.check_tensors();
    fail(ExitCode::bad_file,
         "{}: value {} of an embedding is not finite, though every weight is: they do not make a model",
         model.gguf().path(), bad % width);
  }
  return vectors;
}

}  // namespace thimble
