#include "kernels/ops_impl.h"
#include "kernels/tables.h"
#include "kernels/vec_avx512.h"

namespace thimble {

void fill_ops_avx512_vnni(Kernels& table) { Ops<Avx512Isa>::fill(table); }

}  // namespace thimble
