#include "quant/q5_0.h"

#include "base/half.h"
#include "quant/five_bits.h"
#include "quant/scale_search.h"

namespace thimble {

void Q5_0::unpack(const Block& block, float* out) {
  const float d = f16_to_f32(block.d);
  uint8_t levels[kBlockSize];
  load_all_five_bits(block.qs, block.qh, levels);
  for (int i = 0; i < kBlockSize; ++i) out[i] = d * static_cast<float>(levels[i] - 16);
}

void Q5_0::pack(const float* x, const float* importance, const ScaleSearches& searches, Block& block) {
  SingleBlock fit;
  searches.fit_single(x, importance, {.low = -16, .high = 15}, fit);
  block = Block{};
  block.d = fit.d;
  for (int i = 0; i < kBlockSize; ++i) {
    store_five_bits(static_cast<uint8_t>(fit.levels[i] + 16), block.qs, block.qh, i);
  }
}

}  // namespace thimble
