#include "assist/task_runner.h"
#include "engine/conversation.h"
#include "text/gbnf.h"
#include "text/json_schema.h"

namespace thimble {
namespace {

std::string choices_grammar(const std::vector<std::string>& choices) {
  std::string grammar = "root ::= ";
  for (const std::string& choice : choices) {
    if (&choice != &choices.front()) grammar += " | ";
    grammar += '"';
    for (const char c : choice) {
      if (c == '"' || c == '\\') grammar += '\\';
      grammar += c == '\n' ? "\\n" : c == '\r' ? "\\r" : std::string(1, c);
    }
    grammar += '"';
  }
  return grammar;
}

class TextRunner : public TaskRunner {
 public:
  TextRunner(const LanguageModel& language_model, Session& session, const TextRunnerOptions& options)
      : language_model_(language_model), session_(session), options_(options) {
    if (language_model.gguf().string("tokenizer.chat_template")) {
      conversation_ = std::make_unique<const Conversation>(language_model, std::string_view());
    }
  }

  TaskRecord answer(const TaskCase& task, const GenerateCallbacks& callbacks) override {
    Sampler sampler({.temperature = 0});
    const GenerateOptions options{.max_tokens = options_.max_tokens, .constraint = constraint_for(task)};
    const Generation found =
        generate(session_, language_model_.tokenizer(), prompt_tokens(task), sampler, options, callbacks);
    TaskRecord record;
    record.answer.value = found.text;
    record.cost = cost_of(found);
    return record;
  }

 private:
  std::vector<TokenId> prompt_tokens(const TaskCase& task) const {
    if (conversation_ == nullptr) {
      std::string text;
      for (const TaskMessage& message : task.messages) text += message.content + '\n';
      return language_model_.tokenizer().encode(text);
    }
    Conversation conversation = *conversation_;
    for (const TaskMessage& message : task.messages) conversation.add(message.role, message.content);
    return conversation.prompt_tokens();
  }

  // Cases of one form follow each other as a rule: the last constraint is kept.
  TokenConstraint* constraint_for(const TaskCase& task) {
    const bool has_choices = task.metric == Metric::choice;
    if (!options_.is_constrained || (!has_choices && task.schema.is_null())) return nullptr;
    const std::string form = has_choices ? choices_grammar(task.choices) : task.schema.dump();
    if (form == form_) return constraint_.get();
    if (trie_ == nullptr) trie_ = std::make_shared<const VocabularyTrie>(language_model_.tokenizer());
    auto grammar = std::make_shared<const Grammar>(has_choices ? compile_gbnf(form) : compile_json_schema(task.schema));
    constraint_ = std::make_unique<TokenConstraint>(std::move(grammar), trie_, language_model_.tokenizer());
    form_ = form;
    return constraint_.get();
  }

  const LanguageModel& language_model_;
  Session& session_;
  TextRunnerOptions options_;
  std::unique_ptr<const Conversation> conversation_;  // null for a model without a template
  std::shared_ptr<const VocabularyTrie> trie_;
  std::string form_;  // what constraint_ holds an answer to
  std::unique_ptr<TokenConstraint> constraint_;
};

}  // namespace

std::unique_ptr<TaskRunner> make_text_runner(const LanguageModel& language_model, Session& session,
                                             const TextRunnerOptions& options) {
  return std::make_unique<TextRunner>(language_model, session, options);
}

}  // namespace thimble
