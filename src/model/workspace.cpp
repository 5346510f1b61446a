#include "model/workspace.h"

#include <algorithm>

#include "model/low_rank.h"

namespace thimble {
namespace {

constexpr size_t kLine = 64;

constexpr size_t kPanelBytes = 256 << 10;  // of a weight's rows as floats: in the second-level cache beside activations

size_t lines(size_t bytes) { return (bytes + kLine - 1) / kLine * kLine; }

// The widest input of each activation type, over all matrices of the model.
std::array<size_t, 3> widest_inputs(const Model& model, const WorkspaceOptions& options) {
  std::array<size_t, 3> widest{};
  const auto count = [&](const Weight& weight) {
    if (!weight) return;
    const auto note = [&](ActivationType type) {
      size_t& width = widest[static_cast<size_t>(type)];
      width = std::max<size_t>(width, weight.columns);
    };
    note(activation_type(weight.type));
    if (!weight.updates.empty()) note(ActivationType::f32);
  };
  if (model.has_head()) count(model.head());
  count(model.matrix(Role::dense_2));
  count(model.matrix(Role::dense_3));
  for (uint32_t block = 0; block < model.hyper().block_count; ++block) {
    for (size_t role = 0; role < kRoleCount; ++role) count(model.matrix(block, static_cast<Role>(role)));
  }
  if (options.replaceable) widest.fill(std::ranges::max(widest));
  if (options.training) widest = {std::ranges::max(widest), 0, 0};
  return widest;
}

struct LowRankNeeds {
  size_t token_bytes = 0;  // of all inner products of a block, the head, the embedding or a dense layer
  size_t widest = 0;       // rank
};

LowRankNeeds low_rank_needs(const Model& model) {
  LowRankNeeds needs;
  const auto bytes_of = [&](std::span<const LowRank> updates) {
    size_t bytes = 0;
    for (const LowRank& update : updates) {
      bytes += low_rank_stride(update);
      needs.widest = std::max<size_t>(needs.widest, update.rank());
    }
    return bytes;
  };
  needs.token_bytes = bytes_of(model.embedding_updates());
  if (model.has_head()) needs.token_bytes = std::max(needs.token_bytes, bytes_of(model.head().updates));
  for (const Role role : {Role::dense_2, Role::dense_3}) {
    needs.token_bytes = std::max(needs.token_bytes, bytes_of(model.matrix(role).updates));
  }
  for (uint32_t block = 0; block < model.hyper().block_count; ++block) {
    size_t bytes = 0;
    for (size_t role = 0; role < kRoleCount; ++role) {
      bytes += bytes_of(model.matrix(block, static_cast<Role>(role)).updates);
    }
    needs.token_bytes = std::max(needs.token_bytes, bytes);
  }
  return needs;
}

const float* rope_factors(const Model& model, size_t context_length) {
  if (const float* factors = model.vector(Role::rope_freqs)) return factors;
  const bool is_long = context_length > model.hyper().rope_original_context_length;
  return model.vector(is_long ? Role::rope_factors_long : Role::rope_factors_short);
}

}  // namespace

WorkspaceLayout::WorkspaceLayout(const Model& model, const WorkspaceOptions& given) : options(given) {
  const Hyperparameters& h = model.hyper();
  const size_t tokens = options.batch_tokens;
  const auto floats = [&](size_t width) { return lines(tokens * width * sizeof(float)); };
  residual = floats(h.embedding_length);
  branch = floats(h.embedding_length);
  query = floats(h.query_width());
  key = floats(h.key_width());
  value = floats(h.value_width());
  attention = floats(h.attention_width());
  gate = floats(h.feed_forward_length);
  up = floats(h.feed_forward_length);
  rope = model.spec().block.rope_pairs == RopePairs::none ? 0 : floats(h.rope_dimension_count);
  rope_window = h.rope_freq_base_swa != 0 ? rope : 0;
  logits = model.has_head() ? lines(options.logit_rows * h.vocabulary_size * sizeof(float)) : 0;
  pooled = lines(options.sequences * h.embedding_length * sizeof(float));
  dense = lines(options.sequences * h.dense_2_feat_out * sizeof(float));
  const auto widest = widest_inputs(model, options);
  for (size_t type = 0; type < records.size(); ++type) {
    // Narrower rows have smaller records, so the widest row bounds them all.
    records[type] = tokens * activation_layout(static_cast<ActivationType>(type), widest[type]).bytes;
  }
  if (options.bfloat) pairs = lines(tokens * pair_count(widest[0]) * sizeof(uint32_t));
  const LowRankNeeds updates = low_rank_needs(model);
  low_rank = tokens * updates.token_bytes;
  const size_t widest_row =
      std::max({*std::max_element(widest.begin(), widest.end()), size_t{h.embedding_length}, updates.widest});
  kernel_scratch = lines(std::max(matmul_scratch_bytes(widest_row), attention_scratch_bytes(h.key_length)));
  row = lines(std::max(widest_row * sizeof(float), model.staging_bytes()));
  if (options.training) panel = lines(std::max(kPanelBytes, kLeastPanelRows * widest_row * sizeof(float)));
}

size_t panel_rows(size_t panel_bytes, size_t columns) {
  const size_t rows = panel_bytes / (columns * sizeof(float)) / kLeastPanelRows * kLeastPanelRows;
  return std::clamp(rows, kLeastPanelRows, kMatmulRowTile);
}

size_t WorkspaceLayout::shared() const {
  const size_t attention_part = query + key + value + attention, ffn_part = gate + up;
  return options.training ? attention_part + ffn_part : std::max(attention_part, ffn_part);
}

size_t WorkspaceLayout::activation_bytes() const {
  return residual + branch + shared() + rope + rope_window + logits + pooled + dense + low_rank + records[0] +
         records[1] + records[2] + pairs;
}

size_t WorkspaceLayout::scratch_bytes() const { return options.workers * (kernel_scratch + row + panel); }

Workspace::Workspace(const Model& model, const WorkspaceOptions& options)
    : layout_(model, options),
      rope_tables_(model.hyper(), rope_factors(model, options.context_length)),
      activations_(layout_.activation_bytes(), "activations"),
      scratch_(layout_.scratch_bytes(), "kernel scratch") {
  std::byte* next = activations_.data();
  const auto take = [&next](size_t bytes) { return std::exchange(next, next + bytes); };
  const auto take_floats = [&take](size_t bytes) { return reinterpret_cast<float*>(take(bytes)); };
  residual = take_floats(layout_.residual);
  branch = take_floats(layout_.branch);
  rope = take_floats(layout_.rope);
  rope_window = layout_.rope_window == 0 ? rope : take_floats(layout_.rope_window);
  logits = take_floats(layout_.logits);
  pooled = take_floats(layout_.pooled);
  dense = take_floats(layout_.dense);
  low_rank = take(layout_.low_rank);
  for (size_t type = 0; type < records.size(); ++type) records[type] = take(layout_.records[type]);
  pairs = reinterpret_cast<uint32_t*>(take(layout_.pairs));
  std::byte* const shared = next;
  query = take_floats(layout_.query);
  key = take_floats(layout_.key);
  value = take_floats(layout_.value);
  attention = take_floats(layout_.attention);
  if (!layout_.options.training) next = shared;
  gate = take_floats(layout_.gate);
  up = take_floats(layout_.up);
}

}  // namespace thimble
