#include "assist/log_summary.h"

#include <fmt/format.h>

#include <algorithm>

#include "assist/log_report.h"
#include "base/error.h"
#include "engine/sampler.h"
#include "text/gbnf.h"
#include "text/token_constraint.h"

namespace thimble {
namespace {

constexpr size_t kSentenceTokens = 96;  // for an answer
constexpr size_t kLeastReduced = 3;     // sentences that are summed up again

// One sentence: a full stop ends it, save between digits.
constexpr std::string_view kSentence = R"(root ::= [A-Z] ([^.\[\]\x00-\x1F\x7F] | "." [0-9]){10,160} ".")";

constexpr std::string_view kSystem =
    "You report machine events to a technician. Write one short sentence in plain English: what happened, when, and "
    "how it ended. Use only words and numbers of the facts.";
struct Shot {
  std::string_view facts;
  std::string_view sentence;
};
constexpr Shot kShots[] = {
    {"from 11:20 to 12:05; error; F31 fan blocked, dryer stopped; end: belt replaced, F31 reset",
     "The fan was blocked (F31) and stopped the dryer at 11:20; the belt was replaced by 12:05."},
    {"from 08:00 to 09:30; warning; filter change overdue, 510 h of 500 h (3 times)",
     "The filter change was reported overdue 3 times from 08:00 to 09:30."},
    {"at 14:02; info; user 7: fan speed 40 -> 55 %", "User 7 changed the fan speed from 40 to 55 % at 14:02."},
};
constexpr std::string_view kReduceTask = "Sum up these reports in one short sentence that says what matters most.";

std::string event_facts(const LogEvent& event) {
  std::string text = event_time(event);
  if (!text.empty()) text += "; ";
  text += fmt::format("{}; {}", name_of(event.severity), event.what);
  for (const std::string& detail : event.details) text += "; " + detail;
  if (!event.end.empty()) text += "; end: " + event.end;
  return text;
}

std::string reduce_prompt(const std::vector<LogClaim>& claims, size_t begin, size_t count) {
  std::string prompt(kReduceTask);
  for (size_t i = begin; i < begin + count; ++i) prompt += "\n" + claims[i].text;
  return prompt;
}

std::string with_reference(const LogClaim& claim) {
  std::string text = claim.text;
  if (text.ends_with('.')) text.pop_back();
  return fmt::format("{} {}.", text, line_reference(claim.first_line, claim.last_line));
}

}  // namespace

nlohmann::ordered_json to_json(const LogSummary& summary) {
  nlohmann::ordered_json json = {{"summary", summary.text}, {"events", nlohmann::ordered_json::array()}};
  for (const LogEvent& event : summary.facts.events) json["events"].push_back(to_json(event));
  json["lines"] = {
      {"first", summary.facts.first_line}, {"last", summary.facts.last_line}, {"count", summary.facts.lines}};
  json["sentences"] = {{"model", summary.model_sentences}, {"plain", summary.plain_sentences}};
  if (summary.prompt_tokens != 0) {
    json["tokens"] = {{"prompt", summary.prompt_tokens},
                      {"reused", summary.reused_tokens},
                      {"generated", summary.generated_tokens},
                      {"longest", summary.longest_context}};
  }
  return json;
}

LogSummarizer::LogSummarizer(const LanguageModel& language_model, Session& session, std::string_view template_source)
    : language_model_(&language_model),
      session_(&session),
      conversation_(std::make_unique<Conversation>(language_model, template_source)),
      constraint_(std::make_unique<TokenConstraint>(std::make_shared<const Grammar>(compile_gbnf(kSentence)),
                                                    std::make_shared<const VocabularyTrie>(language_model.tokenizer()),
                                                    language_model.tokenizer())) {
  load_shots(true);
  try {
    fits("test");
  } catch (const Error&) {
    load_shots(false);
  }
}

// Some templates know no system's turn: then what it says stands before the first example.
void LogSummarizer::load_shots(bool has_system_turn) {
  nlohmann::ordered_json messages = nlohmann::ordered_json::array();
  if (has_system_turn) messages.push_back({{"role", "system"}, {"content", kSystem}});
  for (const Shot& shot : kShots) {
    const bool is_first = &shot == kShots;
    const std::string facts(shot.facts);
    messages.push_back(
        {{"role", "user"}, {"content", is_first && !has_system_turn ? std::string(kSystem) + "\n\n" + facts : facts}});
    messages.push_back({{"role", "assistant"}, {"content", shot.sentence}});
  }
  conversation_->load(messages);
}

// Whether the prompt leaves room for an answer.
bool LogSummarizer::fits(const std::string& prompt) {
  conversation_->add("user", prompt);
  const size_t tokens = conversation_->prompt_tokens().size();
  conversation_->remove_last();
  return tokens + kSentenceTokens <= session_->context_length();
}

// The sentence that the model makes of a prompt that fits; empty where it did not come to an end.
std::string LogSummarizer::write(LogSummary& summary, const std::string& prompt) {
  GenerateOptions options;
  options.max_tokens = kSentenceTokens;
  options.constraint = constraint_.get();
  GenerateCallbacks callbacks;
  callbacks.interrupted = interrupted_;
  Sampler sampler({.temperature = 0});
  conversation_->add("user", prompt);
  const Generation answer = conversation_->answer(*session_, sampler, options, callbacks);
  conversation_->remove_last();
  conversation_->remove_last();
  if (answer.stop_reason == StopReason::interrupted) fail(ExitCode::interrupted, "interrupted");
  summary.prompt_tokens += answer.prompt_tokens;
  summary.reused_tokens += answer.reused_tokens;
  summary.generated_tokens += answer.tokens.size();
  summary.longest_context = std::max(summary.longest_context, answer.prompt_tokens + answer.tokens.size());
  return answer.text.ends_with('.') ? tidy_sentence(answer.text) : std::string();
}

// Every event's claim, with a text where the model wrote one that the facts bear.
std::vector<LogClaim> LogSummarizer::tell_events(LogSummary& summary, const std::vector<size_t>& told) {
  std::vector<LogClaim> claims;
  for (const size_t i : told) {
    const LogEvent& event = summary.facts.events[i];
    if (progress_) progress_(claims.size(), told.size());
    LogClaim claim{event_facts(event), {}, event.first_line, event.last_line};
    if (fits(claim.facts)) claim.text = write(summary, claim.facts);
    if (!is_supported(claim.text, claim.facts)) claim.text.clear();
    claims.push_back(std::move(claim));
  }
  return claims;
}

// How many claims from `begin` on fit one prompt.
size_t LogSummarizer::reducible(const std::vector<LogClaim>& claims, size_t begin) {
  size_t count = 1;
  while (begin + count < claims.size() && fits(reduce_prompt(claims, begin, count + 1))) ++count;
  return count;
}

// One sentence of many at the head of the summary, or none where the facts do not bear what the model makes of them.
void LogSummarizer::reduce(LogSummary& summary, std::vector<LogClaim> claims) {
  while (claims.size() > 1) {
    std::vector<LogClaim> fewer;
    for (size_t begin = 0; begin < claims.size();) {
      const size_t count = reducible(claims, begin);
      LogClaim claim = claims[begin];
      for (size_t i = begin + 1; i < begin + count; ++i) {
        claim.facts += "; " + claims[i].facts;
        claim.first_line = std::min(claim.first_line, claims[i].first_line);
        claim.last_line = std::max(claim.last_line, claims[i].last_line);
      }
      if (count > 1) {
        claim.text = write(summary, reduce_prompt(claims, begin, count));
        if (!is_supported(claim.text, claim.facts)) return;
      }
      fewer.push_back(std::move(claim));
      begin += count;
    }
    if (fewer.size() == claims.size()) return;  // no two fit together
    claims = std::move(fewer);
  }
  summary.text = with_reference(claims[0]) + " " + summary.text;
  ++summary.model_sentences;
}

LogSummary LogSummarizer::summarize(LogFacts facts) {
  LogSummary summary;
  summary.facts = std::move(facts);
  if (!language_model_ || summary.facts.events.empty()) {
    summary.text = plain_summary(summary.facts, kMostEvents);
    summary.plain_sentences = std::max<size_t>(std::min(summary.facts.events.size(), kMostEvents), 1);
    return summary;
  }
  const std::vector<size_t> told = most_severe(summary.facts, kMostEvents);
  std::vector<LogClaim> claims = tell_events(summary, told);
  for (size_t i = 0; i < claims.size(); ++i) {
    const LogEvent& event = summary.facts.events[told[i]];
    const bool is_plain = claims[i].text.empty();
    ++(is_plain ? summary.plain_sentences : summary.model_sentences);
    summary.text += (i == 0 ? "" : " ") + (is_plain ? event_sentence(event) : with_reference(claims[i]));
    if (is_plain) claims[i].text = event.what + ".";
  }
  const std::string rest = rest_sentence(summary.facts, told.size());
  if (!rest.empty()) summary.text += " " + rest;
  const size_t sentences = summary.model_sentences;
  if (claims.size() >= kLeastReduced) reduce(summary, std::move(claims));
  if (summary.model_sentences == sentences && !count_sentence(summary.facts).empty()) {
    summary.text = count_sentence(summary.facts) + " " + summary.text;
  }
  return summary;
}

}  // namespace thimble
