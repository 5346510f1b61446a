#include "text/bert_class.h"

#include <algorithm>

#include "text/bert_class_table.h"

namespace thimble {

BertClass bert_class(uint32_t code_point) {
  const auto begins_later = [](uint32_t wanted, uint32_t entry) { return wanted < entry >> 3; };
  const auto next = std::upper_bound(kBertClassRanges.begin(), kBertClassRanges.end(), code_point, begins_later);
  return static_cast<BertClass>(*(next - 1) & 7);
}

}  // namespace thimble
