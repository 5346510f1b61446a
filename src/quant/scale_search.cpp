#include "quant/scale_search.h"

#include "quant/lanes.h"
#include "quant/search_table_on.h"

namespace thimble {

const ScaleSearches& plain_searches() {
  static constexpr ScaleSearches kTable = searches_on<PlainLanes>();
  return kTable;
}

}  // namespace thimble
