#include "kernels/feedback_impl.h"
#include "kernels/tables.h"
#include "kernels/vec_avx512.h"

namespace thimble {

void fill_feedback_avx512_vnni(Kernels& table) { Feedback<Avx512Isa>::fill(table); }

}  // namespace thimble
