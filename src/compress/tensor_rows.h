// Rows of a GGUF's tensors as floats, for passes over files larger than what may be resident.
#pragma once

#include <cstdint>

#include "format/gguf.h"

namespace thimble {

struct Kernels;

// Rows [first, first + count) of `tensor`, unpacked. out: [count][shape[0]]. Throws Error(bad_file) naming the tensor and the
// value where one is not finite. With `kernels` F16 and BF16 are read faster.
void read_rows(const Gguf& gguf, const GgufTensor& tensor, uint64_t first, uint64_t count, float* out,
               const Kernels* kernels = nullptr);

// Those rows' pages leave this process's memory until they are read again.
void forget_rows(const Gguf& gguf, const GgufTensor& tensor, uint64_t first, uint64_t count);

}  // namespace thimble
