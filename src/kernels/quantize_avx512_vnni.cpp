#include <immintrin.h>

#include <cstdint>

#include "kernels/kernels.h"
#include "kernels/quantize_rows.h"

namespace thimble {
namespace {

constexpr int kInfinity = 0x7f800000;  // magnitudes compare as integers; those from here on are not finite
constexpr float kLargestFloat = 0x1.fffffep127f;

__m512i magnitudes(__m512 x) { return _mm512_and_si512(_mm512_castps_si512(x), _mm512_set1_epi32(0x7fffffff)); }

float as_float(int bits) {
  float out;
  __builtin_memcpy(&out, &bits, sizeof out);
  return out;
}

float round_to_half(float x) {
  return _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtps_ph(_mm_set_ss(x), _MM_FROUND_TO_NEAREST_INT)));
}

// The inverse of the scale; 0 for a block of zeros or of values too small to have one.
float inverse_scale(float largest, float peak) {
  const float inverse = largest / peak;
  return inverse <= kLargestFloat && inverse >= -kLargestFloat ? inverse : 0.0f;
}

__m512i quantize_16(__m512 x, __m512 inverse, int8_t* q) {
  const __m512i rounded =
      _mm512_cvt_roundps_epi32(_mm512_mul_ps(x, inverse), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(q), _mm512_cvtepi32_epi8(rounded));
  return rounded;
}

}  // namespace

void quantize_q8_32_avx512_vnni(const float* x, size_t k, std::byte* out) {
  const ActivationLayout layout = activation_layout(ActivationType::q8_32, k);
  auto* q = reinterpret_cast<int8_t*>(out);
  auto* scales = reinterpret_cast<float*>(out + layout.scales);
  auto* scaled_sums = reinterpret_cast<float*>(out + layout.scaled_sums);
  auto* sums = reinterpret_cast<int16_t*>(out + layout.sums);
  for (size_t b = 0; b < k / 32; ++b, x += 32, q += 32) {
    __m512 low = _mm512_loadu_ps(x);
    __m512 high = _mm512_loadu_ps(x + 16);
    const int peak_bits = _mm512_reduce_max_epi32(_mm512_max_epi32(magnitudes(low), magnitudes(high)));
    const bool finite = peak_bits < kInfinity;
    if (!finite) low = high = _mm512_setzero_ps();
    const float peak = as_float(finite ? peak_bits : 0x7fc00000);
    const __m512 inverse = _mm512_set1_ps(finite ? inverse_scale(127.0f, peak) : 0.0f);
    const int sum =
        _mm512_reduce_add_epi32(_mm512_add_epi32(quantize_16(low, inverse, q), quantize_16(high, inverse, q + 16)));
    const float scale = peak / 127.0f;
    sums[b] = static_cast<int16_t>(sum);
    scales[b] = round_to_half(scale);
    scaled_sums[b] = round_to_half(scale * static_cast<float>(sum));
  }
}

void quantize_q8_256_avx512_vnni(const float* x, size_t k, std::byte* out) {
  const ActivationLayout layout = activation_layout(ActivationType::q8_256, k);
  auto* q = reinterpret_cast<int8_t*>(out);
  auto* scales = reinterpret_cast<float*>(out + layout.scales);
  auto* sums = reinterpret_cast<int16_t*>(out + layout.sums);
  for (size_t b = 0; b < k / 256; ++b, x += 256, q += 256, sums += 16) {
    __m512i largest = _mm512_setzero_si512();
    for (int i = 0; i < 256; i += 16) largest = _mm512_max_epi32(largest, magnitudes(_mm512_loadu_ps(x + i)));
    const int peak_bits = _mm512_reduce_max_epi32(largest);
    float inverse = 0.0f;
    if (peak_bits > 0 && peak_bits < kInfinity) {
      const __m512i peak = _mm512_set1_epi32(peak_bits);
      int first = 0;
      __mmask16 found = 0;
      for (; found == 0; first += 16) found = _mm512_cmpeq_epi32_mask(magnitudes(_mm512_loadu_ps(x + first)), peak);
      inverse = inverse_scale(-127.0f, x[first - 16 + __builtin_ctz(found)]);
    }
    scales[b] = peak_bits >= kInfinity ? as_float(0x7fc00000) : inverse == 0.0f ? 0.0f : 1.0f / inverse;
    const __m512 factor = _mm512_set1_ps(inverse);
    for (int sub = 0; sub < 16; ++sub) {
      const __m512 values = inverse == 0.0f ? _mm512_setzero_ps() : _mm512_loadu_ps(x + sub * 16);
      sums[sub] = static_cast<int16_t>(_mm512_reduce_add_epi32(quantize_16(values, factor, q + sub * 16)));
    }
  }
}

}  // namespace thimble
