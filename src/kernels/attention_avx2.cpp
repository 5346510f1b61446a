#include "kernels/attention_impl.h"
#include "kernels/cache_impl.h"
#include "kernels/tables.h"
#include "kernels/vec_avx2.h"

namespace thimble {

void fill_attention_avx2(Kernels& table) {
  CacheCodec<Avx2Isa>::fill(table);
  Attention<Avx2Isa>::fill(table);
}

}  // namespace thimble
