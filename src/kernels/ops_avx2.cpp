#include "kernels/ops_impl.h"
#include "kernels/tables.h"
#include "kernels/vec_avx2.h"

namespace thimble {

void fill_ops_avx2(Kernels& table) { Ops<Avx2Isa>::fill(table); }

}  // namespace thimble
