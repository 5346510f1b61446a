#include "kernels/matmul_loop.h"
#include "kernels/matmul_tiles_avx512_vnni.h"
#include "kernels/matvec_avx512_vnni.h"
#include "kernels/quantize_rows.h"
#include "kernels/tables.h"

namespace thimble {

void fill_matmul_avx512_vnni(Kernels& table) {
  fill_quantized_matmul<Avx512Vnni>(table);
  table.quantize_q8_32 = &quantize_q8_32_avx512_vnni;
  table.quantize_q8_256 = &quantize_q8_256_avx512_vnni;
}

}  // namespace thimble
