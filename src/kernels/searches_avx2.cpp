#include "kernels/tables.h"
#include "kernels/vec_avx2.h"
#include "quant/search_table_on.h"

namespace thimble {

void fill_searches_avx2(Kernels& table) {
  static constexpr ScaleSearches kSearches = searches_on<Avx2Isa>();
  table.searches = &kSearches;
}

}  // namespace thimble
