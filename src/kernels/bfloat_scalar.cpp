#include "kernels/bfloat_impl.h"
#include "kernels/tables.h"
#include "kernels/vec_scalar.h"

namespace thimble {

void fill_bfloat_scalar(Kernels& table) { Bfloat<ScalarIsa>::fill(table); }

}  // namespace thimble
