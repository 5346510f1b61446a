#include "kernels/attention_impl.h"
#include "kernels/cache_impl.h"
#include "kernels/tables.h"
#include "kernels/vec_scalar.h"

namespace thimble {

void fill_attention_scalar(Kernels& table) {
  CacheCodec<ScalarIsa>::fill(table);
  Attention<ScalarIsa>::fill(table);
}

}  // namespace thimble
