#include "assist/log_report.h"
#include "assist/log_summary.h"
#include "assist/task_runner.h"

namespace thimble {
namespace {

class SummaryRunner : public TaskRunner {
 public:
  SummaryRunner(const LanguageModel& language_model, Session& session) : summarizer_(language_model, session) {}

  TaskRecord answer(const TaskCase& task, const GenerateCallbacks& callbacks) override {
    summarizer_.set_interrupted(callbacks.interrupted);
    const LogSummary found = summarizer_.summarize_file(task.log->path, {task.log->first_line, task.log->last_line});
    TaskRecord record;
    for (const LogEvent& event : found.facts.events) record.answer.events.push_back(nlohmann::json(to_json(event)));
    record.answer.summary = found.text;
    return record;
  }

 private:
  LogSummarizer summarizer_;
};

}  // namespace

std::unique_ptr<TaskRunner> make_summary_runner(const LanguageModel& language_model, Session& session) {
  return std::make_unique<SummaryRunner>(language_model, session);
}

}  // namespace thimble
