// Drafts for speculation without a second model: what followed the same tokens earlier in the context. Texts that quote their source,
// summaries, edits and tables are full of it (prompt-lookup decoding). A draft changes how fast an answer comes, never what it says.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "text/tokenizer.h"

namespace thimble {

class PromptLookup {
 public:
  // `most`: tokens of a draft.
  explicit PromptLookup(size_t most) : most_(most), length_(most) {}

  // What may follow `tokens`, at most `room` of it, and nothing where speculation does not pay just now; valid until the next call.
  // Each call's tokens begin with the last call's.
  std::span<const TokenId> propose(std::span<const TokenId> tokens, size_t room);

  // What a pass took and gave: a draft of `drafted` tokens (0: none), of which `accepted` were right.
  void note_pass(size_t drafted, size_t accepted, double seconds);

 private:
  static uint64_t key_before(std::span<const TokenId> tokens, size_t end);
  void index(std::span<const TokenId> tokens);
  size_t find(std::span<const TokenId> tokens, size_t& length) const;
  void judge();

  size_t most_;
  size_t length_;                                // of the next draft
  std::unordered_map<uint64_t, uint32_t> ends_;  // of the latest run of kRun tokens, by its hash
  std::vector<uint32_t> earlier_;                // by end: that of the run of the same hash before it, 0: none
  std::vector<TokenId> draft_;
  // Seconds of a pass without a draft, as a moving average; of late passes with one, and the tokens that they gave.
  double plain_seconds_ = 0;
  double draft_seconds_ = 0;
  double draft_tokens_ = 0;
  size_t draft_passes_ = 0;
  size_t pause_ = 0;  // passes without a draft still to come
  size_t next_pause_ = 0;
};

}  // namespace thimble
