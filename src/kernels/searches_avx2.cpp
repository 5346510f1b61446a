#include "kernels/tables.h"
#include "kernels/vec_avx2.h"
#include "quant/scale_search_on.h"

namespace thimble {

void fill_searches_avx2(Kernels& table) {
  static constexpr ScaleSearches kSearches = SearchesOn<Avx2Isa>::table();
  table.searches = &kSearches;
}

}  // namespace thimble
