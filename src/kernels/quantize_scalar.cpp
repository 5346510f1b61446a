#include <cmath>
#include <cstdint>
#include <limits>

#include "base/half.h"
#include "kernels/kernels.h"
#include "kernels/quantize_rows.h"

namespace thimble {
namespace {

// The first value of largest magnitude; NaN where one of the values is not finite.
float signed_peak(const float* x, size_t n) {
  float peak = 0;
  for (size_t i = 0; i < n; ++i) {
    if (!std::isfinite(x[i])) return std::numeric_limits<float>::quiet_NaN();
    if (std::fabs(x[i]) > std::fabs(peak)) peak = x[i];
  }
  return peak;
}

// The inverse of the scale; 0 for a block of zeros or of values too small to have one.
float inverse_scale(float largest, float peak) {
  const float inverse = largest / peak;
  return std::isfinite(inverse) ? inverse : 0.0f;
}

int quantize_block(const float* x, size_t n, float inverse, int8_t* q) {
  int sum = 0;
  for (size_t i = 0; i < n; ++i) {
    q[i] = static_cast<int8_t>(std::nearbyint(x[i] * inverse));
    sum += q[i];
  }
  return sum;
}

}  // namespace

void quantize_q8_32_scalar(const float* x, size_t k, std::byte* out) {
  const ActivationLayout layout = activation_layout(ActivationType::q8_32, k);
  auto* q = reinterpret_cast<int8_t*>(out);
  auto* scales = reinterpret_cast<float*>(out + layout.scales);
  auto* scaled_sums = reinterpret_cast<float*>(out + layout.scaled_sums);
  auto* sums = reinterpret_cast<int16_t*>(out + layout.sums);
  for (size_t b = 0; b < k / 32; ++b, x += 32, q += 32) {
    const float peak = std::fabs(signed_peak(x, 32));
    const float scale = peak / 127.0f;
    if (std::isnan(peak)) {
      for (int i = 0; i < 32; ++i) q[i] = 0;
      sums[b] = 0;
    } else {
      sums[b] = static_cast<int16_t>(quantize_block(x, 32, inverse_scale(127.0f, peak), q));
    }
    scales[b] = f16_to_f32(f32_to_f16(scale));
    scaled_sums[b] = f16_to_f32(f32_to_f16(scale * static_cast<float>(sums[b])));
  }
}

void quantize_q8_256_scalar(const float* x, size_t k, std::byte* out) {
  const ActivationLayout layout = activation_layout(ActivationType::q8_256, k);
  auto* q = reinterpret_cast<int8_t*>(out);
  auto* scales = reinterpret_cast<float*>(out + layout.scales);
  auto* sums = reinterpret_cast<int16_t*>(out + layout.sums);
  for (size_t b = 0; b < k / 256; ++b) {
    const float peak = signed_peak(x, 256);
    const float inverse = std::isnan(peak) ? 0.0f : inverse_scale(-127.0f, peak);
    scales[b] = std::isnan(peak) ? peak : inverse == 0.0f ? 0.0f : 1.0f / inverse;
    for (int sub = 0; sub < 16; ++sub, x += 16, q += 16) {
      if (inverse == 0.0f) {
        for (int i = 0; i < 16; ++i) q[i] = 0;
        *sums++ = 0;
      } else {
        *sums++ = static_cast<int16_t>(quantize_block(x, 16, inverse, q));
      }
    }
  }
}

}  // namespace thimble
