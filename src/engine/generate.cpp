#include "engine/generate.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include "base/error.h"

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
        filter_(options.stop) {}

  Generation run(std::span<const TokenId> prompt) {
    const Clock::time_point start = Clock::now();
    if (options_.constraint != nullptr) options_.constraint->restart();
    std::span<const float> logits = run_prompt(prompt);
    result_.prompt_seconds = seconds_since(start);
    if (logits.empty()) {
      result_.stop_reason = StopReason::interrupted;
      return std::move(result_);
    }
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
    std::vector<TokenId> waiting = forced_tokens();  // part of the answer, not run yet
    for (;;) {
      for (const TokenId token : waiting) {
        if (const auto stopped = take(token)) return *stopped;
      }
      if (is_complete()) return StopReason::end_of_turn;
      if (result_.tokens.size() >= options_.max_tokens) return StopReason::length;
      if (!waiting.empty()) {
        if (session_.room() < waiting.size() && !make_room()) return StopReason::context_full;
        logits = session_.append(waiting);
      }
      if (interrupted()) return StopReason::interrupted;
      waiting = {choose(logits)};
      const std::vector<TokenId> forced = forced_tokens();
      waiting.insert(waiting.end(), forced.begin(), forced.end());
    }
  }

  TokenId choose(std::span<const float> logits) {
    TokenId token = sampler_.sample(logits, session_.tokens(), options_.constraint);
    if (callbacks_.on_choice) token = callbacks_.on_choice(logits, result_.tokens, token);
    if (options_.constraint != nullptr) options_.constraint->accept(token);
    return token;
  }

  // What has to follow, as far as the answer and the context have room for it besides the token that waits.
  std::vector<TokenId> forced_tokens() {
    if (options_.constraint == nullptr) return {};
    const size_t left = options_.max_tokens - std::min(options_.max_tokens, result_.tokens.size() + 1);
    return options_.constraint->take_forced(std::min(left, session_.room() - std::min<size_t>(session_.room(), 1)));
  }

  // A token becomes part of the answer, which it may end.
  std::optional<StopReason> take(TokenId token) {
    result_.tokens.push_back(token);
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
