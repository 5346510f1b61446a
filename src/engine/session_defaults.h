// What a session has where nobody says otherwise.
#pragma once

#include <algorithm>
#include <cstddef>

#include "model/hyperparameters.h"
#include "quant/type_list.h"

namespace thimble {

inline constexpr size_t kDefaultContextLength = 2048;
inline constexpr size_t kDefaultDraftTokens = 7;  // a pass of eight costs little more than one of one

inline size_t default_context_length(const Hyperparameters& hyper) {
  return std::min<size_t>(hyper.context_length, kDefaultContextLength);
}

// 8 bits lose nothing that a perplexity shows; a head that is not whole blocks stays in half precision.
inline NumberType default_cache_type(const Hyperparameters& hyper) {
  return hyper.key_length % type_info(NumberType::Q8_0).block_size == 0 ? NumberType::Q8_0 : NumberType::F16;
}

}  // namespace thimble
