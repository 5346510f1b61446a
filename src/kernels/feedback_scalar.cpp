#include "kernels/feedback_impl.h"
#include "kernels/tables.h"
#include "kernels/vec_scalar.h"

namespace thimble {

void fill_feedback_scalar(Kernels& table) { Feedback<ScalarIsa>::fill(table); }

}  // namespace thimble
