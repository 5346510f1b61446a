#include "kernels/bfloat_impl.h"
#include "kernels/tables.h"
#include "kernels/vec_avx2.h"

namespace thimble {

void fill_bfloat_avx2(Kernels& table) { Bfloat<Avx2Isa>::fill(table); }

}  // namespace thimble
