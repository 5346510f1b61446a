#include "kernels/bfloat_impl.h"
#include "kernels/tables.h"
#include "kernels/vec_avx512.h"

namespace thimble {

void fill_bfloat_avx512_vnni(Kernels& table) { Bfloat<Avx512Isa>::fill(table); }

}  // namespace thimble
