#include "kernels/ops_impl.h"
#include "kernels/tables.h"
#include "kernels/vec_scalar.h"

namespace thimble {

void fill_ops_scalar(Kernels& table) { Ops<ScalarIsa>::fill(table); }

}  // namespace thimble
