#include "kernels/feedback_impl.h"
#include "kernels/tables.h"
#include "kernels/vec_avx2.h"

namespace thimble {

void fill_feedback_avx2(Kernels& table) { Feedback<Avx2Isa>::fill(table); }

}  // namespace thimble
