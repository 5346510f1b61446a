// The memory that training works in beside the weights and what is trained: laid out by arithmetic alone, allocated once.
#pragma once

#include <cstddef>
#include <vector>

#include "base/memory.h"
#include "model/backward_products.h"
#include "model/forward.h"
#include "model/tape.h"
#include "model/workspace.h"

namespace thimble {

struct TrainingOptions {
  size_t batch_tokens = 512;  // of one pass: of all its sequences together
  size_t sequences = 1;       // of one pass at most
  unsigned workers = 1;
  bool bfloat = false;        // products with the model's weights are of values rounded to bfloat16
  size_t context_length = 0;  // of the longest sequence: where it is above the original one, long-context factors apply
};

// Bytes of the parts.
struct TrainingLayout {
  TrainingLayout(const Model& model, const TrainingOptions& options);

  TrainingOptions options;
  size_t head_rows = 0;  // tokens whose logits are there at once
  size_t cache = 0;      // keys and values of one block
  size_t inputs = 0;     // [block_count][batch_tokens][embedding_length]: the residual before each block
  size_t tape = 0;       // of one block
  size_t gradients = 0;  // of what one block makes
  size_t products = 0;   // ProductScratch
  size_t attention = 0;  // of each worker
  size_t losses = 0;
  size_t workspace = 0;
  size_t total_bytes() const;
};

class TrainingSpace {
 public:
  // After the adapters have been attached to the model.
  TrainingSpace(const Model& model, const TrainingOptions& options);

  const TrainingLayout& layout() const { return layout_; }
  float* input(size_t block) const { return inputs_ + block * layout_.options.batch_tokens * width_; }
  const KvView& cache() const { return cache_; }
  std::byte* attention_scratch() const { return attention_; }

  Workspace workspace;
  Tape tape;
  ProductScratch products{};
  // Gradients, [batch_tokens][...].
  float* d_parallel = nullptr;  // of the residual before a parallel block, from its feed-forward
  float *d_residual, *d_branch, *d_input, *d_gate, *d_up, *d_query, *d_key, *d_value, *d_attention;
  float *d_head_keys, *d_head_values;  // [head_count][batch_tokens][key_length]
  float *rope, *rope_window;           // the workspace's tables, turning back
  float* head_input;                   // [head_rows][embedding_length]
  float* d_head_input;                 // likewise
  double* losses;                      // [batch_tokens]

 private:
  void lay_out(const Model& model);

  TrainingLayout layout_;
  size_t width_;
  Buffer memory_;
  std::vector<KvBlock> blocks_;
  KvView cache_;
  float* inputs_ = nullptr;
  std::byte* attention_ = nullptr;
};

}  // namespace thimble
