#include "kernels/gradients_impl.h"
#include "kernels/tables.h"
#include "kernels/vec_avx2.h"

namespace thimble {

void fill_gradients_avx2(Kernels& table) { Gradients<Avx2Isa>::fill(table); }

}  // namespace thimble
