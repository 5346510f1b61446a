// llama.cpp's mixes: "Q4_K_M" is Q4_K for most tensors and more bits for those where it pays. Which tensor gets which type follows
// its src/llama-quant.cpp (llama_tensor_get_type) as data, for dense models; tests/oracle/quantize_types.py holds the choices of
// llama-quantize that tests compare.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "format/gguf.h"
#include "quant/number_type.h"

namespace thimble {

struct Mix {
  std::string_view name;
  uint32_t file_type;  // general.file_type
  NumberType type;     // of most tensors
};

std::span<const Mix> all_mixes();
// By name in any case, "Q4_K" for "Q4_K_M" and so on, or by number; nullptr where there is none.
const Mix* find_mix(std::string_view name);
std::string mix_names();  // "Q2_K, Q2_K_S, ...", for messages

// What kind of tensor a name belongs to, as far as the mixes tell them apart.
enum class TensorKind : uint8_t {
  token_embd,
  output,
  attn_v,  // and what holds it: attn_qkv, attn_kv_b
  attn_k,
  attn_q,
  attn_output,
  ffn_up,
  ffn_gate,
  ffn_down,
  other,
};
TensorKind tensor_kind(std::string_view name);

// Matrices but norms, routers, positions, token types and what is too small to matter.
bool is_quantizable(const GgufTensor& tensor);

// Tensors in the order in which the mixes count them: by block, then by name.
bool comes_before(std::string_view a, std::string_view b);

// What the rules ask of the model.
struct MixModel {
  int64_t block_count = 0;
  int64_t heads_per_kv_head = 0;
  int64_t attn_v_count = 0;     // tensors of that kind
  bool has_tied_output = true;  // the token embeddings are the output matrix too
  bool has_imatrix = false;
};
MixModel mix_model(const Gguf& gguf, bool has_imatrix);

// Hands out types, tensor after tensor in the order of comes_before().
class MixChooser {
 public:
  MixChooser(const Mix& mix, const MixModel& model) : mix_(mix), model_(model) {}
  // `output_type` replaces the choice for the output matrix.
  NumberType choose(std::string_view name, uint64_t columns, std::optional<NumberType> output_type);

 private:
  NumberType by_rules(TensorKind kind, int64_t index) const;
  const Mix& mix_;
  MixModel model_;
  int64_t seen_[static_cast<size_t>(TensorKind::other) + 1] = {};
};

// `type`, or what stands in for it where rows of so many columns are no multiple of its block.
NumberType fallback_type(NumberType type, uint64_t columns);

// llama.cpp refuses to make these without an imatrix.
bool requires_imatrix(const Mix& mix, std::string_view name, NumberType type);

}  // namespace thimble
