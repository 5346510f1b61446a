// Which answer a model finds likeliest, scored as llama-perplexity scores it: by the mean log-probability of the answer's tokens. What
// the answers begin with in common is run once.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "engine/session.h"
#include "measure/choice_tasks.h"
#include "measure/kept_rows.h"
#include "text/tokenizer.h"

namespace thimble {

struct ChoiceResult {
  size_t tasks = 0;  // scored
  size_t correct = 0;
  size_t answers = 0;  // of all tasks

  double score() const;   // share of the tasks that are right
  double error() const;   // one standard error of it
  double chance() const;  // what guessing would get
  struct Interval {
    double low;
    double high;
  };
  Interval interval() const;  // 95%, Wilson's
};

// Called after each task; returning false ends there.
using ChoiceProgress = std::function<bool(const ChoiceResult& so_far, size_t total)>;

// Goes on from what is kept, and takes that file away at the end. Throws Error(usage) naming the task that is longer than the session's context, and Error(bad_file) where its answers do not even
// begin with the same token.
//
// Of a gap to be filled only what follows the filling is scored, without its last token, where more than three tokens differ; else
// all that differs, and then, as llama.cpp has it, the first differing token of the second text is scored behind the whole first one.
// Where nothing follows the filling it is scored itself (llama.cpp divides by nothing there and takes the second).
ChoiceResult measure_choices(Session& session, const Tokenizer& tokenizer, const std::vector<ChoiceTask>& tasks,
                             const ChoiceProgress& progress = {}, KeptRows kept = {});

}  // namespace thimble
