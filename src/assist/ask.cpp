#include "assist/ask.h"

#include <algorithm>
#include <chrono>
#include <set>

#include "assist/ask_check.h"
#include "base/error.h"
#include "base/utf8.h"
#include "knowledge/document.h"
#include "knowledge/search_words.h"

namespace thimble {
namespace {

constexpr double kLeastSupport = 0.5;  // of the answer's words that the sources have
// Of a question's weight that the best chunk has: less, and the manuals do not speak of it; as much, and its lines are
// quoted where the model goes wrong, or says that there is no answer. By the training questions of FieldOps, see
// docs/knowledge.md.
constexpr double kLeastCoverage = 0.35;
constexpr double kQuoteCoverage = 0.45;
constexpr double kQuoteDespiteRefusal = 0.6;
constexpr double kCodeWeight = 4;  // of a word like E12 or V-51, beside others as rare
constexpr size_t kHintLines = 3;
constexpr size_t kSupportingLines = 3;
constexpr size_t kQuotedLines = 2;
constexpr double kNearlyAsGood = 0.5;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

SamplerOptions greedy() {
  SamplerOptions options;
  options.temperature = 0;
  return options;
}

void refuse(AskAnswer& answer, std::string reason) {
  answer.answer = kManualsDoNotSay;
  answer.refused = true;
  answer.reason = std::move(reason);
}

// Each section once.
void add_citation(AskAnswer& answer, const StoredChunk& stored) {
  const auto is_same = [&](const AskCitation& other) {
    return other.path == stored.path && other.section == stored.chunk.section;
  };
  if (std::ranges::any_of(answer.citations, is_same)) return;
  answer.citations.push_back(
      {stored.path, stored.chunk.section, stored.chunk.first, stored.chunk.last, stored.has_pages});
}

// The first paragraph: what small models write after it is chatter, or another question.
std::string first_paragraph(std::string_view text) {
  text = trimmed(text);
  for (const std::string_view opening : {"The answer is:", "Answer:"}) {
    if (text.starts_with(opening)) text = trimmed(text.substr(opening.size()));
  }
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
               retriever_ != nullptr, options_.shares) {}

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
  const Evidence evidence = weigh(question, retrieved);
  answer.coverage = evidence.coverage;
  // A follow-up says too little by itself to be refused for its words.
  const bool is_unspoken = history.empty() && evidence.coverage < kLeastCoverage;
  std::vector<std::string> hints;
  for (size_t i = 0; i < std::min(kHintLines, evidence.lines.size()); ++i) hints.push_back(evidence.lines[i].text);
  AskPrompt prompt = builder_.build(question, history, std::move(retrieved), hints);
  answer.retrieved = std::move(prompt.retrieved);
  answer.budget = prompt.budget;
  answer.is_question_cut = prompt.is_question_cut;
  answer.history_turns = prompt.turns;
  if (retriever_ != nullptr && (prompt.sources.empty() || (options_.checks_answer && is_unspoken))) {
    refuse(answer, prompt.sources.empty() ? "nothing was found" : "no section speaks of this");
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
  answer.written = first_paragraph(answer.generation.text);
  judge(answer, evidence, fault_of(answer, evidence, question));
  return answer;
}

Evidence Asker::weigh(const std::string& question, const std::vector<Retrieved>& retrieved) {
  if (retriever_ == nullptr) return {};
  std::vector<QuestionWord> words;
  std::set<std::string> seen;
  for (const std::string& word : retriever_->take_apart(question).words_without_names) {
    if (seen.insert(stem_of(word)).second)
      words.push_back({stem_of(word), retriever_->weight_of(word) * (is_code(word) ? kCodeWeight : 1)});
  }
  return find_evidence(words, retrieved);
}

// What keeps the model's answer from being given; empty: nothing.
std::string Asker::fault_of(const AskAnswer& answer, const Evidence& evidence, const std::string& question) const {
  const std::string text = without_citations(answer.written);
  if (trimmed(text).empty()) return "the model wrote nothing";
  if (reads_as_refusal(text)) return "the model found no answer";
  if (!options_.checks_answer || retriever_ == nullptr) return {};
  std::string lines;  // that the answer may be made of
  for (size_t i = 0; i < std::min(kSupportingLines, evidence.lines.size()); ++i) {
    const EvidenceLine& line = evidence.lines[i];
    lines += answer.retrieved[line.source].retrieved.stored.chunk.section + "\n" + line.text + "\n";
  }
  const Support support = support_of(text, lines, question);
  if (!support.has_all_numbers)
    return "a number in the model's answer is in none of the lines that the question is about";
  if (support.words < kLeastSupport) return "the model's words are not those of the lines that the question is about";
  if (repeats_itself(text)) return "the model repeats itself";
  if (asks_for_number(question) && !std::ranges::any_of(text, [](char c) { return c >= '0' && c <= '9'; })) {
    return "the model names no number";
  }
  if (support.adds_nothing) return "the model only repeats the question";
  return {};
}

void Asker::judge(AskAnswer& answer, const Evidence& evidence, const std::string& fault) const {
  const bool has_evidence = retriever_ != nullptr && options_.checks_answer && !evidence.lines.empty();
  const bool is_refusal = reads_as_refusal(answer.written);
  answer.reason = fault;
  if (fault.empty()) {
    answer.answer = answer.written;
    cite(answer, without_citations(answer.written));
  } else if (has_evidence && evidence.coverage >= (is_refusal ? kQuoteDespiteRefusal : kQuoteCoverage)) {
    quote(answer, evidence);
  } else {
    refuse(answer, fault);
  }
}

// The best line of the sources, and the next that says something else where it says nearly as much.
void Asker::quote(AskAnswer& answer, const Evidence& evidence) {
  std::vector<const EvidenceLine*> quoted;
  for (const EvidenceLine& line : evidence.lines) {
    if (quoted.size() == kQuotedLines || line.score < evidence.lines[0].score * kNearlyAsGood) break;
    if (quoted.empty() || quoted[0]->text != line.text) quoted.push_back(&line);
  }
  for (const EvidenceLine* line : quoted) {
    answer.answer += (answer.answer.empty() ? "" : " ") + line->text;
    if (!answer.answer.ends_with('.')) answer.answer += '.';
    add_citation(answer, answer.retrieved[line->source].retrieved.stored);
  }
  answer.is_quoted = true;
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
  for (const AskSource* source : cited) add_citation(answer, source->retrieved.stored);
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
