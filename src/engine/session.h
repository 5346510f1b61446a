// One conversation's state on a loaded model: the tokens seen so far and their cache. One thread at a time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/team.h"
#include "engine/batch_runner.h"
#include "engine/kv_cache.h"
#include "engine/session_options.h"
#include "kernels/kernels.h"
#include "model/model.h"
#include "text/tokenizer.h"

namespace thimble {

class Session {
 public:
  // Allocates everything it will use. The references must outlive it.
  Session(const Model& model, const Kernels& kernels, Team& team, const SessionOptions& options);
  // One of several that share a workspace, each on one thread at a time. Batches are at most the runner's.
  Session(SharedRunner& runner, const SessionOptions& options);

  const Model& model() const { return runner_.model(); }
  Team& team() const { return runner_.team(); }
  // From the next batch on; nullptr: none. The probe must outlive its use. Only for a session with a workspace of its own.
  void set_probe(InputProbe* probe) { own_->set_probe(probe); }
  size_t context_length() const { return options_.kv.context_length; }
  size_t room() const { return context_length() - tokens_.size(); }
  std::span<const TokenId> tokens() const { return tokens_; }

  // Called between batches with the number of tokens done; returning false stops the work there.
  using Progress = std::function<bool(size_t done)>;

  // Adds tokens to the end, in batches, and returns the logits after the last one, valid until the next call; empty where
  // `progress` stopped it. Throws Error(failed) where they do not fit the context, Error(usage) for none or an id out of range.
  std::span<const float> append(std::span<const TokenId> tokens, const Progress& progress = {});

  // Rows of logits that append_rows() can give.
  size_t most_rows() const { return std::min(options_.logit_rows, options_.kv.batch_tokens); }
  // As append, for at most most_rows() tokens: logits after the last `rows` of them, [rows][vocabulary_size].
  std::span<const float> append_rows(std::span<const TokenId> tokens, size_t rows);
  // As append, giving every position's logits: sink(index in `tokens`, logits). Rows from `from` on only.
  using LogitSink = std::function<void(size_t index, std::span<const float> logits)>;
  void append_all(std::span<const TokenId> tokens, size_t from, const LogitSink& sink);
  // The same, up to SessionOptions::logit_rows at once.
  void append_rows(std::span<const TokenId> tokens, size_t from, const LogitRowsSink& sink);

  // The bytes of the cache that the first `length` positions take, in the same order every time, for who keeps them or brings them back;
  // they belong to the session. What is in them counts once adopt() has said which tokens they are of; it expects an empty session
  // and ids that append() would take, and throws as append() does.
  std::vector<std::span<std::byte>> cache_runs(size_t length) const { return cache_.runs(length); }
  void adopt(std::span<const TokenId> tokens);

  // Becomes what `other` is, which has the same options: its tokens, and a copy of their cache.
  void copy_from(const Session& other);
  // Becomes the beginning of one that another thread runs at the same time: `tokens`, which it keeps meanwhile, and which are
  // lendable(as many).
  void borrow(const Session& other, std::span<const TokenId> tokens);
  // Of `length` tokens that stay, those that can be lent meanwhile.
  size_t lendable(size_t length) const { return cache_.lendable(length); }

  // Forgets the tokens from `length` on. May have to forget more (window layers keep no distant past); returns the new length.
  size_t rewind(size_t length);
  // Keeps the longest prefix shared with `wanted`, less one token so that there is always one to run. Returns its length.
  size_t keep_shared_prefix(std::span<const TokenId> wanted);

 private:
  void check(std::span<const TokenId> tokens) const;
  void run_batch(std::span<const TokenId> batch, size_t first_row, const LogitRowsSink& sink);
  std::span<const float> run_last_batch(std::span<const TokenId> batch, size_t rows);

  SessionOptions options_;
  std::unique_ptr<OwnRunner> own_;
  BatchRunner& runner_;
  KvCache cache_;
  std::vector<TokenId> tokens_;
  std::vector<float> logits_;  // the last ones, where the workspace is shared, [logit_rows][vocabulary_size]
};

}  // namespace thimble
