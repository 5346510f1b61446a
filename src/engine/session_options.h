// How a session is set up; the memory plan reads the same values.
#pragma once

#include <cstddef>

#include "engine/kv_cache.h"

namespace thimble {

struct SessionOptions {
  KvOptions kv;
  size_t logit_rows = 1;  // rows of logits that are computed at once
};

}  // namespace thimble
