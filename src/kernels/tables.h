// Each instruction set's translation units fill in their part of a table. Declared here, defined in <part>_<isa>.cpp.
#pragma once

#include "kernels/kernels.h"

namespace thimble {

void fill_matmul_scalar(Kernels& table);
void fill_ops_scalar(Kernels& table);
void fill_attention_scalar(Kernels& table);
void fill_feedback_scalar(Kernels& table);
void fill_gradients_scalar(Kernels& table);
void fill_searches_scalar(Kernels& table);
void fill_bfloat_scalar(Kernels& table);

#if defined(__x86_64__)
void fill_matmul_avx2(Kernels& table);
void fill_ops_avx2(Kernels& table);
void fill_attention_avx2(Kernels& table);
void fill_feedback_avx2(Kernels& table);
void fill_matmul_avx512_vnni(Kernels& table);
void fill_ops_avx512_vnni(Kernels& table);
void fill_attention_avx512_vnni(Kernels& table);
void fill_feedback_avx512_vnni(Kernels& table);
void fill_gradients_avx2(Kernels& table);
void fill_gradients_avx512_vnni(Kernels& table);
void fill_searches_avx2(Kernels& table);
void fill_searches_avx512_vnni(Kernels& table);
void fill_bfloat_avx2(Kernels& table);
void fill_bfloat_avx512_vnni(Kernels& table);
void fill_bfloat_avx512_bf16(Kernels& table);  // in place of the last
#endif

}  // namespace thimble
