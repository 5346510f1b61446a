#include "engine/generate.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include "base/error.h"
#include "engine/prompt_lookup.h"

namespace thimble {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Text on its way out: what may be the beginning of a stop string waits until that is decided.
class StopFilter {
 public:
  explicit StopFilter(std::span<const std::string> stops) : stops_(stops) {}

  // Appends to the answer and returns what can be shown; sets stopped() when a stop string is complete.
  std::string push(std::string_view text) {
    held_ += text;
    size_t cut = std::string::npos;
    for (const std::string& stop : stops_) cut = std::min(cut, held_.find(stop));
    if (cut != std::string::npos) {
      stopped_ = true;
      held_.resize(cut);
      return std::exchange(held_, {});
    }
    const size_t show = held_.size() - longest_beginning();
    std::string out = held_.substr(0, show);
    held_.erase(0, show);
    return out;
  }

  std::string finish() { return std::exchange(held_, {}); }
  bool stopped() const { return stopped_; }

 private:
  // Length of the longest end of held_ that is the beginning of a stop string.
  size_t longest_beginning() const {
    size_t longest = 0;
    for (const std::string& stop : stops_) {
      for (size_t n = std::min(stop.size() - 1, held_.size()); n > longest; --n) {
        if (held_.ends_with(std::string_view(stop).substr(0, n))) longest = n;
      }
    }
    return longest;
  }

  std::span<const std::string> stops_;
  std::string held_;
  bool stopped_ = false;
};

class Loop {
 public:
  Loop(Session& session, const Tokenizer& tokenizer, Sampler& sampler, const GenerateOptions& options,
       const GenerateCallbacks& callbacks)
      : session_(session),
        tokenizer_(tokenizer),
        sampler_(sampler),
        options_(options),
        callbacks_(callbacks),
        filter_(options.stop),
        most_drafted_(options.constraint != nullptr ? 0 : std::min(options.draft_tokens, session.most_rows() - 1)),
        lookup_(most_drafted_) {}

  Generation run(std::span<const TokenId> prompt) {
    const Clock::time_point start = Clock::now();
    if (options_.constraint != nullptr) options_.constraint->restart();
    std::span<const float> logits = run_prompt(prompt);
    result_.prompt_seconds = seconds_since(start);
    if (logits.empty()) {
      result_.stop_reason = StopReason::interrupted;
      return std::move(result_);
    }
    history_.assign(prompt.begin(), prompt.end());
    const Clock::time_point decoding = Clock::now();
    result_.stop_reason = answer(logits);
    show(filter_.stopped() ? "" : filter_.push(decoder_.finish()) + filter_.finish());
    result_.decode_seconds = seconds_since(decoding);
    return std::move(result_);
  }

 private:
  std::span<const float> run_prompt(std::span<const TokenId> prompt) {
    const std::string file = printable(session_.model().gguf().path());
    if (prompt.empty()) fail(ExitCode::usage, "{}: the prompt is empty: there is no token to start from", file);
    if (prompt.size() > session_.context_length()) {
      fail(ExitCode::failed, "{}: the prompt has {} tokens, but the context holds {}: shorten it or raise -c", file,
           prompt.size(), session_.context_length());
    }
    result_.prompt_tokens = prompt.size();
    result_.reused_tokens = session_.keep_shared_prefix(prompt);
    return session_.append(prompt.subspan(result_.reused_tokens), [&](size_t done) {
      if (callbacks_.on_prompt_progress) callbacks_.on_prompt_progress(done, prompt.size() - result_.reused_tokens);
      return !interrupted();
    });
  }

  StopReason answer(std::span<const float> logits) {
    std::vector<TokenId> waiting;      // part of the answer, not run yet
    std::span<const TokenId> draft{};  // that was run behind them
    if (const auto stopped = take_forced(waiting)) return *stopped;
    for (;;) {
      if (is_complete()) return StopReason::end_of_turn;
      if (result_.tokens.size() >= options_.max_tokens) return StopReason::length;
      if (!waiting.empty()) {
        if (session_.room() < waiting.size() && !make_room()) return StopReason::context_full;
        draft = propose(waiting);
        logits = run(waiting, draft);
      }
      if (interrupted()) {
        forget(draft.size());
        return StopReason::interrupted;
      }
      if (const auto stopped = choose(logits, draft, waiting)) return *stopped;
    }
  }

  std::span<const TokenId> propose(std::span<const TokenId> waiting) {
    const size_t left = options_.max_tokens - result_.tokens.size();
    if (most_drafted_ == 0 || left < 2) return {};
    return lookup_.propose(history_, std::min({most_drafted_, left - 1, session_.room() - waiting.size()}));
  }

  std::span<const float> run(std::span<const TokenId> waiting, std::span<const TokenId> draft) {
    if (most_drafted_ == 0) return session_.append(waiting);
    const Clock::time_point start = Clock::now();
    std::vector<TokenId> tokens(waiting.begin(), waiting.end());
    tokens.insert(tokens.end(), draft.begin(), draft.end());
    const std::span<const float> logits = session_.append_rows(tokens, draft.size() + 1);
    pass_seconds_ = seconds_since(start);
    return logits;
  }

  // The next token from each row of logits, as long as the draft has it too; what is not run yet becomes `waiting`, and the session
  // forgets the rest of the draft.
  std::optional<StopReason> choose(std::span<const float> logits, std::span<const TokenId> draft,
                                   std::vector<TokenId>& waiting) {
    const size_t width = logits.size() / (draft.size() + 1);
    size_t accepted = 0;
    std::optional<StopReason> stopped;
    for (;; ++accepted) {
      const std::span<const float> row = logits.subspan(accepted * width, width);
      TokenId token = sampler_.sample(row, history_, options_.constraint);
      if (callbacks_.on_choice) token = callbacks_.on_choice(row, result_.tokens, token);
      if (options_.constraint != nullptr) options_.constraint->accept(token);
      waiting = {token};
      stopped = take(token);
      const bool is_right = accepted < draft.size() && draft[accepted] == token;
      if (stopped || !is_right || result_.tokens.size() >= options_.max_tokens) break;
    }
    forget(draft.size() - accepted);
    if (most_drafted_ > 0 && pass_seconds_ > 0) lookup_.note_pass(draft.size(), accepted, pass_seconds_);
    result_.drafted_tokens += draft.size();
    result_.accepted_tokens += accepted;
    return stopped ? stopped : take_forced(waiting);
  }

  void forget(size_t tokens) {
    if (tokens > 0) session_.rewind(session_.tokens().size() - tokens);
  }

  // What has to follow, as far as the answer and the context have room for it besides the token that waits.
  std::optional<StopReason> take_forced(std::vector<TokenId>& waiting) {
    if (options_.constraint == nullptr) return std::nullopt;
    const size_t used = std::max<size_t>(waiting.size(), 1);
    const size_t left = options_.max_tokens - std::min(options_.max_tokens, result_.tokens.size());
    const size_t room = session_.room() - std::min(session_.room(), used);
    for (const TokenId token : options_.constraint->take_forced(std::min(left, room))) {
      waiting.push_back(token);
      if (const auto stopped = take(token)) return stopped;
    }
    return std::nullopt;
  }

  // A token becomes part of the answer, which it may end.
  std::optional<StopReason> take(TokenId token) {
    result_.tokens.push_back(token);
    history_.push_back(token);
    const bool may_end = !options_.ignore_end_of_turn || options_.constraint != nullptr;
    if (may_end && tokenizer_.is_end_of_generation(token)) return StopReason::end_of_turn;
    show(filter_.push(decoder_.push(tokenizer_.piece(token, is_shown(token)))));
    if (filter_.stopped()) return StopReason::stop_string;
    return std::nullopt;
  }

  bool is_complete() const { return options_.constraint != nullptr && options_.constraint->must_end(); }

  bool is_shown(TokenId token) const {
    return options_.render_special || std::ranges::find(options_.shown_tokens, token) != options_.shown_tokens.end();
  }

  // Half of what is not to be kept goes; the rest is run again, so that what follows is what a fresh session would say.
  bool make_room() {
    if (options_.context_full == ContextFull::stop) return false;
    std::vector<TokenId> tokens(session_.tokens().begin(), session_.tokens().end());
    const size_t keep = std::min(options_.keep, tokens.size() / 2);
    const size_t drop = (tokens.size() - keep + 1) / 2;
    if (drop == 0) return false;
    tokens.erase(tokens.begin() + static_cast<std::ptrdiff_t>(keep),
                 tokens.begin() + static_cast<std::ptrdiff_t>(keep + drop));
    const size_t held = session_.rewind(keep);
    if (tokens.size() > held) session_.append(std::span(tokens).subspan(held));
    return true;
  }

  void show(const std::string& text) {
    if (text.empty()) return;
    result_.text += text;
    if (callbacks_.on_text) callbacks_.on_text(text);
  }

  bool interrupted() const { return callbacks_.interrupted && callbacks_.interrupted(); }

  Session& session_;
  const Tokenizer& tokenizer_;
  Sampler& sampler_;
  const GenerateOptions& options_;
  const GenerateCallbacks& callbacks_;
  StopFilter filter_;
  StreamDecoder decoder_;
  const size_t most_drafted_;
  PromptLookup lookup_;
  double pass_seconds_ = 0;
  std::vector<TokenId> history_;  // the prompt and the answer
  Generation result_;
};

double speed(size_t tokens, double seconds) {
  return tokens > 0 && seconds > 0 ? static_cast<double>(tokens) / seconds : 0;
}

}  // namespace

std::string_view name_of(StopReason reason) {
  switch (reason) {
    case StopReason::end_of_turn: return "eos";
    case StopReason::stop_string: return "stop";
    case StopReason::length: return "length";
    case StopReason::context_full: return "context";
    case StopReason::interrupted: return "interrupted";
  }
  return "";
}

double Generation::prompt_speed() const { return speed(prompt_tokens - reused_tokens, prompt_seconds); }

// The first token comes with the prompt; what follows is decoding.
double Generation::decode_speed() const { return tokens.empty() ? 0 : speed(tokens.size() - 1, decode_seconds); }

Generation generate(Session& session, const Tokenizer& tokenizer, std::span<const TokenId> prompt, Sampler& sampler,
                    const GenerateOptions& options, const GenerateCallbacks& callbacks) {
  return Loop(session, tokenizer, sampler, options, callbacks).run(prompt);
}

}  // namespace thimble
