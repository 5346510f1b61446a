#include "quant/scale_search.h"

#include "quant/block_search_on.h"
#include "quant/lanes.h"

namespace thimble {

const ScaleSearches& plain_searches() {
  static constexpr ScaleSearches kTable = searches_on<PlainLanes>();
  return kTable;
}

}  // namespace thimble
