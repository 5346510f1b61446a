#include "assist/ask.h"

#include <algorithm>
#include <chrono>

#include "assist/ask_check.h"
#include "base/error.h"
#include "base/utf8.h"
#include "knowledge/document.h"

namespace thimble {
namespace {

constexpr double kLeastSupport = 0.5;  // of the answer's words

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

SamplerOptions greedy() {
  SamplerOptions options;
  options.temperature = 0;
  return options;
}

// The first paragraph: what small models write after it is chatter, or another question.
std::string first_paragraph(std::string_view text) {
  text = trimmed(text);
  for (const std::string_view end : {"\n\n", "\nQuestion:", "\nManual sections"}) text = text.substr(0, text.find(end));
  return to_valid_utf8(trimmed(text));
}

}  // namespace

Asker::Asker(const LanguageModel& language_model, Session& session, Retriever* retriever, AskOptions options)
    : language_model_(language_model),
      session_(session),
      retriever_(options.with_retrieval ? retriever : nullptr),
      options_(std::move(options)),
      conversation_(language_model, options_.chat_template),
      builder_(conversation_, language_model.tokenizer(), session.context_length(), options_.answer_tokens,
               options_.with_retrieval, options_.shares) {}

// A short question after others may hang on the one before it: "And at the pump?"
std::vector<Retrieved> Asker::retrieve(const std::string& question, const std::vector<AskTurn>& history) {
  if (retriever_ == nullptr) return {};
  const std::string before = history.empty() ? std::string() : history.back().question + "\n";
  return retriever_->retrieve(before + question, options_.candidates, options_.how);
}

AskAnswer Asker::ask(const std::string& question, const std::vector<AskTurn>& history,
                     const GenerateCallbacks& callbacks) {
  if (trimmed(question).empty()) fail(ExitCode::usage, "ask: the question is empty");
  const auto start = std::chrono::steady_clock::now();
  AskAnswer answer;
  std::vector<Retrieved> retrieved = retrieve(question, history);
  answer.retrieval_seconds = seconds_since(start);
  AskPrompt prompt = builder_.build(question, history, std::move(retrieved));
  answer.retrieved = std::move(prompt.retrieved);
  answer.budget = prompt.budget;
  answer.is_question_cut = prompt.is_question_cut;
  answer.history_turns = prompt.turns;
  if (retriever_ != nullptr && prompt.sources.empty()) {
    answer.answer = kManualsDoNotSay;
    answer.refused = true;
    answer.reason = "nothing was found";
    return answer;
  }
  GenerateCallbacks own = callbacks;
  own.on_text = [&](std::string_view text) {
    if (answer.first_token_seconds == 0) answer.first_token_seconds = seconds_since(start);
    if (callbacks.on_text) callbacks.on_text(text);
  };
  Sampler sampler(greedy());
  GenerateOptions options;
  options.max_tokens = answer.budget.answer;
  options.stop = {"\n\n", "\nQuestion:"};
  answer.generation = conversation_.answer(session_, sampler, options, own);
  judge(answer, prompt, question);
  return answer;
}

void Asker::judge(AskAnswer& answer, const AskPrompt& prompt, const std::string& question) const {
  answer.written = first_paragraph(answer.generation.text);
  const std::string text = without_citations(answer.written);
  const Support support = support_of(text, prompt.sources, question);
  if (trimmed(text).empty()) {
    answer.reason = "the model wrote nothing";
  } else if (reads_as_refusal(text)) {
    answer.reason = "the model found no answer";
  } else if (options_.checks_answer && retriever_ != nullptr && !support.has_all_numbers) {
    answer.reason = "a number in the answer is in none of the sources";
  } else if (options_.checks_answer && retriever_ != nullptr && support.words < kLeastSupport) {
    answer.reason = "the answer's words are in none of the sources";
  }
  answer.refused = !answer.reason.empty();
  answer.answer = answer.refused ? std::string(kManualsDoNotSay) : answer.written;
  if (!answer.refused) cite(answer, text);
}

// What the model named; where it named nothing, the source that the answer agrees with most.
void Asker::cite(AskAnswer& answer, const std::string& text) const {
  std::vector<const AskSource*> cited;
  for (const size_t number : cited_numbers(answer.written, answer.retrieved.size())) {
    const auto source = std::ranges::find(answer.retrieved, number, &AskSource::number);
    if (source != answer.retrieved.end()) cited.push_back(&*source);
  }
  if (cited.empty()) {
    if (const AskSource* const best = best_source(answer, text)) cited.push_back(best);
  }
  for (const AskSource* source : cited) {
    const StoredChunk& stored = source->retrieved.stored;
    const auto is_same = [&](const AskCitation& other) {
      return other.path == stored.path && other.section == stored.chunk.section;
    };
    if (std::ranges::any_of(answer.citations, is_same)) continue;
    answer.citations.push_back(
        {stored.path, stored.chunk.section, stored.chunk.first, stored.chunk.last, stored.has_pages});
  }
}

const AskSource* Asker::best_source(const AskAnswer& answer, const std::string& text) const {
  const std::set<std::string> stems = word_stems(text);
  const AskSource* best = nullptr;
  double most = -1;
  for (const AskSource& source : answer.retrieved) {
    if (source.number == 0) continue;
    const Chunk& chunk = source.retrieved.stored.chunk;
    const std::string all = with_section_path(chunk);
    const double agreement = covered(stems, word_stems(all)) + (support_of(text, all, "").has_all_numbers ? 1 : 0);
    if (agreement > most) best = &source;
    most = std::max(most, agreement);
  }
  return best;
}

}  // namespace thimble
