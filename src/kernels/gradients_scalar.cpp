#include "kernels/gradients_impl.h"
#include "kernels/tables.h"
#include "kernels/vec_scalar.h"

namespace thimble {

void fill_gradients_scalar(Kernels& table) { Gradients<ScalarIsa>::fill(table); }

}  // namespace thimble
