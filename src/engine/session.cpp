#include "engine/session.h"

#include <algorithm>
#include <cassert>

#include "base/error.h"

namespace thimble {
namespace {

const Model& require_head(const Model& model) {
  if (model.has_head()) return model;
  fail(ExitCode::usage, "{}: {} models are encoders: they make embeddings, not text; use 'thimble embed'",
       model.gguf().path(), model.spec().name);
}

}  // namespace

Session::Session(const Model& model, const Kernels& kernels, Team& team, const SessionOptions& options)
    : options_(options),
      own_(std::make_unique<OwnRunner>(require_head(model), kernels, team, options.workspace(team.size()))),
      runner_(*own_),
      cache_(model, options.kv) {
  tokens_.reserve(options.kv.context_length);
}

Session::Session(SharedRunner& runner, const SessionOptions& options)
    : options_(options), runner_(runner), cache_(require_head(runner.model()), options.kv) {
  options_.kv.batch_tokens = std::min(options.kv.batch_tokens, runner.batch_tokens());
  tokens_.reserve(options.kv.context_length);
  logits_.resize(options.logit_rows * model().hyper().vocabulary_size);
}

void Session::check(std::span<const TokenId> tokens) const {
  if (tokens.size() > room()) {
    fail(ExitCode::failed, "the context is full: {} tokens are held and {} more asked for, but -c is {}",
         tokens_.size(), tokens.size(), context_length());
  }
  const uint32_t vocabulary = model().hyper().vocabulary_size;
  for (TokenId id : tokens) {
    if (id < 0 || static_cast<uint32_t>(id) >= vocabulary) {
      fail(ExitCode::usage, "token id {} is out of range; this model has 0..{}", id, vocabulary - 1);
    }
  }
}

void Session::run_batch(std::span<const TokenId> batch, size_t first_row, const LogitRowsSink& sink) {
  cache_.note_length(tokens_.size() +
                     batch.size());  // first: also where the run fails, slots may have been written over
  runner_.run({cache_.view(), batch, tokens_.size(), first_row, sink});
  tokens_.insert(tokens_.end(), batch.begin(), batch.end());
}

std::span<const float> Session::append(std::span<const TokenId> tokens, const Progress& progress) {
  if (tokens.empty()) {
    fail(ExitCode::usage, "no tokens to run: logits follow a token, so the prompt needs at least one");
  }
  check(tokens);
  const LogitRowsSink none = [](size_t, size_t, std::span<const float>) {};
  size_t done = 0;
  for (; tokens.size() - done > options_.kv.batch_tokens; done += options_.kv.batch_tokens) {
    if (done > 0 && progress && !progress(done)) return {};
    run_batch(tokens.subspan(done, options_.kv.batch_tokens), options_.kv.batch_tokens, none);
  }
  if (done > 0 && progress && !progress(done)) return {};
  return run_last_batch(tokens.subspan(done), 1);
}

std::span<const float> Session::append_rows(std::span<const TokenId> tokens, size_t rows) {
  assert(rows >= 1 && rows <= tokens.size() && tokens.size() <= most_rows());
  check(tokens);
  return run_last_batch(tokens, rows);
}

// Rows that are computed at once stay where they are in a workspace of one's own; from a shared one they are copied.
std::span<const float> Session::run_last_batch(std::span<const TokenId> batch, size_t rows) {
  std::span<const float> last;
  const LogitRowsSink keep = [&](size_t index, size_t count, std::span<const float> logits) {
    if (own_) {
      last = logits;
      return;
    }
    const size_t width = logits.size() / count, at = index - (batch.size() - rows);
    std::ranges::copy(logits, logits_.begin() + static_cast<std::ptrdiff_t>(at * width));
    last = {logits_.data(), (at + count) * width};
  };
  run_batch(batch, batch.size() - rows, keep);
  return last;
}

void Session::append_all(std::span<const TokenId> tokens, size_t from, const LogitSink& sink) {
  const size_t vocabulary = model().hyper().vocabulary_size;
  append_rows(tokens, from, [&](size_t index, size_t rows, std::span<const float> logits) {
    for (size_t i = 0; i < rows; ++i) sink(index + i, logits.subspan(i * vocabulary, vocabulary));
  });
}

void Session::append_rows(std::span<const TokenId> tokens, size_t from, const LogitRowsSink& sink) {
  check(tokens);
  for (size_t done = 0, count = 0; done < tokens.size(); done += count) {
    count = std::min(options_.kv.batch_tokens, tokens.size() - done);
    const LogitRowsSink shifted = [&](size_t index, size_t rows, std::span<const float> logits) {
      sink(done + index, rows, logits);
    };
    run_batch(tokens.subspan(done, count), from > done ? std::min(from - done, count) : 0, shifted);
  }
}

void Session::adopt(std::span<const TokenId> tokens) {
  assert(tokens_.empty());
  check(tokens);
  tokens_.assign(tokens.begin(), tokens.end());
  cache_.note_length(tokens_.size());
}

void Session::copy_from(const Session& other) {
  cache_.copy_from(other.cache_, other.tokens_.size());
  tokens_ = other.tokens_;
}

void Session::borrow(const Session& other, std::span<const TokenId> tokens) {
  assert(tokens.size() == lendable(tokens.size()));
  cache_.copy_from(other.cache_, tokens.size());
  tokens_.assign(tokens.begin(), tokens.end());
}

size_t Session::rewind(size_t length) {
  length = std::min(length, tokens_.size());
  if (length < tokens_.size() && !cache_.can_rewind(length)) length = 0;
  if (length == 0) cache_.clear();
  tokens_.resize(length);
  return length;
}

size_t Session::keep_shared_prefix(std::span<const TokenId> wanted) {
  const auto [mine, theirs] = std::mismatch(tokens_.begin(), tokens_.end(), wanted.begin(), wanted.end());
  const size_t shared = static_cast<size_t>(mine - tokens_.begin());
  return rewind(std::min(shared, wanted.empty() ? 0 : wanted.size() - 1));
}

}  // namespace thimble
