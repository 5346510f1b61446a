#include "kernels/bfloat_impl.h"
#include "kernels/tables.h"
#include "kernels/vec_avx512.h"

namespace thimble {
namespace {

struct Avx512Bf16Isa : Avx512Isa {
  static Float dot_pairs(Int w, Int x, Float sum) {
    return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(w), reinterpret_cast<__m512bh>(x));
  }
};

}  // namespace

void fill_bfloat_avx512_bf16(Kernels& table) { Bfloat<Avx512Bf16Isa>::fill(table); }

}  // namespace thimble
