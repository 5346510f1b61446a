#include "assist/task_runner.h"

namespace thimble {
namespace {

class CommandRunner : public TaskRunner {
 public:
  CommandRunner(const LanguageModel& language_model, Session& session, CommandRunnerOptions options)
      : language_model_(language_model), session_(session), options_(std::move(options)) {}

  TaskRecord answer(const TaskCase& task, const GenerateCallbacks& callbacks) override {
    const CommandAnswer found = commander_for(task).answer(task.prompt(), callbacks);
    TaskRecord record;
    record.cost = cost_of(found.generation);
    record.confidence = found.confidence;
    if (found.confidence) {
      record.trust = {found.probabilities.none, found.probabilities.name, found.probabilities.arguments};
    }
    if (found.is_valid) {
      record.answer.value = {{"name", nullptr}, {"arguments", found.arguments}};
      if (found.name) record.answer.value["name"] = *found.name;
    } else {
      record.answer.value = found.generation.text;
    }
    return record;
  }

 private:
  struct Prepared {
    CommandExamples examples;
    std::unique_ptr<Commander> commander;
  };

  // One for each list of tools.
  Commander& commander_for(const TaskCase& task) {
    const auto [known, is_new] = prepared_.try_emplace(task.tools.get());
    Prepared& prepared = known->second;
    if (is_new) {
      if (!options_.examples_path.empty()) {
        prepared.examples = CommandExamples(options_.examples_path, options_.examples, *task.tools);
      }
      prepared.commander =
          std::make_unique<Commander>(language_model_, session_, *task.tools, prepared.examples, options_.command);
    }
    return *prepared.commander;
  }

  const LanguageModel& language_model_;
  Session& session_;
  CommandRunnerOptions options_;
  std::map<const ToolList*, Prepared> prepared_;
};

}  // namespace

std::unique_ptr<TaskRunner> make_command_runner(const LanguageModel& language_model, Session& session,
                                                CommandRunnerOptions options) {
  return std::make_unique<CommandRunner>(language_model, session, std::move(options));
}

TaskCost cost_of(const Generation& generation) {
  return {generation.prompt_tokens, generation.reused_tokens, generation.tokens.size(), generation.prompt_seconds,
          generation.decode_seconds};
}

}  // namespace thimble
