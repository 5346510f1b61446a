// Block readers of the ternary formats (see matmul_readers.h): weights without scales of sub-blocks.
#pragma once

#include <cstddef>

#include "kernels/matmul_readers.h"
#include "quant/tq1_0.h"
#include "quant/tq2_0.h"

namespace thimble {

// -1..1, in TQ2_0 also 2: the whole block is one sub-block with the scale 1.
struct TernaryWeights {
  static constexpr int kSub = 256;
  static constexpr int kOffset = 1;
  static constexpr int kLargest = 3;
  static constexpr bool kMinimum = false;
  static constexpr bool kSigned = false;
};

template <class V>
struct Reader<V, TQ2_0> : TernaryWeights {
  static void read(RowBlocks rows, const PanelBlock<V>& out) {
    V::store_scale(out.scales, V::splat32(1));
    V::store(out.d, V::half_high(V::load_dwords(rows, offsetof(TQ2_0::Block, d) - 2)));
    ReaderSteps<V>::read_two_bits(rows, offsetof(TQ2_0::Block, qs), out.lanes);
  }
};

template <class V>
struct Reader<V, TQ1_0> : TernaryWeights {
  static void read(RowBlocks rows, const PanelBlock<V>& out) {
    V::store_scale(out.scales, V::splat32(1));
    V::store(out.d, V::half_high(V::load_dwords(rows, offsetof(TQ1_0::Block, d) - 2)));
    for (int part = 0; part < 3; ++part) {  // 32 bytes, then 16
      typename V::Int fractions[4];
      V::load_columns(rows, offsetof(TQ1_0::Block, qs) + part * 16, fractions);
      typename V::Int* lanes = part < 2 ? out.lanes + part * 4 : out.lanes + 40;
      for (int i = 0; i < 4; ++i) split_digits<5>(fractions[i], lanes + i, part < 2 ? 8 : 4);
    }
    split_digits<4>(V::load_dwords(rows, offsetof(TQ1_0::Block, qh)), out.lanes + 60, 1);
  }

  // A fraction's digits, the highest first, `stride` lanes apart.
  template <int kDigits>
  static void split_digits(typename V::Int fraction, typename V::Int* lanes, size_t stride) {
    for (int digit = 0; digit < kDigits; ++digit) {
      lanes[digit * stride] = V::carry_of_triple(fraction);
      fraction = V::add8(V::add8(fraction, fraction), fraction);
    }
  }
};

}  // namespace thimble
