// A run over a calibration text in chunks, with checkpoints: an importance matrix, and the perplexity on the way.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "compress/imatrix_collector.h"
#include "engine/session.h"
#include "measure/chunks.h"
#include "measure/perplexity.h"

namespace thimble {

struct CalibrationOptions {
  bool with_output = false;       // statistics of the head
  bool with_perplexity = true;    // score the second half of each chunk
  size_t checkpoint_chunks = 10;  // a checkpoint every so many, and where the run is stopped
  std::string checkpoint;         // its path; empty: none
  uint64_t source = 0;            // what the statistics are of: a checkpoint of another source is not gone on from
};

struct CalibrationState {
  size_t chunks = 0;  // done
  PerplexityScores scores;
};

struct Calibration {
  Imatrix imatrix;  // without datasets
  CalibrationState state;
  bool complete = false;  // false: stopped by progress, after a checkpoint
};

// Called after each chunk with the state and, to be asked for where it is wanted, the statistics so far; returning false stops
// there. `kept`: chunks that a checkpoint had.
using CalibrationProgress = std::function<bool(const CalibrationState& state,
                                               const std::function<Imatrix()>& statistics, size_t kept, size_t total)>;

// The session's context holds a chunk; its batch is batch_tokens. Goes on from the checkpoint where there is one of this source with
// no more chunks than there are; another's is overwritten. The result is the same bytes as an unbroken run's, whatever the number
// of threads. The caller removes the checkpoint when what it stands for is safe.
Calibration calibrate(Session& session, const Chunks& chunks, size_t batch_tokens, const CalibrationOptions& options,
                      const CalibrationProgress& progress = {});

// What statistics depend on beside the text's tokens: the model's file and how it is run.
uint64_t calibration_source(const Gguf& model, const Chunks& chunks, size_t batch_tokens,
                            const CalibrationOptions& options, std::string_view run_as);

}  // namespace thimble
