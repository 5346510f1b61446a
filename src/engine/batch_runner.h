// What runs the batches of sessions: a workspace that a session has to itself, or one that several share.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <span>
#include <vector>

#include "base/team.h"
#include "kernels/kernels.h"
#include "model/forward.h"
#include "model/workspace.h"

namespace thimble {

// sink(index of the first in the batch, how many, logits [rows][vocabulary_size], valid during the call)
using LogitRowsSink = std::function<void(size_t index, size_t rows, std::span<const float> logits)>;

// Tokens that follow the first `position` ones of a cache, and whose logits are wanted: those from `first_row` on.
struct Batch {
  const KvView& cache;
  std::span<const TokenId> tokens;  // 1 or more, at most batch_tokens
  size_t position;
  size_t first_row;
  const LogitRowsSink& sink;
};

class BatchRunner {
 public:
  // Allocates everything it will use. The references must outlive it.
  BatchRunner(const Model& model, const Kernels& kernels, Team& team, const WorkspaceOptions& options)
      : workspace_(model, options), context_{model, kernels, team, workspace_} {}
  virtual ~BatchRunner() = default;
  BatchRunner(const BatchRunner&) = delete;
  BatchRunner& operator=(const BatchRunner&) = delete;

  const Model& model() const { return context_.model; }
  Team& team() const { return context_.team; }
  size_t batch_tokens() const { return workspace_.layout().options.batch_tokens; }

  // Throws what the sink throws, and what forward() and compute_logits() do.
  virtual void run(const Batch& batch) = 0;

 protected:
  size_t logit_rows() const { return workspace_.layout().options.logit_rows; }
  // Rows [begin, end) of the batch, the first of which is token `at` of the last pass.
  void give_rows(const Batch& batch, size_t begin, size_t end, size_t at) const;

  Workspace workspace_;
  ForwardContext context_;
};

// For one session. Logits stay valid until the next batch.
class OwnRunner : public BatchRunner {
 public:
  using BatchRunner::BatchRunner;
  void run(const Batch& batch) override;
  void set_probe(InputProbe* probe) { context_.probe = probe; }
};

// For sessions on threads of their own: batches that wait at the same time run in one pass, so that the weights are read once for
// all of them. A thread that finds no pass under way runs the next one itself. What a session gets does not depend on its
// company, bit for bit.
class SharedRunner : public BatchRunner {
 public:
  using BatchRunner::BatchRunner;
  // Blocks until the batch has run; its sink may be called on another thread meanwhile. Any number of threads at once, each with
  // a cache of its own; caches are alike in type.
  void run(const Batch& batch) override;

 private:
  using Clock = std::chrono::steady_clock;

  // On its owner's stack, which goes on as soon as it is over: changed under the lock alone.
  struct Job {
    const Batch& batch;
    size_t done = 0;  // tokens
    std::exception_ptr failure = nullptr;
    bool is_over() const { return failure != nullptr || done == batch.tokens.size(); }
  };
  // A part of a job in a pass.
  struct Part {
    Job* job;
    size_t first;  // of the pass
    size_t tokens;
    std::exception_ptr failure = nullptr;
  };

  std::vector<Part> compose() const;
  void run_pass(std::span<Part> parts);
  void give_logits(std::span<Part> parts);
  void give_last_rows(std::span<Part* const> parts);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Job*> waiting_;
  bool is_running_ = false;
  // Those that the last pass served are soon back with their next token: the next pass waits for them, but not past `deadline_`.
  size_t expected_ = 0;
  Clock::time_point deadline_;
  // Of the pass under way.
  std::vector<TokenId> tokens_;
  std::vector<Sequence> sequences_;
  std::vector<size_t> rows_;
};

}  // namespace thimble
