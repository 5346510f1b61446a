#include "engine/batch_runner.h"

#include <algorithm>
#include <numeric>

namespace thimble {
namespace {

using namespace std::chrono_literals;

constexpr size_t kFewTokens = 8;        // a batch of so few is somebody's next tokens, not a prompt
constexpr size_t kPromptsBeside = 128;  // tokens of prompts in a pass with next tokens, which wait for it
constexpr auto kLongestGrace = 2ms;     // and an eighth of the last pass

template <class F>
std::exception_ptr caught(F&& f) {
  try {
    f();
    return nullptr;
  } catch (...) {
    return std::current_exception();
  }
}

}  // namespace

void BatchRunner::give_rows(const Batch& batch, size_t begin, size_t end, size_t at) const {
  std::vector<size_t> rows;
  for (size_t row = begin; row < end; row += rows.size()) {
    rows.resize(std::min(logit_rows(), end - row));
    std::iota(rows.begin(), rows.end(), at + row - begin);
    batch.sink(row, rows.size(), compute_logits(context_, rows));
  }
}

void OwnRunner::run(const Batch& batch) {
  forward(context_, batch.cache, batch.tokens, batch.position);
  give_rows(batch, batch.first_row, batch.tokens.size(), batch.first_row);
}

void SharedRunner::run(const Batch& batch) {
  Job job{batch};
  std::unique_lock lock(mutex_);
  waiting_.push_back(&job);
  changed_.notify_all();
  while (!job.is_over()) {
    if (is_running_) {
      changed_.wait(lock);
      continue;
    }
    if (waiting_.size() < expected_ && Clock::now() < deadline_) {
      changed_.wait_until(lock, deadline_);
      continue;
    }
    is_running_ = true;
    std::vector<Part> parts = compose();
    lock.unlock();
    const Clock::time_point start = Clock::now();
    run_pass(parts);
    const Clock::time_point end = Clock::now();
    lock.lock();
    for (const Part& part : parts) {
      part.job->done += part.tokens;
      part.job->failure = part.failure;
    }
    expected_ = waiting_.size();
    std::erase_if(waiting_, [](const Job* waiting) { return waiting->is_over(); });
    deadline_ = end + std::min<Clock::duration>((end - start) / 8, kLongestGrace);
    is_running_ = false;
    changed_.notify_all();
  }
  if (job.failure) std::rethrow_exception(job.failure);
}

// First all next tokens, then prompts in equal parts of what is left.
std::vector<SharedRunner::Part> SharedRunner::compose() const {
  std::vector<Part> parts;
  std::vector<Job*> prompts;
  size_t used = 0;
  for (Job* job : waiting_) {
    const size_t left = job->batch.tokens.size() - job->done;
    if (left > kFewTokens) {
      prompts.push_back(job);
    } else if (used + left <= batch_tokens()) {
      parts.push_back({job, used, left});
      used += left;
    }
  }
  size_t room = batch_tokens() - used;
  if (used > 0) room = std::min(room, kPromptsBeside);
  std::ranges::stable_sort(prompts, {}, [](const Job* job) { return job->batch.tokens.size() - job->done; });
  for (size_t i = 0; i < prompts.size() && room > 0; ++i) {
    const size_t share = (room + prompts.size() - i - 1) / (prompts.size() - i);
    const size_t tokens = std::min(share, prompts[i]->batch.tokens.size() - prompts[i]->done);
    parts.push_back({prompts[i], used, tokens});
    used += tokens;
    room -= tokens;
  }
  return parts;
}

void SharedRunner::run_pass(std::span<Part> parts) {
  const std::exception_ptr failure = caught([&] {
    tokens_.clear();
    sequences_.clear();
    for (const Part& part : parts) {
      const Batch& batch = part.job->batch;
      const auto tokens = batch.tokens.subspan(part.job->done, part.tokens);
      tokens_.insert(tokens_.end(), tokens.begin(), tokens.end());
      const size_t position = batch.position + part.job->done;
      sequences_.push_back({part.first, part.first + part.tokens, position, position, &batch.cache});
    }
    forward(context_, parts[0].job->batch.cache, tokens_, sequences_);
  });
  if (!failure) return give_logits(parts);
  for (Part& part : parts) part.failure = failure;
}

void SharedRunner::give_logits(std::span<Part> parts) {
  std::vector<Part*> with_one;
  for (Part& part : parts) {
    const Batch& batch = part.job->batch;
    const size_t done = part.job->done, begin = std::max(batch.first_row, done), end = done + part.tokens;
    if (begin + 1 == end) {
      with_one.push_back(&part);
    } else if (begin < end) {
      part.failure = caught([&] { give_rows(batch, begin, end, part.first + begin - done); });
    }
  }
  for (size_t i = 0; i < with_one.size(); i += logit_rows()) {
    give_last_rows(std::span(with_one).subspan(i, std::min(logit_rows(), with_one.size() - i)));
  }
}

// The head is read once for all.
void SharedRunner::give_last_rows(std::span<Part* const> parts) {
  const size_t width = model().hyper().vocabulary_size;
  std::span<const float> logits;
  const std::exception_ptr failure = caught([&] {
    rows_.clear();
    for (const Part* part : parts) rows_.push_back(part->first + part->tokens - 1);
    logits = compute_logits(context_, rows_);
  });
  for (size_t i = 0; i < parts.size(); ++i) {
    Part& part = *parts[i];
    const auto give = [&] {
      part.job->batch.sink(part.job->done + part.tokens - 1, 1, logits.subspan(i * width, width));
    };
    part.failure = failure ? failure : caught(give);
  }
}

}  // namespace thimble
