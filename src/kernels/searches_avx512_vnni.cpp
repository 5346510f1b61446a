#include "kernels/tables.h"
#include "kernels/vec_avx512.h"
#include "quant/search_table_on.h"

namespace thimble {

void fill_searches_avx512_vnni(Kernels& table) {
  static constexpr ScaleSearches kSearches = searches_on<Avx512Isa>();
  table.searches = &kSearches;
}

}  // namespace thimble
