// The answer loop: tokens in, text out as it becomes whole, until something named stops it.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/sampler.h"
#include "engine/session.h"
#include "text/token_constraint.h"
#include "text/tokenizer.h"

namespace thimble {

enum class StopReason : uint8_t { end_of_turn, stop_string, length, context_full, interrupted };
std::string_view name_of(StopReason reason);  // "eos", "stop", "length", "context", "interrupted"

enum class ContextFull : uint8_t {
  stop,  // end with StopReason::context_full
  shift  // drop the older half of what follows the first `keep` tokens, run the rest again, go on
};

struct GenerateOptions {
  size_t max_tokens = SIZE_MAX;
  std::vector<std::string> stop;  // strings that end the answer and are not part of it; none is empty
  bool ignore_end_of_turn = false;
  ContextFull context_full = ContextFull::stop;
  size_t keep = 0;                      // tokens at the beginning that a shift keeps (the system prompt)
  bool render_special = false;          // control tokens as text
  std::vector<TokenId> shown_tokens{};  // control tokens that are text all the same
  // What the answer has to keep to, from its beginning; begun anew by every answer. What it leaves no choice about is run
  // together with the next token. An answer that is complete ends as if the model had ended it.
  TokenConstraint* constraint = nullptr;
  // Tokens of a draft at most, 0: no speculation; as far as the session has rows of logits for them. The answer is the same with
  // and without. Not beside a constraint.
  size_t draft_tokens = 0;
};

struct Generation {
  std::string text;
  std::vector<TokenId> tokens;
  size_t prompt_tokens = 0;
  size_t reused_tokens = 0;  // of the prompt, found in the cache
  size_t drafted_tokens = 0;
  size_t accepted_tokens = 0;  // of those
  StopReason stop_reason = StopReason::length;
  double prompt_seconds = 0;
  double decode_seconds = 0;

  double prompt_speed() const;  // tokens run a second, 0 where none was
  double decode_speed() const;
};

struct GenerateCallbacks {
  std::function<void(std::string_view text)> on_text;  // whole characters only
  std::function<void(size_t done, size_t total)> on_prompt_progress;
  std::function<bool()> interrupted;  // polled between tokens and batches
  // Sees every choice: the logits it is made by, the answer so far, the token that the sampler takes. What it gives back is taken in that
  // one's place, and must be allowed by the constraint.
  std::function<TokenId(std::span<const float> logits, std::span<const TokenId> answer, TokenId sampled)> on_choice;
};

// Runs `prompt` (of which the session may hold a prefix already) and answers. Throws Error(failed) where the prompt alone
// exceeds the context.
Generation generate(Session& session, const Tokenizer& tokenizer, std::span<const TokenId> prompt, Sampler& sampler,
                    const GenerateOptions& options, const GenerateCallbacks& callbacks = {});

}  // namespace thimble
