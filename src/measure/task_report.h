// One or several models' answers to a task file, scored and compared: as figures, JSON and a table.
#pragma once

#include <nlohmann/json.hpp>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "measure/logistic.h"
#include "measure/task_records.h"
#include "measure/task_statistics.h"

namespace thimble {

struct TaskRun {
  std::string name;  // of the model, or the file of answers
  TaskRecords records;
  std::optional<uint64_t> peak_bytes;  // of memory
};

struct ModelReport {
  TaskRun run;
  std::vector<CaseScore> scores;  // parallel to the cases
  TaskFigures all;
  std::map<std::string, TaskFigures> categories;
  // What a file holds of different sorts: each metric where there are several; of commands, those with a call and those out of scope.
  std::map<std::string, TaskFigures> parts;
  std::vector<double> first_token_seconds;
  double decode_speed = 0;  // tokens a second
  std::optional<Reliability> reliability;
  std::optional<TaskFigures> recall;  // of retrieval: a score a question that has sections
};

struct ModelPair {
  size_t first, second;  // of TaskReport::models
  PairedTest test;
};

struct TaskReport {
  std::string path;
  std::vector<TaskCase> cases;
  std::vector<ModelReport> models;
  std::vector<ModelPair> pairs;
};

// At least one case and one run; records of other cases are passed over.
TaskReport make_task_report(std::string path, std::vector<TaskCase> cases, std::vector<TaskRun> runs);

nlohmann::ordered_json task_report_json(const TaskReport& report);
std::string task_report_text(const TaskReport& report);

}  // namespace thimble
