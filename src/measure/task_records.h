// What a model said to each case of a task file, with what it cost: kept as a file of lines, which a run appends to as it goes and from which
// a later one goes on or is scored.
#pragma once

#include <nlohmann/json.hpp>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/file_handle.h"
#include "measure/task_scores.h"

namespace thimble {

struct TaskCost {
  size_t prompt_tokens = 0;
  size_t kept_tokens = 0;  // of the prompt, from the case before
  size_t generated_tokens = 0;
  double first_token_seconds = 0;  // until it can be chosen
  double decode_seconds = 0;
};

// Of a call: what calibration is fitted on.
struct CallTrust {
  double none = 0;  // probabilities of the call of none, of the name chosen, of the arguments
  double name = 0;
  double arguments = 0;
};

struct TaskRecord {
  TaskAnswer answer;
  std::optional<double> confidence;
  std::optional<CallTrust> trust;
  std::optional<TaskCost> cost;
  std::optional<bool> recalled;  // of a question with sections: whether retrieval found them
};

using TaskRecords = std::map<std::string, TaskRecord, std::less<>>;  // by id

// A line {"id", "answer"}, with "refused" where the program says it, or {"id", "events", "summary"}; and what else is known.
nlohmann::ordered_json record_json(const TaskCase& task, const TaskRecord& record);

// Any program's answers: "confidence" and the rest may be missing, a line whose id is null (a header) is passed over. Throws
// Error(bad_file) naming every broken line; an id that is there twice or that no case has is one.
TaskRecords read_task_records(const std::string& path, std::string_view text, const TaskFile& file);

// A file of answers that grows. Its first line is {"id": null, "run": ...}: of what the answers are.
class AnswersFile {
 public:
  AnswersFile() = default;  // keeps nothing
  // Opens the file or makes it. Throws Error(usage) where it holds something else or answers of another run, or another process writes
  // it, Error(failed) where it cannot be written, Error(bad_file) for broken lines; one at the end that was not written in full is dropped.
  AnswersFile(std::string path, const nlohmann::ordered_json& run, const TaskFile& file);

  const TaskRecords& kept() const { return kept_; }  // that were there when it was opened
  void append(const TaskCase& task, const TaskRecord& record);

 private:
  void write(const std::string& line) const;

  std::string path_;
  FileHandle file_;
  TaskRecords kept_;
};

}  // namespace thimble
