#include "kernels/tables.h"
#include "kernels/vec_avx512.h"
#include "quant/scale_search_on.h"

namespace thimble {

void fill_searches_avx512_vnni(Kernels& table) {
  static constexpr ScaleSearches kSearches = SearchesOn<Avx512Isa>::table();
  table.searches = &kSearches;
}

}  // namespace thimble
