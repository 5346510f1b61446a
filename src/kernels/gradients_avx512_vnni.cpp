#include "kernels/gradients_impl.h"
#include "kernels/tables.h"
#include "kernels/vec_avx512.h"

namespace thimble {

void fill_gradients_avx512_vnni(Kernels& table) { Gradients<Avx512Isa>::fill(table); }

}  // namespace thimble
