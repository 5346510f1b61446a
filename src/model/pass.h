// The blocks of one forward pass, run by all workers together.
#pragma once

#include <span>

#include "model/forward.h"

namespace thimble {

class Pass {
 public:
  Pass(const ForwardContext& context, const KvView& cache, size_t tokens, std::span<const Sequence> sequences);

  // Blocks [first, end) on the rows of the residual. Called by every worker, here and in all that it calls.
  void run(Worker& worker, uint32_t first, uint32_t end) const;

 private:
  template <class F>
  void for_each_token(Worker& worker, F&& f) const;
  // Shares out f(sequence, tile, i) for i in 0..times - 1 and each of the tiles_of(sequence) tiles of each sequence.
  template <class Tiles, class F>
  void for_each_tile(Worker& worker, Tiles tiles_of, size_t times, F&& f) const;

  float* residual(size_t token) const { return space_.residual + token * h_.embedding_length; }
  float* branch(size_t token) const { return space_.branch + token * h_.embedding_length; }
  void make_input(Worker& worker, size_t token, uint32_t block, Role weight, Role bias, Role reader, unsigned types,
                  float* Tape::*kept) const;
  void make_reader_records(Worker& worker, size_t token, uint32_t block, Role reader, std::span<const float> values,
                           unsigned types) const;
  void finish_probe(Worker& worker, uint32_t block, Role reader) const;
  void keep(float* Tape::*kept, size_t token, const float* values, size_t width) const;
  void add_branch(size_t token, const float* bias, const float* post_norm, float* Tape::*kept) const;
  void finish_attention(size_t token, uint32_t block) const;
  void finish_feed_forward(size_t token, uint32_t block) const;

  void attention_input(Worker& worker, uint32_t block, bool finish_previous) const;
  void project_qkv(Worker& worker, uint32_t block) const;
  void finish_head(float* x, const float* bias, const float* norm_weight, const float* rope_table, float* kept) const;
  const KvBlock& store_of(const Sequence& sequence, uint32_t block) const {
    return (sequence.cache != nullptr ? *sequence.cache : cache_).blocks[block];
  }
  void finish_group(const KvBlock& store, uint32_t block, size_t head, size_t token, size_t slot) const;
  void store_keys_values(Worker& worker, uint32_t block) const;
  void attend(Worker& worker, uint32_t block) const;
  void attend_heads(Worker& worker, uint32_t block, const Sequence& sequence, size_t token, size_t first_head,
                    size_t heads) const;
  void attention_output(Worker& worker, uint32_t block) const;
  void feed_forward(Worker& worker, uint32_t block) const;
  void activate(float* gate, uint32_t block, size_t token, float* hidden) const;

  const Model& model_;
  const Kernels& kernels_;
  Workspace& space_;
  const Hyperparameters& h_;
  const BlockRecipe& recipe_;
  const KvView& cache_;
  InputProbe* const probe_;
  const Tape* const tape_;
  const size_t tokens_;
  const std::span<const Sequence> sequences_;
};

// The family's kind of norm over n values; y may be x, bias may be null.
void apply_norm(const Model& model, const Kernels& kernels, const float* x, const float* weight, const float* bias,
                size_t n, float* y);

}  // namespace thimble
