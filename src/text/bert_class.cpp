#include "text/bert_class.h"

#include "text/bert_class_table.h"
#include "text/class_ranges.h"

namespace thimble {

BertClass bert_class(uint32_t code_point) {
  return static_cast<BertClass>(class_in_ranges(kBertClassRanges, code_point));
}

}  // namespace thimble
