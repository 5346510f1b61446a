#include "quant/q5_1.h"

#include "base/half.h"
#include "quant/five_bits.h"
#include "quant/scale_search.h"

namespace thimble {

void Q5_1::unpack(const Block& block, float* out) {
  const float d = f16_to_f32(block.d);
  const float m = f16_to_f32(block.m);
  uint8_t levels[kBlockSize];
  load_all_five_bits(block.qs, block.qh, levels);
  for (int i = 0; i < kBlockSize; ++i) out[i] = d * static_cast<float>(levels[i]) + m;
}

void Q5_1::pack(const float* x, const float* importance, const ScaleSearches& searches, Block& block) {
  SingleBlock fit;
  searches.fit_single_affine(x, importance, 31, fit);
  block = Block{};
  block.d = fit.d;
  block.m = fit.m;
  for (int i = 0; i < kBlockSize; ++i) {
    store_five_bits(static_cast<uint8_t>(fit.levels[i]), block.qs, block.qh, i);
  }
}

}  // namespace thimble
