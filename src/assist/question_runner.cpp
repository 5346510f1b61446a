#include <algorithm>
#include <set>

#include "assist/task_runner.h"
#include "base/error.h"
#include "knowledge/indexer.h"
#include "measure/task_words.h"

namespace thimble {
namespace {

constexpr size_t kRecalledAt = 3;

using FoundSections =
    std::set<std::pair<std::string, std::string>>;  // path, heading: letter case and white space aside

std::optional<bool> is_recalled(const TaskCase& task, const std::vector<AskSource>& retrieved) {
  if (task.sections.empty()) return std::nullopt;
  FoundSections found;
  for (size_t i = 0; i < std::min(retrieved.size(), kRecalledAt); ++i) {
    const StoredChunk& stored = retrieved[i].retrieved.stored;
    found.emplace(stored.path, folded_line(stored.chunk.section));
  }
  const auto has = [&](const SectionName& name) { return found.contains({name.path, folded_line(name.section)}); };
  return std::ranges::all_of(task.sections, has) || std::ranges::any_of(task.also, has);
}

class QuestionRunner : public TaskRunner {
 public:
  QuestionRunner(const LanguageModel& language_model, Session& session, QuestionRunnerOptions options)
      : language_model_(language_model), session_(session), options_(std::move(options)) {}

  TaskRecord answer(const TaskCase& task, const GenerateCallbacks& callbacks) override {
    const AskAnswer found = asker_for(task).ask(task.prompt(), history_of(task), callbacks);
    TaskRecord record;
    record.answer.value = found.answer;
    record.answer.refused = found.refused;
    record.cost = cost_of(found.generation);
    record.cost->first_token_seconds = std::max(found.first_token_seconds, found.retrieval_seconds);
    if (options_.ask.with_retrieval) record.recalled = is_recalled(task, found.retrieved);
    return record;
  }

 private:
  struct Prepared {
    std::unique_ptr<KnowledgeBase> base;
    std::unique_ptr<Retriever> retriever;
    std::unique_ptr<Asker> asker;
  };

  static std::vector<AskTurn> history_of(const TaskCase& task) {
    std::vector<AskTurn> turns;
    for (size_t i = 0; i + 1 < task.messages.size(); ++i) {
      const bool is_turn = task.messages[i].role == "user" && task.messages[i + 1].role == "assistant";
      if (is_turn) turns.push_back({task.messages[i].content, task.messages[i + 1].content});
    }
    return turns;
  }

  // One for each folder of documents, or one for the knowledge base given.
  Asker& asker_for(const TaskCase& task) {
    const bool is_indexed = options_.ask.with_retrieval && options_.base_path.empty();
    if (is_indexed && task.documents.empty()) {
      fail(ExitCode::usage, "case '{}' names no documents, and no knowledge base is given", printable(task.id, 60));
    }
    Prepared& prepared = prepared_[is_indexed ? task.documents : std::string()];
    if (prepared.asker != nullptr) return *prepared.asker;
    if (options_.ask.with_retrieval) {
      prepared.base = open_base(task, is_indexed);
      prepared.retriever = std::make_unique<Retriever>(*prepared.base, options_.embedder);
    }
    prepared.asker = std::make_unique<Asker>(language_model_, session_, prepared.retriever.get(), options_.ask);
    return *prepared.asker;
  }

  std::unique_ptr<KnowledgeBase> open_base(const TaskCase& task, bool is_indexed) const {
    if (!is_indexed) return std::make_unique<KnowledgeBase>(options_.base_path, Database::Mode::read);
    const std::string path = fmt::format("{}/documents-{}.db", options_.folder, prepared_.size());
    auto base = std::make_unique<KnowledgeBase>(path, Database::Mode::create);
    index_folder(*base, task.documents, options_.embedder, {}, [](uint64_t, uint64_t, uint64_t) {});
    return base;
  }

  const LanguageModel& language_model_;
  Session& session_;
  QuestionRunnerOptions options_;
  std::map<std::string, Prepared> prepared_;
};

}  // namespace

std::unique_ptr<TaskRunner> make_question_runner(const LanguageModel& language_model, Session& session,
                                                 QuestionRunnerOptions options) {
  return std::make_unique<QuestionRunner>(language_model, session, std::move(options));
}

}  // namespace thimble
