#include "app/task_models.h"

#include "base/error.h"

namespace thimble {
namespace {

CallProbabilities probabilities_of(const CallTrust& trust) { return {trust.none, trust.name, trust.arguments}; }

bool is_call(const TaskAnswer& answer) { return answer.value.is_object() && !answer.value["name"].is_null(); }

TaskAnswer none_answer() { return {.value = {{"name", nullptr}, {"arguments", nlohmann::json::object()}}}; }

}  // namespace

TaskRunners::TaskRunners(const LanguageModel& language_model, Session& session, TaskModelOptions options)
    : language_model_(language_model), session_(session), options_(std::move(options)) {}

TaskRunner& TaskRunners::of(TaskKind kind) {
  std::unique_ptr<TaskRunner>& runner = runners_[kind];
  if (runner == nullptr) runner = make(kind);
  return *runner;
}

std::unique_ptr<TaskRunner> TaskRunners::make(TaskKind kind) const {
  switch (kind) {
    case TaskKind::command: return make_command_runner(language_model_, session_, options_.command);
    case TaskKind::question: return make_question_runner(language_model_, session_, options_.question);
    case TaskKind::summary: return make_summary_runner(language_model_, session_);
    case TaskKind::text: break;
  }
  return make_text_runner(language_model_, session_, options_.text);
}

CallCalibration fit_to_answers(const std::vector<TaskCase>& cases, const TaskRecords& records,
                               const CallCalibration& before) {
  std::vector<CalibrationCase> known;
  for (const TaskCase& task : cases) {
    const auto found = records.find(task.id);
    if (found == records.end() || !found->second.trust) continue;
    const TaskRecord& record = found->second;
    const TaskAnswer none = none_answer();
    known.push_back({probabilities_of(*record.trust), is_call(record.answer),
                     score_case(task, &record.answer).is_right(), score_case(task, &none).is_right()});
  }
  if (known.empty()) fail(ExitCode::usage, "--fit-calibration: no answer has probabilities");
  return fit_calibration(known, before);
}

void recalibrate(TaskRecords& records, const CallCalibration& calibration, double min_confidence) {
  for (auto& [id, record] : records) {
    if (!record.trust) continue;
    const CallProbabilities probabilities = probabilities_of(*record.trust);
    if (probabilities.none > calibration.none_threshold) record.answer = none_answer();
    const bool calls = is_call(record.answer);
    record.confidence = calibration.confidence(probabilities, calls);
    if (calls && *record.confidence < min_confidence) record.answer = none_answer();
  }
}

}  // namespace thimble
