// The hot loops, behind one table of plain functions an instruction set. The caller picks a table once and passes it on.
//
// Exactness. Every table computes the same sequence of float operations for the same result, so outputs are equal bit for bit
// between instruction sets, between one token and a batch, and for any split of the rows among threads:
//   quantized weights: integer sums within a block are exact; blocks are added in order, one accumulator a (row, token):
//     acc = fma(float(sum), d_w * d_x, acc), then, for formats with a minimum, acc = fma(float(min_sum), -(dmin_w * d_x), acc),
//     or, for Q4_1 and Q5_1, acc = fma(m_w, s_x, acc);
//   F32, F16, BF16 weights and all other sums over floats: 16 partial sums, element i in sum i % 16, by fma in order, then
//     added pairwise at distances 8, 4, 2, 1.
// Functions do not allocate, throw or lock; pointers need no alignment unless said.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "quant/number_type.h"

namespace thimble {

struct ScaleSearches;

// ---- activations --------------------------------------------------------------------------------------------------------

// How the activations that meet a weight format are stored (values as ggml's Q8_0/Q8_1 and Q8_K have them, so that results
// can be compared with llama.cpp's).
enum class ActivationType : uint8_t {
  f32,     // as they are: for F32, F16 and BF16 weights
  q8_32,   // int8, a scale for 32 values: for the formats with blocks of 32
  q8_256,  // int8, a scale for 256 values: for the formats with blocks of 256
};

ActivationType activation_type(NumberType weights);

// One row of k activations is one contiguous record; byte offsets of its parts. k is a multiple of 32 (q8_32) or 256 (q8_256).
//   q8_32:  int8 q[k], float d[k/32] (rounded to binary16), float s[k/32] (binary16 of d * sum), int16 sums[k/32]
//   q8_256: int8 q[k], float d[k/256], int16 sums[k/16]
//   f32:    float x[k]
struct ActivationLayout {
  size_t scales = 0;
  size_t scaled_sums = 0;
  size_t sums = 0;
  size_t bytes = 0;  // a multiple of 64
};
ActivationLayout activation_layout(ActivationType type, size_t k);

// ---- matrix products ----------------------------------------------------------------------------------------------------

// y[t * y_stride + r] = sum over i of w[r][i] * x[t][i] for r in row_begin..row_end, t in 0..tokens.
struct MatmulTask {
  const std::byte* weights;  // row 0, in the file's layout, any alignment
  size_t weight_stride;      // bytes from row to row
  size_t k;                  // columns, a multiple of the format's block size
  size_t row_begin;
  size_t row_end;
  const std::byte* x;  // activation records, 64-byte aligned
  size_t x_stride;     // bytes from token to token, a multiple of 64
  size_t tokens;
  float* y;
  size_t y_stride;     // floats from token to token
  std::byte* scratch;  // matmul_scratch_bytes(k), 64-byte aligned, this thread's own
};
size_t matmul_scratch_bytes(size_t k);
// Rows are cheapest in multiples of this.
inline constexpr size_t kMatmulRowTile = 32;

// ---- attention over a cache ---------------------------------------------------------------------------------------------

// The cache of one kv head in one layer. Position p lives in slot p % capacity; capacity is a multiple of 16.
// K is kept in tiles of 16 slots with the slots innermost, so that scores of 16 keys are computed at once without a transpose;
// V is kept a row a slot in the number format's own block layout. Both take exactly row_bytes(type, head_dim) a slot.
// Types: F32 F16 BF16 Q8_0 Q5_1 Q5_0 Q4_0; head_dim is a multiple of 32 for the quantized ones, and at most 512.
struct AttentionTask {
  const float* q;   // [tokens][heads][head_dim], the heads that share this kv head
  size_t q_stride;  // floats from token to token
  size_t tokens;
  size_t heads;  // query heads in this task
  size_t head_dim;
  const std::byte* k;  // K tiles of this kv head
  const std::byte* v;  // V rows of this kv head
  NumberType k_type;
  NumberType v_type;
  size_t capacity;         // slots
  size_t first_position;   // of token 0; the keys of all tokens that are seen are already stored
  size_t lowest_position;  // no token sees keys below this position
  size_t window;           // token at p sees positions p - window + 1 .. p; 0: all
  bool bidirectional;      // token at p sees p - window / 2 .. p + window / 2, up to last_position
  size_t last_position;
  float scale;    // of the scores
  float softcap;  // scores = softcap * tanh(scores / softcap); 0: off
  float* out;     // [tokens][heads][head_dim]
  size_t out_stride;
  std::byte* scratch;  // attention_scratch_bytes(), 64-byte aligned, this thread's own
};
size_t attention_scratch_bytes(size_t head_dim);

// ---- quantization with error feedback -----------------------------------------------------------------------------------

// Rounds a run of columns of 16 rows (the lanes, innermost everywhere), each row to the best of several scales and offsets:
//   for c in order: level = the nearest to (target[c] - offset) / scale; value = scale * level + offset;
//     loss += cost[c] * (target[c] - value)^2; target[j] += (weight[c] - value) * feedback[c][j] for c < j < columns.
// A lane whose loss is below what `loss` holds has its loss, levels and values replaced, and its candidate's number in `choice`;
// the others keep theirs, with -1 there.
inline constexpr size_t kRoundColumns = 32;
struct RoundTask {
  size_t columns;         // at most kRoundColumns
  size_t stride;          // floats from column to column of target, weight, level and value
  const float* target;    // [columns][16]
  const float* weight;    // [columns][16]
  const float* feedback;  // [columns][columns], what lies above the diagonal
  size_t feedback_stride;
  const float* cost;  // [columns]
  const float* grid;  // ascending levels, or, with grid_size 0, the integers low..high
  size_t grid_size;
  float low;
  float high;
  const float* scales;   // [candidates][16]; with a scale of 0 all levels are those nearest to 0
  const float* offsets;  // [candidates][16]
  size_t candidates;
  float* loss;    // [16]
  float* choice;  // [16]
  float* level;   // [columns][16]
  float* value;   // [columns][16]
};

// c[r][j] += sum over i < depth of a[i][r] * b[i][j] for r < rows, j < columns, the sum in order by fma.
struct OuterTask {
  const float* a;
  size_t a_stride;
  const float* b;
  size_t b_stride;
  size_t depth;
  size_t rows;
  size_t columns;
  float* c;
  size_t c_stride;
};

// ---- products of floats rounded to bfloat16 -------------------------------------------------------------------------------

// Two values in 32 bits, the first in the lower half; a record of k floats is pair_count(k) pairs, in an order of its own, which all
// records share, zeros behind the last value. Sums over pairs: the second value's product first, each added by fma.
constexpr size_t pair_count(size_t k) { return (k + 31) / 32 * 16; }

// y[t * y_stride + r] = sum over i of w[r][i] * x[t][i], in 16 partial sums as for F32 weights.
struct PairMatmulTask {
  const uint32_t* weights;  // [rows] records
  const uint32_t* x;        // [tokens] records
  size_t pairs;             // of a record
  size_t rows;
  size_t tokens;
  float* y;
  size_t y_stride;
};

// OuterTask with two values of the depth at a time: depth counts pairs.
struct PairOuterTask {
  const uint32_t* a;
  size_t a_stride;
  const uint32_t* b;
  size_t b_stride;
  size_t depth;
  size_t rows;
  size_t columns;
  float* c;
  size_t c_stride;
};

// ---- the table ----------------------------------------------------------------------------------------------------------

struct Kernels {
  std::string_view isa;

  using Matmul = void (*)(const MatmulTask&);
  Matmul matmul[kNumberTypeIds];  // by NumberType; nullptr where the format has none

  // x: [k] -> one activation record at `out`.
  void (*quantize_q8_32)(const float* x, size_t k, std::byte* out);
  void (*quantize_q8_256)(const float* x, size_t k, std::byte* out);

  // y = x / sqrt(mean(x^2) + epsilon) * weight; weight may be null. y may be x.
  void (*rms_norm)(const float* x, const float* weight, size_t n, float epsilon, float* y);
  // y = (x - mean(x)) / sqrt(variance(x) + epsilon) * weight + bias; bias may be null. y may be x.
  void (*layer_norm)(const float* x, const float* weight, const float* bias, size_t n, float epsilon, float* y);
  void (*add)(const float* x, size_t n, float* y);  // y += x
  void (*scale)(float factor, size_t n, float* y);  // y *= factor
  // y = gate * sigmoid(gate) * up; y may be gate. up may be null for 1, here and in the next two.
  void (*silu_multiply)(const float* gate, const float* up, size_t n, float* y);
  void (*gelu_multiply)(const float* gate, const float* up, size_t n, float* y);        // tanh form of GELU
  void (*gelu_exact_multiply)(const float* gate, const float* up, size_t n, float* y);  // gate * normal CDF(gate) * up
  void (*softcap)(float cap, size_t n, float* y);                                       // y = cap * tanh(y / cap)
  // Rotates the first `rotary` of head_dim values. table: [rotary/2][cos, sin]. neox: pairs (i, i + rotary/2), else (2i, 2i+1).
  void (*rope)(const float* table, size_t rotary, bool neox, float* x);
  // Orthonormal Walsh-Hadamard transform of each run of `n` (a power of two) values; its own inverse.
  void (*hadamard)(size_t n, float* x);

  // One position's key or value of one kv head into its slot.
  void (*store_k)(NumberType type, const float* key, size_t head_dim, size_t slot, std::byte* k);
  void (*store_v)(NumberType type, const float* value, size_t head_dim, size_t slot, std::byte* v);
  void (*load_k)(NumberType type, const std::byte* k, size_t head_dim, size_t slot, float* key);
  void (*load_v)(NumberType type, const std::byte* v, size_t head_dim, size_t slot, float* value);
  void (*attention)(const AttentionTask&);

  void (*round_columns)(const RoundTask&);
  void (*add_outer_products)(const OuterTask&);

  // Of training. For y = norm(x) with this weight: dx += dy (dy/dx).
  using NormGradient = void (*)(const float* x, const float* weight, const float* dy, size_t n, float epsilon,
                                float* dx);
  NormGradient rms_norm_gradient;
  NormGradient layer_norm_gradient;
  // For y = f(gate) * up: dgate = dy * up * f'(gate), dup = dy * f(gate). Without up (null) it counts as 1 and dup is not
  // written. dy may be dgate or dup.
  using ActivationGradient = void (*)(const float* gate, const float* up, const float* dy, size_t n, float* dgate,
                                      float* dup);
  ActivationGradient silu_gradient;
  ActivationGradient gelu_gradient;
  ActivationGradient gelu_exact_gradient;
  void (*softcap_gradient)(float cap, const float* y, size_t n, float* dy);  // of y = cap * tanh(x / cap): dy *= dy/dx
  float (*largest)(const float* x, size_t n);                                // n >= 1
  float (*exp_less)(const float* x, float shift, size_t n, float* y);        // y = exp(x - shift); gives their sum
  // dp = factor * p * (dp - sum(p * dp)): from what softmax gives to what it was given.
  void (*softmax_gradient)(const float* p, size_t n, float factor, float* dp);

  // out[i] = low[i] and high[i] as a pair.
  void (*pair_rows)(const float* low, const float* high, size_t n, uint32_t* out);
  void (*pair_record)(const float* x, size_t k, uint32_t* out);
  void (*matmul_pairs)(const PairMatmulTask&);
  void (*add_outer_pairs)(const PairOuterTask&);

  // What packing searches with (quant/scale_search.h).
  const ScaleSearches* searches;
};

// The tables this machine can run, best first; the last is "scalar".
std::span<const Kernels* const> available_kernels();
// "auto" gives the best one. Throws Error(usage) naming what this build has and what the CPU lacks.
const Kernels& select_kernels(std::string_view isa);

}  // namespace thimble
