#include "app/task_models.h"

#include "base/error.h"

namespace thimble {

TaskRunners::TaskRunners(const LanguageModel& language_model, Session& session, TaskModelOptions options)
    : language_model_(language_model), session_(session), options_(std::move(options)) {}

void TaskRunners::require_all(const std::vector<TaskCase>& cases) const {
  for (const TaskCase& task : cases) {
    if (task.kind == TaskKind::command || task.kind == TaskKind::text) continue;
    fail(ExitCode::usage, "line {}: cases of task '{}' cannot be run, only scored (--from-answers)", task.line,
         name_of(task.kind));
  }
}

TaskRunner& TaskRunners::of(TaskKind kind) {
  std::unique_ptr<TaskRunner>& runner = runners_[kind];
  if (runner == nullptr) runner = make(kind);
  return *runner;
}

std::unique_ptr<TaskRunner> TaskRunners::make(TaskKind kind) const {
  if (kind == TaskKind::command) return make_command_runner(language_model_, session_, options_.command);
  return make_text_runner(language_model_, session_, options_.text);
}

}  // namespace thimble
