// How a session is set up; the memory plan reads the same values.
#pragma once

#include <cstddef>

#include "engine/kv_cache.h"
#include "model/workspace.h"

namespace thimble {

struct SessionOptions {
  KvOptions kv;
  size_t logit_rows = 1;  // rows of logits that are computed at once
  size_t sequences = 0;   // texts that are embedded at once; 0: a session that makes logits
  size_t sessions = 1;    // that share a workspace, each with a cache of its own

  WorkspaceOptions workspace(unsigned workers) const {
    return {kv.batch_tokens, sequences != 0 ? 0 : logit_rows, workers, kv.context_length, sequences};
  }
};

}  // namespace thimble
