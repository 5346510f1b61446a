#include "quant/tq1_0.h"

#include <array>

#include "base/half.h"

namespace thimble {

IntegerBlock TQ1_0::integers(const Block& block) {
  // Digits move up by multiplication, modulo 256; the highest one is what a third multiplication carries out.
  constexpr std::array<uint8_t, 5> kPowers = {1, 3, 9, 27, 81};
  IntegerBlock out;
  out.scales.fill(1);
  int8_t* level = out.levels.data();
  const auto place = [&](const uint8_t* bytes, int count, int digits) {
    for (int digit = 0; digit < digits; ++digit) {
      for (int i = 0; i < count; ++i) {
        const uint8_t fraction = static_cast<uint8_t>(bytes[i] * kPowers[digit]);
        *level++ = static_cast<int8_t>((fraction * 3 >> 8) - 1);
      }
    }
  };
  place(block.qs, 32, 5);
  place(block.qs + 32, 16, 5);
  place(block.qh, 4, 4);
  return out;
}

float TQ1_0::scale(const Block& block) { return f16_to_f32(block.d); }

void TQ1_0::unpack(const Block& block, float* out) { unpack_integers(integers(block), scale(block), out); }

}  // namespace thimble
