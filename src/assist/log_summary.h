// A log summed up: the facts found without a model, and sentences that a model writes from them, each held to the facts and with the
// lines that it is about. What a model writes that the facts do not bear is replaced by a plain sentence made from them, so a
// summary is never worse than without a model.
//
// The model never sees the log, only the facts: one prompt for each event (map), which fits the context or is left out, and a grammar
// that ends the answer with its sentence. With three events or more their sentences are summed up in turn, as many at once as fit
// (reduce), until one is left that heads the summary. The beginning of all prompts is the same and stays in the session. Events beyond
// kMostEvents are counted, not told.
#pragma once

#include <nlohmann/json.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "assist/log_claims.h"
#include "assist/log_file.h"
#include "engine/conversation.h"
#include "engine/language_model.h"
#include "engine/session.h"
#include "text/token_constraint.h"

namespace thimble {

struct LogSummary {
  std::string text;  // sentences, each with a reference such as [L36-L42]
  LogFacts facts;
  size_t model_sentences = 0;
  size_t plain_sentences = 0;
  size_t prompt_tokens = 0;  // of all prompts
  size_t reused_tokens = 0;  // of them, found in the session
  size_t generated_tokens = 0;
  size_t longest_context = 0;  // tokens of the longest prompt with its answer
};

// {"summary","events":[...],"sentences":{"model","plain"}} and, with a model, "tokens".
nlohmann::ordered_json to_json(const LogSummary& summary);

class LogSummarizer {
 public:
  static constexpr size_t kMostEvents = 12;

  // Without a model: the facts and plain sentences.
  LogSummarizer() = default;
  // Both must outlive it; one thread at a time. `template_source`: a chat template instead of the file's own, where not empty.
  // Throws Error(bad_file) where there is none.
  LogSummarizer(const LanguageModel& language_model, Session& session, std::string_view template_source = {});

  void set_interrupted(std::function<bool()> interrupted) { interrupted_ = std::move(interrupted); }
  // Called before every sentence that the model writes of an event, with how many are told already.
  void set_progress(std::function<void(size_t done, size_t total)> progress) { progress_ = std::move(progress); }

  // Throws Error(interrupted), and what analyze_log_file throws.
  LogSummary summarize_file(const std::string& path, LogWindow window = {}, const LogProgress& progress = {}) {
    return summarize(analyze_log_file(path, window, progress));
  }
  LogSummary summarize_text(std::string_view text, std::string_view name, LogWindow window = {}) {
    return summarize(analyze_log_text(text, name, window));
  }
  LogSummary summarize(LogFacts facts);

 private:
  std::vector<LogClaim> tell_events(LogSummary& summary, const std::vector<size_t>& told);
  void reduce(LogSummary& summary, std::vector<LogClaim> claims);
  size_t reducible(const std::vector<LogClaim>& claims, size_t begin);
  void load_shots(bool has_system_turn);
  bool fits(const std::string& prompt);
  std::string write(LogSummary& summary, const std::string& prompt);

  const LanguageModel* language_model_ = nullptr;
  Session* session_ = nullptr;
  std::unique_ptr<Conversation> conversation_;
  std::unique_ptr<TokenConstraint> constraint_;  // one sentence
  std::function<bool()> interrupted_;
  std::function<void(size_t, size_t)> progress_;
};

}  // namespace thimble
