// Speed of prompt processing and of generation, measured as llama-bench does: tokenization and sampling excluded.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "engine/session.h"

namespace thimble {

struct SpeedTest {
  size_t prompt_tokens = 0;     // run in batches
  size_t generated_tokens = 0;  // run one by one after them
  size_t depth = 0;             // tokens already in the context, not timed
};

struct SpeedResult {
  SpeedTest test;
  std::vector<double> seconds;  // of each repetition

  double mean_seconds() const;
  double stddev_seconds() const;
  double mean_speed() const;  // tokens a second
  double stddev_speed() const;

 private:
  std::vector<double> speeds() const;
};

// One warm-up, then `repetitions` timed runs, each from an empty session. `interrupted` is polled between runs.
SpeedResult measure_speed(Session& session, const SpeedTest& test, size_t repetitions,
                          const std::function<bool()>& interrupted = {});

}  // namespace thimble
