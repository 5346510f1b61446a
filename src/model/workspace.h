// The memory that one forward pass works in: laid out by arithmetic alone, so that a plan can say its size before anything is
// allocated, then allocated once and reused for every pass.
#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "base/memory.h"
#include "kernels/kernels.h"
#include "model/model.h"
#include "model/rope.h"

namespace thimble {

struct WorkspaceOptions {
  size_t batch_tokens = 512;  // tokens of one pass at most
  size_t logit_rows = 1;      // rows of logits kept at once; none for a model without a head
  unsigned workers = 1;
  size_t context_length = 0;  // where it is above the original one, long-context rotary factors apply
  size_t sequences = 0;       // pooled at once
  bool training = false;      // products of floats whatever the weights' format, and attention's values are kept apart
  bool bfloat = false;        // of training: what products read is rounded to bfloat16
  bool replaceable = false;   // records for weights of any format, not only those that the model has: replace_matrix()
};

// Byte sizes of the parts, each rounded up to a cache line.
struct WorkspaceLayout {
  WorkspaceLayout(const Model& model, const WorkspaceOptions& options);

  WorkspaceOptions options;
  // Floats, [batch_tokens][...].
  size_t residual = 0;   // embedding_length
  size_t branch = 0;     // embedding_length: what attention or feed-forward adds to the residual
  size_t query = 0;      // query_width
  size_t key = 0;        // key_width
  size_t value = 0;      // value_width
  size_t attention = 0;  // attention_width
  size_t gate = 0;       // feed_forward_length
  size_t up = 0;         // feed_forward_length
  size_t rope = 0;       // [rope_dimension_count], cos and sin
  size_t rope_window = 0;
  size_t logits = 0;  // [logit_rows][vocabulary_size]
  size_t pooled = 0;  // [sequences][embedding_length]
  size_t dense = 0;   // [sequences][dense_2_feat_out]
  // What adapters' inner products give, records of each update's rank; 0 without adapters.
  size_t low_rank = 0;
  // Activation records for each ActivationType that a weight of the model asks for.
  std::array<size_t, 3> records{};
  size_t pairs = 0;  // the same records in bfloat16
  // Of each worker.
  size_t kernel_scratch = 0;
  size_t row = 0;  // one token's widest row, floats

  size_t panel = 0;  // rows of a weight as floats, when training

  // Attention's floats and the feed-forward's are never alive together and share their place, but for training.
  size_t shared() const;
  size_t activation_bytes() const;
  size_t scratch_bytes() const;
  size_t total_bytes() const { return activation_bytes() + scratch_bytes(); }
};

// Rows of `columns` floats that a panel takes at once, a multiple of kLeastPanelRows.
inline constexpr size_t kLeastPanelRows = 4;
size_t panel_rows(size_t panel_bytes, size_t columns);

class Workspace {
 public:
  Workspace(const Model& model, const WorkspaceOptions& options);

  const WorkspaceLayout& layout() const { return layout_; }
  const RopeTables& rope_tables() const { return rope_tables_; }

  float *residual, *branch, *query, *key, *value, *attention, *gate, *up, *rope, *rope_window, *logits, *pooled, *dense;
  std::byte* low_rank;
  std::array<std::byte*, 3> records;
  uint32_t* pairs;
  std::byte* kernel_scratch(unsigned worker) const { return scratch_.data() + worker * worker_stride(); }
  float* row(unsigned worker) const {
    return reinterpret_cast<float*>(scratch_.data() + worker * worker_stride() + layout_.kernel_scratch);
  }
  std::byte* panel(unsigned worker) const {
    return scratch_.data() + worker * worker_stride() + layout_.kernel_scratch + layout_.row;
  }

 private:
  size_t worker_stride() const { return layout_.kernel_scratch + layout_.row + layout_.panel; }

  WorkspaceLayout layout_;
  RopeTables rope_tables_;
  Buffer activations_;
  Buffer scratch_;
};

}  // namespace thimble
