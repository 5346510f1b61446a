#include "kernels/tables.h"
#include "quant/scale_search.h"

namespace thimble {

void fill_searches_scalar(Kernels& table) { table.searches = &plain_searches(); }

}  // namespace thimble
