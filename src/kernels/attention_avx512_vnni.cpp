#include "kernels/attention_impl.h"
#include "kernels/cache_impl.h"
#include "kernels/tables.h"
#include "kernels/vec_avx512.h"

namespace thimble {

void fill_attention_avx512_vnni(Kernels& table) {
  CacheCodec<Avx512Isa>::fill(table);
  Attention<Avx512Isa>::fill(table);
}

}  // namespace thimble
