#include "kernels/attention_scratch.h"
#include "kernels/kernels.h"

namespace thimble {

size_t attention_scratch_bytes(size_t head_dim) {
  struct AnyIsa;
  return AttentionScratch<AnyIsa>(nullptr, head_dim).bytes;
}

}  // namespace thimble
