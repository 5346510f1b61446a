// The one list of number formats. Names, sizes, help texts, kernels and tests are folds over it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "quant/bf16.h"
#include "quant/f16.h"
#include "quant/f32.h"
#include "quant/iq1_m.h"
#include "quant/iq1_s.h"
#include "quant/iq2_s.h"
#include "quant/iq2_xs.h"
#include "quant/iq2_xxs.h"
#include "quant/iq3_s.h"
#include "quant/iq3_xxs.h"
#include "quant/iq4_nl.h"
#include "quant/iq4_xs.h"
#include "quant/mxfp4.h"
#include "quant/number_type.h"
#include "quant/q2_k.h"
#include "quant/q3_k.h"
#include "quant/q4_0.h"
#include "quant/q4_1.h"
#include "quant/q4_k.h"
#include "quant/q5_0.h"
#include "quant/q5_1.h"
#include "quant/q5_k.h"
#include "quant/q6_k.h"
#include "quant/q8_0.h"
#include "quant/scale_search.h"
#include "quant/tq1_0.h"
#include "quant/tq2_0.h"

namespace thimble {

template <class... Q>
struct TypeList {
  // Calls f.template operator()<Q>() for each format in turn.
  template <class F>
  static constexpr void for_each(F&& f) {
    (f.template operator()<Q>(), ...);
  }
  static constexpr size_t kSize = sizeof...(Q);
};

using AllTypes = TypeList<F32, F16, BF16, Q8_0, Q5_1, Q5_0, Q4_1, Q4_0, Q6_K, Q5_K, Q4_K, Q3_K, Q2_K, IQ4_NL, IQ4_XS,
                          IQ3_S, IQ3_XXS, IQ2_S, IQ2_XS, IQ2_XXS, IQ1_M, IQ1_S, TQ2_0, TQ1_0, MXFP4>;

// A format without pack() is read but not written. Where every value has its one place, there is no search.
template <class Q>
concept PackedBySearch = requires(const float* x, const ScaleSearches& searches, typename Q::Block& block) {
  Q::pack(x, x, searches, block);
};
template <class Q>
concept Packable = PackedBySearch<Q> || requires(const float* x, typename Q::Block& block) {
  Q::pack(x, block);
};

// One row of the table made from AllTypes.
struct TypeInfo {
  NumberType type;
  std::string_view name;
  uint32_t block_size;   // weights a block
  uint32_t block_bytes;  // bytes a block
  // blocks contiguous blocks at `in` (no alignment needed) to block_size * blocks floats, and back.
  void (*unpack)(const std::byte* in, float* out, size_t blocks);
  void (*pack)(const float* in, std::byte* out, size_t blocks);  // nullptr where it is read but not written
  // The same with what an error at each weight costs, importance: [blocks * block_size], 0 or more, relative to one another; null
  // for all alike, which with plain_searches() is pack(). Any table of searches gives the same bytes.
  void (*pack_weighted)(const float* in, const float* importance, const ScaleSearches& searches, std::byte* out,
                        size_t blocks);
  bool (*has_finite_scales)(const std::byte* in, size_t blocks);  // of the values themselves for F32, F16, BF16

  // pack(), with an Error(usage) that names the formats there are where this one has none.
  void pack_or_fail(const float* in, std::byte* out, size_t blocks) const;
};

std::span<const TypeInfo> all_types();
const TypeInfo* find_type(uint32_t gguf_id);             // nullptr where unknown
const TypeInfo* find_type_named(std::string_view name);  // any case; nullptr where unknown
const TypeInfo& type_info(NumberType type);
// Bytes of a row of `n` weights; n must be a multiple of the block size.
size_t row_bytes(NumberType type, size_t n);

}  // namespace thimble
