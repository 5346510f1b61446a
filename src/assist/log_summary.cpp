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

constexpr size_t kSentenceTokens = 96;  // for one sentence and its reference
constexpr size_t kMostInPiece = 4;      // events told in one answer
constexpr size_t kLeastReduced = 3;     // sentences that are summed up again

constexpr std::string_view kSystem =
    "You report machine events to a technician. For each event write one short sentence in plain English: what "
    "happened, when, and how it "
    "ended. Use only words and numbers of the facts.\n"
    "Example facts: from 11:20 to 12:05; error; F31 fan blocked, dryer stopped; end: belt replaced, F31 reset\n"
    "Example sentence: The fan was blocked (F31) and stopped the dryer at 11:20; the belt was replaced at 12:05.";
constexpr std::string_view kTellTask = "Write one sentence for each event.";
constexpr std::string_view kReduceTask = "Sum up these reports in one short sentence. Say what matters most.";

std::string event_facts(const LogEvent& event) {
  std::string text = event_time(event);
  if (!text.empty()) text += "; ";
  text += fmt::format("{}; {}", name_of(event.severity), event.what);
  for (const std::string& detail : event.details) text += "; " + detail;
  if (!event.end.empty()) text += "; end: " + event.end;
  return text;
}

// A sentence that ends with `end`, for each; nothing but the words is left to the model.
std::string sentences_grammar(const std::vector<std::string>& ends) {
  std::string root = "root ::=";
  for (size_t i = 0; i < ends.size(); ++i) {
    root += fmt::format(" \"- \" text \" {}\\n\"", ends[i]);
  }
  return root + "\ntext ::= [A-Z] [^\\[\\]\\x00-\\x1F\\x7F]{10,180} \".\"\n";
}

std::string prompt_of(std::string_view task, const std::vector<LogClaim>& claims, size_t begin, size_t end,
                      bool use_text) {
  std::string prompt;
  for (size_t i = begin; i < end; ++i) {
    prompt += fmt::format("{} {}: {}\n", use_text ? "Report" : "Event", i - begin + 1,
                          use_text ? claims[i].text : claims[i].facts);
  }
  return prompt + std::string(task);
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
      trie_(std::make_shared<const VocabularyTrie>(language_model.tokenizer())) {
  conversation_->set_system(kSystem);
}

size_t LogSummarizer::prompt_tokens(const std::string& prompt) {
  conversation_->add("user", prompt);
  const size_t tokens = conversation_->prompt_tokens().size();
  conversation_->remove_last();
  return tokens;
}

// How many claims from `begin` on one prompt may hold with room for the answer; 0 where not even one fits.
size_t LogSummarizer::piece_size(const std::vector<LogClaim>& claims, size_t begin, std::string_view task,
                                 size_t answer_tokens, bool one_answer) {
  size_t fits = 0;
  const size_t most = one_answer ? claims.size() - begin : std::min(kMostInPiece, claims.size() - begin);
  for (size_t count = 1; count <= most; ++count) {
    const size_t answer = one_answer ? answer_tokens : answer_tokens * count;
    if (prompt_tokens(prompt_of(task, claims, begin, begin + count, one_answer)) + answer > session_->context_length())
      break;
    fits = count;
  }
  return fits;
}

std::vector<std::string> LogSummarizer::write(LogSummary& summary, const std::string& prompt,
                                              const std::vector<std::string>& ends, size_t most_tokens) {
  TokenConstraint constraint(std::make_shared<const Grammar>(compile_gbnf(sentences_grammar(ends))), trie_,
                             language_model_->tokenizer());
  GenerateOptions options;
  options.max_tokens = most_tokens;
  options.constraint = &constraint;
  Sampler sampler({.temperature = 0});
  conversation_->clear();
  conversation_->add("user", prompt);
  GenerateCallbacks callbacks;
  callbacks.interrupted = interrupted_;
  const Generation answer = conversation_->answer(*session_, sampler, options, callbacks);
  conversation_->clear();
  if (answer.stop_reason == StopReason::interrupted) fail(ExitCode::interrupted, "interrupted");
  summary.prompt_tokens += answer.prompt_tokens;
  summary.reused_tokens += answer.reused_tokens;
  summary.generated_tokens += answer.tokens.size();
  summary.longest_context = std::max(summary.longest_context, answer.prompt_tokens + answer.tokens.size());
  std::vector<std::string> sentences;
  size_t at = 0;
  for (const std::string& end : ends) {
    const size_t stop = answer.text.find(end, at);
    if (stop == std::string::npos) break;  // the answer was cut
    sentences.push_back(tidy_sentence(std::string_view(answer.text).substr(at, stop - at)));
    at = stop + end.size();
  }
  return sentences;
}

// Every event's claim, by the model where the facts bear it.
std::vector<LogClaim> LogSummarizer::tell_events(LogSummary& summary, const std::vector<size_t>& told) {
  std::vector<LogClaim> claims;
  for (const size_t i : told) {
    const LogEvent& event = summary.facts.events[i];
    claims.push_back({event_facts(event), {}, event.first_line, event.last_line});
  }
  for (size_t begin = 0; language_model_ && begin < claims.size();) {
    if (progress_) progress_(begin, claims.size());
    const size_t count = piece_size(claims, begin, kTellTask, kSentenceTokens, false);
    std::vector<std::string> ends;
    for (size_t i = begin; i < begin + count; ++i)
      ends.push_back(line_reference(claims[i].first_line, claims[i].last_line));
    if (count != 0) {
      const std::string prompt = prompt_of(kTellTask, claims, begin, begin + count, false);
      const std::vector<std::string> sentences = write(summary, prompt, ends, kSentenceTokens * count);
      for (size_t i = 0; i < sentences.size(); ++i) {
        if (is_supported(sentences[i], claims[begin + i].facts)) claims[begin + i].text = sentences[i];
      }
    }
    begin += std::max<size_t>(count, 1);
  }
  return claims;
}

// One sentence of many, or none where the facts do not bear what the model makes of them.
void LogSummarizer::reduce(LogSummary& summary, std::vector<LogClaim> claims) {
  while (claims.size() > 1) {
    std::vector<LogClaim> fewer;
    for (size_t begin = 0; begin < claims.size();) {
      const size_t count = std::max<size_t>(piece_size(claims, begin, kReduceTask, kSentenceTokens, true), 1);
      LogClaim claim = claims[begin];
      for (size_t i = begin + 1; i < begin + count; ++i) {
        claim.facts += "; " + claims[i].facts;
        claim.first_line = std::min(claim.first_line, claims[i].first_line);
        claim.last_line = std::max(claim.last_line, claims[i].last_line);
      }
      if (count > 1) {
        const std::string prompt = prompt_of(kReduceTask, claims, begin, begin + count, true);
        const auto sentences =
            write(summary, prompt, {line_reference(claim.first_line, claim.last_line)}, kSentenceTokens);
        if (sentences.empty() || !is_supported(sentences[0], claim.facts)) return;
        claim.text = sentences[0];
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
  if (claims.size() >= kLeastReduced) reduce(summary, std::move(claims));
  return summary;
}

}  // namespace thimble
