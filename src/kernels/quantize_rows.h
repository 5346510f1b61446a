// One row of activations to its record (kernels.h), as ggml's x86 code rounds them: Q8_0 and Q8_1 for q8_32, Q8_K for
// q8_256. A block with a value that is not finite gets scale NaN and zeros, so that every product with it is NaN and is
// noticed.
#pragma once

#include <cstddef>

namespace thimble {

void quantize_q8_32_scalar(const float* x, size_t k, std::byte* out);
void quantize_q8_256_scalar(const float* x, size_t k, std::byte* out);

#if defined(__x86_64__)
void quantize_q8_32_avx2(const float* x, size_t k, std::byte* out);
void quantize_q8_256_avx2(const float* x, size_t k, std::byte* out);
void quantize_q8_32_avx512_vnni(const float* x, size_t k, std::byte* out);
void quantize_q8_256_avx512_vnni(const float* x, size_t k, std::byte* out);
#endif

}  // namespace thimble
