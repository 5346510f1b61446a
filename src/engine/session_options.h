// How a session is set up; the memory plan reads the same values.
#pragma once

#include <cstddef>

#include "engine/kv_cache.h"
#include "model/workspace.h"

namespace thimble {

struct SessionOptions {
  KvOptions kv;
  size_t logit_rows = 1;  // rows of logits that are computed at once

  WorkspaceOptions workspace(unsigned workers) const {
    return {kv.batch_tokens, logit_rows, workers, kv.context_length, 0};
  }
};

}  // namespace thimble
