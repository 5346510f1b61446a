#include "engine/session.h"

#include <algorithm>

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
      cache_(require_head(model), options.kv),
      workspace_(model, options.workspace(team.size())),
      context_{model, kernels, team, workspace_} {
  tokens_.reserve(options.kv.context_length);
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

void Session::run_batch(std::span<const TokenId> batch) {
  forward(context_, cache_.view(), batch, tokens_.size());
  tokens_.insert(tokens_.end(), batch.begin(), batch.end());
  cache_.note_length(tokens_.size());
}

std::span<const float> Session::append(std::span<const TokenId> tokens, const Progress& progress) {
  if (tokens.empty()) {
    fail(ExitCode::usage, "no tokens to run: logits follow a token, so the prompt needs at least one");
  }
  check(tokens);
  size_t last = 0;
  for (size_t done = 0; done < tokens.size(); done += last) {
    if (done > 0 && progress && !progress(done)) return {};
    last = std::min(options_.kv.batch_tokens, tokens.size() - done);
    run_batch(tokens.subspan(done, last));
  }
  return compute_logits(context_, last - 1, 1);
}

void Session::append_all(std::span<const TokenId> tokens, size_t from, const LogitSink& sink) {
  const size_t vocabulary = model().hyper().vocabulary_size;
  append_rows(tokens, from, [&](size_t index, size_t rows, std::span<const float> logits) {
    for (size_t i = 0; i < rows; ++i) sink(index + i, logits.subspan(i * vocabulary, vocabulary));
  });
}

void Session::append_rows(std::span<const TokenId> tokens, size_t from, const LogitRowsSink& sink) {
  check(tokens);
  for (size_t done = 0; done < tokens.size();) {
    const size_t count = std::min(options_.kv.batch_tokens, tokens.size() - done);
    run_batch(tokens.subspan(done, count));
    for (size_t row = from > done ? from - done : 0; row < count; row += options_.logit_rows) {
      const size_t rows = std::min(options_.logit_rows, count - row);
      sink(done + row, rows, compute_logits(context_, row, rows));
    }
    done += count;
  }
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
