#include "model/training_space.h"

#include <algorithm>
#include <utility>

#include "model/backward_attention.h"

namespace thimble {
namespace {

constexpr size_t kLine = 64;
constexpr size_t kHeadBytes = size_t{64} << 20;  // of logits at once

size_t lines(size_t bytes) { return (bytes + kLine - 1) / kLine * kLine; }

// What a block's norms ask of the tape.
struct KeptInputs {
  bool heads, attention_branch, ffn_branch;
  explicit KeptInputs(const Model& model)
      : heads(model.vector(0, Role::attn_q_norm) != nullptr || model.vector(0, Role::attn_k_norm) != nullptr),
        attention_branch(model.vector(0, Role::post_attention_norm) != nullptr),
        ffn_branch(model.vector(0, Role::post_ffw_norm) != nullptr) {}
};

size_t widest_rank(const Model& model) {
  size_t rank = 0;
  for (uint32_t block = 0; block < model.hyper().block_count; ++block) {
    for (size_t role = 0; role < kRoleCount; ++role) {
      size_t sum = 0;
      for (const LowRank& update : model.matrix(block, static_cast<Role>(role)).updates) sum += update.rank();
      rank = std::max(rank, sum);
    }
  }
  return rank;
}

size_t cache_slots(const TrainingOptions& options) {
  return aligned_slots(options.batch_tokens) + options.sequences * kSequenceAlignment;
}

WorkspaceOptions workspace_options(const TrainingLayout& layout) {
  WorkspaceOptions options;
  options.batch_tokens = layout.options.batch_tokens;
  options.logit_rows = layout.head_rows;
  options.workers = layout.options.workers;
  options.context_length = layout.options.context_length;
  options.training = true;
  options.bfloat = layout.options.bfloat;
  return options;
}

}  // namespace

TrainingLayout::TrainingLayout(const Model& model, const TrainingOptions& given) : options(given) {
  const Hyperparameters& h = model.hyper();
  const size_t tokens = options.batch_tokens;
  const auto floats = [&](size_t width) { return lines(tokens * width * sizeof(float)); };
  const size_t logits_row = h.vocabulary_size * sizeof(float);
  head_rows = std::min(tokens, std::max<size_t>(kHeadBytes / logits_row / 8 * 8, 8));
  const size_t slots = cache_slots(options);
  cache = 2 * h.key_width() * slots * sizeof(float);
  inputs = h.block_count * tokens * h.embedding_length * sizeof(float);
  const KeptInputs kept(model);
  tape = 3 * floats(h.embedding_length) + floats(h.feed_forward_length) +
         (kept.heads ? floats(h.query_width()) + floats(h.key_width()) : 0) +
         (kept.attention_branch ? floats(h.embedding_length) : 0) + (kept.ffn_branch ? floats(h.embedding_length) : 0);
  const size_t head_input = lines(head_rows * h.embedding_length * sizeof(float));
  const size_t rope_table = model.spec().block.rope_pairs == RopePairs::none ? 0 : floats(h.rope_dimension_count);
  gradients = (model.spec().block.parallel ? 4 : 3) * floats(h.embedding_length) + 2 * floats(h.feed_forward_length) +
              floats(h.query_width()) + floats(h.key_width()) + floats(h.value_width()) + floats(h.attention_width()) +
              2 * floats(h.query_width()) + 2 * rope_table + 2 * head_input;
  products = lines(ProductScratch::packed_floats(tokens) * sizeof(float)) +
             lines(ProductScratch::inner_floats(tokens, widest_rank(model)) * sizeof(float)) +
             lines(options.workers * ProductScratch::panel_floats() * sizeof(float));
  if (options.bfloat) {
    products += lines(ProductScratch::packed_pairs(tokens) * sizeof(uint32_t)) +
                lines(options.workers * ProductScratch::panel_pairs() * sizeof(uint32_t));
  }
  attention = attention_gradient_bytes(h, tokens);
  losses = lines(tokens * sizeof(double));
  workspace = WorkspaceLayout(model, workspace_options(*this)).total_bytes();
}

size_t TrainingLayout::total_bytes() const {
  return cache + inputs + tape + gradients + products + options.workers * attention + losses + workspace;
}

TrainingSpace::TrainingSpace(const Model& model, const TrainingOptions& options)
    : workspace(model, workspace_options(TrainingLayout(model, options))),
      layout_(model, options),
      width_(model.hyper().embedding_length),
      memory_(layout_.total_bytes() - layout_.workspace, "training") {
  lay_out(model);
}

void TrainingSpace::lay_out(const Model& model) {
  const Hyperparameters& h = model.hyper();
  const size_t tokens = layout_.options.batch_tokens;
  std::byte* next = memory_.data();
  const auto take = [&next](size_t bytes) { return std::exchange(next, next + bytes); };
  const auto floats = [&](size_t count) { return reinterpret_cast<float*>(take(lines(count * sizeof(float)))); };
  const auto rows = [&](size_t width) { return floats(tokens * width); };
  inputs_ = reinterpret_cast<float*>(take(layout_.inputs));
  const size_t head_bytes = cache_slots(layout_.options) * h.key_length * sizeof(float);
  const KvBlock block = {next, next + head_bytes * h.head_count_kv, head_bytes, head_bytes,
                         cache_slots(layout_.options)};
  take(layout_.cache);
  blocks_.assign(h.block_count, block);
  cache_ = {blocks_, NumberType::F32, NumberType::F32, 0, 0};
  const KeptInputs kept(model);
  tape.attention_input = rows(h.embedding_length);
  tape.middle = rows(h.embedding_length);
  tape.ffn_input = rows(h.embedding_length);
  tape.hidden = rows(h.feed_forward_length);
  if (kept.heads) tape.query_input = rows(h.query_width());
  if (kept.heads) tape.key_input = rows(h.key_width());
  if (kept.attention_branch) tape.attention_branch = rows(h.embedding_length);
  if (kept.ffn_branch) tape.ffn_branch = rows(h.embedding_length);
  for (float** gradient : {&d_residual, &d_branch, &d_input}) *gradient = rows(h.embedding_length);
  if (model.spec().block.parallel) d_parallel = rows(h.embedding_length);
  for (float** gradient : {&d_gate, &d_up}) *gradient = rows(h.feed_forward_length);
  for (float** gradient : {&d_query, &d_head_keys, &d_head_values}) *gradient = rows(h.query_width());
  d_key = rows(h.key_width());
  d_value = rows(h.value_width());
  d_attention = rows(h.attention_width());
  const bool has_positions = model.spec().block.rope_pairs != RopePairs::none;
  rope = has_positions ? rows(h.rope_dimension_count) : nullptr;
  rope_window = has_positions ? rows(h.rope_dimension_count) : nullptr;
  head_input = floats(layout_.head_rows * h.embedding_length);
  d_head_input = floats(layout_.head_rows * h.embedding_length);
  products.packed = floats(ProductScratch::packed_floats(tokens));
  products.inner = floats(ProductScratch::inner_floats(tokens, widest_rank(model)));
  products.panels = floats(layout_.options.workers * ProductScratch::panel_floats());
  if (layout_.options.bfloat) {
    products.pairs = reinterpret_cast<uint32_t*>(floats(ProductScratch::packed_pairs(tokens)));
    products.pair_panels = reinterpret_cast<uint32_t*>(floats(layout_.options.workers * ProductScratch::panel_pairs()));
  }
  attention_ = take(layout_.options.workers * layout_.attention);
  losses = reinterpret_cast<double*>(take(layout_.losses));
}

}  // namespace thimble
