#include <immintrin.h>

#include <cstdint>

#include "kernels/kernels.h"
#include "kernels/quantize_rows.h"

namespace thimble {
namespace {

constexpr int kInfinity = 0x7f800000;  // magnitudes compare as integers; those from here on are not finite
constexpr float kLargestFloat = 0x1.fffffep127f;

__m256i magnitudes(__m256 x) { return _mm256_and_si256(_mm256_castps_si256(x), _mm256_set1_epi32(0x7fffffff)); }

int largest_of(__m256i x) {
  __m128i four = _mm_max_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
  four = _mm_max_epi32(four, _mm_shuffle_epi32(four, 0x4e));
  four = _mm_max_epi32(four, _mm_shuffle_epi32(four, 0xb1));
  return _mm_cvtsi128_si32(four);
}

int sum_of(__m256i x) {
  __m128i four = _mm_add_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
  four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4e));
  four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0xb1));
  return _mm_cvtsi128_si32(four);
}

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

__m256i round_8(const float* x, __m256 inverse) {
  const __m256 rounded =
      _mm256_round_ps(_mm256_mul_ps(_mm256_loadu_ps(x), inverse), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  return _mm256_cvtps_epi32(rounded);
}

// 16 values to q; returns their sum.
int quantize_16(const float* x, __m256 inverse, int8_t* q) {
  const __m256i low = round_8(x, inverse);
  const __m256i high = round_8(x + 8, inverse);
  const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(low, high), 0xd8);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(q),
                   _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1)));
  return sum_of(_mm256_add_epi32(low, high));
}

void clear(int8_t* q, int n) {
  for (int i = 0; i < n; i += 16) _mm_storeu_si128(reinterpret_cast<__m128i*>(q + i), _mm_setzero_si128());
}

}  // namespace

void quantize_q8_32_avx2(const float* x, size_t k, std::byte* out) {
  const ActivationLayout layout = activation_layout(ActivationType::q8_32, k);
  auto* q = reinterpret_cast<int8_t*>(out);
  auto* scales = reinterpret_cast<float*>(out + layout.scales);
  auto* scaled_sums = reinterpret_cast<float*>(out + layout.scaled_sums);
  auto* sums = reinterpret_cast<int16_t*>(out + layout.sums);
  for (size_t b = 0; b < k / 32; ++b, x += 32, q += 32) {
    __m256i largest = _mm256_setzero_si256();
    for (int i = 0; i < 32; i += 8) largest = _mm256_max_epi32(largest, magnitudes(_mm256_loadu_ps(x + i)));
    const int peak_bits = largest_of(largest);
    float peak = as_float(0x7fc00000);
    int sum = 0;
    if (peak_bits < kInfinity) {
      peak = as_float(peak_bits);
      const __m256 inverse = _mm256_set1_ps(inverse_scale(127.0f, peak));
      sum = quantize_16(x, inverse, q) + quantize_16(x + 16, inverse, q + 16);
    } else {
      clear(q, 32);
    }
    const float scale = peak / 127.0f;
    sums[b] = static_cast<int16_t>(sum);
    scales[b] = round_to_half(scale);
    scaled_sums[b] = round_to_half(scale * static_cast<float>(sum));
  }
}

void quantize_q8_256_avx2(const float* x, size_t k, std::byte* out) {
  const ActivationLayout layout = activation_layout(ActivationType::q8_256, k);
  auto* q = reinterpret_cast<int8_t*>(out);
  auto* scales = reinterpret_cast<float*>(out + layout.scales);
  auto* sums = reinterpret_cast<int16_t*>(out + layout.sums);
  for (size_t b = 0; b < k / 256; ++b, x += 256, q += 256, sums += 16) {
    __m256i largest = _mm256_setzero_si256();
    for (int i = 0; i < 256; i += 8) largest = _mm256_max_epi32(largest, magnitudes(_mm256_loadu_ps(x + i)));
    const int peak_bits = largest_of(largest);
    float inverse = 0.0f;
    if (peak_bits > 0 && peak_bits < kInfinity) {
      const __m256i peak = _mm256_set1_epi32(peak_bits);
      int first = 0;
      int found = 0;
      for (; found == 0; first += 8) {
        const __m256i equal = _mm256_cmpeq_epi32(magnitudes(_mm256_loadu_ps(x + first)), peak);
        found = _mm256_movemask_ps(_mm256_castsi256_ps(equal));
      }
      inverse = inverse_scale(-127.0f, x[first - 8 + __builtin_ctz(static_cast<unsigned>(found))]);
    }
    scales[b] = peak_bits >= kInfinity ? as_float(0x7fc00000) : inverse == 0.0f ? 0.0f : 1.0f / inverse;
    if (inverse == 0.0f) {
      clear(q, 256);
      for (int sub = 0; sub < 16; ++sub) sums[sub] = 0;
      continue;
    }
    const __m256 factor = _mm256_set1_ps(inverse);
    for (int sub = 0; sub < 16; ++sub) {
      sums[sub] = static_cast<int16_t>(quantize_16(x + sub * 16, factor, q + sub * 16));
    }
  }
}

}  // namespace thimble
