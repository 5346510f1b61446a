// Puts the cases of a task file to a model: one runner a kind of task.
#pragma once

#include <memory>

#include "assist/commander.h"
#include "engine/session.h"
#include "measure/task_records.h"

namespace thimble {

class TaskRunner {
 public:
  virtual ~TaskRunner() = default;
  // `task` is of the runner's kind. Where callbacks.interrupted ends it, what comes back means nothing.
  virtual TaskRecord answer(const TaskCase& task, const GenerateCallbacks& callbacks) = 0;
};

struct CommandRunnerOptions {
  CommandOptions command;
  std::string examples_path;  // empty: none
  std::string examples;       // the file's text
};

// As `thimble command` does it, for the tools that each case names.
std::unique_ptr<TaskRunner> make_command_runner(const LanguageModel& language_model, Session& session,
                                                CommandRunnerOptions options);

struct TextRunnerOptions {
  size_t max_tokens = 256;
  bool is_constrained = true;  // to a case's choices, or its schema
};

// The messages alone, under the model's chat template, or as they are where it has none.
std::unique_ptr<TaskRunner> make_text_runner(const LanguageModel& language_model, Session& session,
                                             const TextRunnerOptions& options);

TaskCost cost_of(const Generation& generation);

}  // namespace thimble
