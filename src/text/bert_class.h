// What BERT's tokenizer makes of a code point, whatever the version of the machine's libraries.
#pragma once

#include <cstdint>

namespace thimble {

enum class BertClass : uint8_t { text, dropped, white_space, mark, punctuation, ideograph };

BertClass bert_class(uint32_t code_point);

}  // namespace thimble
