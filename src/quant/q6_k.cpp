#include "quant/q6_k.h"

#include <algorithm>

#include "base/half.h"
#include "quant/scale_search.h"

namespace thimble {
namespace {

constexpr SymmetricFormat kFormat = {
    .sub_blocks = 16, .levels = {-32, 31}, .low_code = -128, .rounds = 1, .beginnings = 1, .passes = 1};

// Where the bits of a run of 32 weights are: side by side in 32 bytes of ql and in 32 of qh.
struct Run {
  explicit Run(int run)
      : low(run / 4 * 64 + run % 2 * 32), low_shift(run / 2 % 2 * 4), high(run / 4 * 32), high_shift(run % 4 * 2) {}
  int low, low_shift, high, high_shift;
};

}  // namespace

void Q6_K::unpack(const Block& block, float* out) {
  const float d = f16_to_f32(block.d);
  for (int sub = 0; sub < 16; ++sub) {
    const float scale = d * static_cast<float>(block.scales[sub]);
    const Run run(sub / 2);
    const uint8_t* low = block.ql + run.low + sub % 2 * 16;
    const uint8_t* high = block.qh + run.high + sub % 2 * 16;
    for (int i = 0; i < 16; ++i) {
      const int level = (low[i] >> run.low_shift & 0xf) | (high[i] >> run.high_shift & 3) << 4;
      out[sub * 16 + i] = scale * static_cast<float>(level - 32);
    }
  }
}

void Q6_K::pack(const float* x, const float* importance, const ScaleSearches& searches, Block& block) {
  SymmetricBlock fit;
  searches.fit_symmetric(x, importance, kFormat, fit);
  block = Block{};
  block.d = fit.d;
  std::copy(fit.scales, fit.scales + 16, block.scales);
  for (int r = 0; r < kBlockSize / 32; ++r) {
    const Run run(r);
    for (int i = 0; i < 32; ++i) {
      const int level = fit.levels[r * 32 + i] + 32;
      block.ql[run.low + i] |= static_cast<uint8_t>((level & 0xf) << run.low_shift);
      block.qh[run.high + i] |= static_cast<uint8_t>((level >> 4) << run.high_shift);
    }
  }
}

}  // namespace thimble
