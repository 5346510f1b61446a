#include "kernels/matmul_loop.h"
#include "kernels/matmul_tiles_avx2.h"
#include "kernels/quantize_rows.h"
#include "kernels/tables.h"

namespace thimble {

void fill_matmul_avx2(Kernels& table) {
  fill_quantized_matmul<Avx2>(table);
  table.quantize_q8_32 = &quantize_q8_32_avx2;
  table.quantize_q8_256 = &quantize_q8_256_avx2;
}

}  // namespace thimble
