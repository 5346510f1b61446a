// Puts the cases of a task file to a model: one runner a kind of task.
#pragma once

#include <memory>

#include "assist/ask.h"
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

struct QuestionRunnerOptions {
  AskOptions ask;
  std::string base_path;  // a knowledge base that is there; empty: the cases' documents are indexed in `folder`
  std::string folder;     // that is there and may be written
  TextEmbedder* embedder = nullptr;  // nullptr: search by words alone
};

// As `thimble ask` does it, with whether the first three chunks found hold the case's sections.
std::unique_ptr<TaskRunner> make_question_runner(const LanguageModel& language_model, Session& session,
                                                 QuestionRunnerOptions options);

// As `thimble summarize` does it.
std::unique_ptr<TaskRunner> make_summary_runner(const LanguageModel& language_model, Session& session);

TaskCost cost_of(const Generation& generation);

}  // namespace thimble
