// The runners of all kinds of task on one model, each made when its first case comes.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "assist/task_runner.h"

namespace thimble {

struct TaskModelOptions {
  CommandRunnerOptions command;
  QuestionRunnerOptions question;
  TextRunnerOptions text;
};

class TaskRunners {
 public:
  TaskRunners(const LanguageModel& language_model, Session& session, TaskModelOptions options);

  TaskRunner& of(TaskKind kind);

 private:
  std::unique_ptr<TaskRunner> make(TaskKind kind) const;

  const LanguageModel& language_model_;
  Session& session_;
  TaskModelOptions options_;
  std::map<TaskKind, std::unique_ptr<TaskRunner>> runners_;
};

// From records that have probabilities. Throws Error(usage) where there is none. `before`: of the run.
CallCalibration fit_to_answers(const std::vector<TaskCase>& cases, const TaskRecords& records,
                               const CallCalibration& before);
// As if the commands had been answered with it: what was called stays known, so none may take its place, but not the other way.
void recalibrate(TaskRecords& records, const CallCalibration& calibration, double min_confidence);

}  // namespace thimble
