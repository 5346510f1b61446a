// Answers to a task file's cases, and how they are scored: docs/task-files.md, "Metrics" and "Figures".
#pragma once

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "measure/task_file.h"

namespace thimble {

// What a program says to a case. `value` is text, or for json_slots the object {"name", "arguments"} or its JSON as text. A summary has
// events, and its text in `summary`.
struct TaskAnswer {
  nlohmann::json value = "";
  std::optional<bool> refused;  // nullopt: the program does not say, and its words are looked at
  nlohmann::json events = nlohmann::json::array();
  std::string summary;
};

// Of one line of an answers file (task_records.h). Throws BrokenLine (numbered_lines.h).
TaskAnswer read_task_answer(const nlohmann::json& object, const TaskCase& task);

struct SlotCounts {
  size_t shared = 0;
  size_t given = 0;
  size_t wanted = 0;
};

struct EventCounts {
  size_t matched = 0;
  size_t expected = 0;
  size_t invented = 0;
  size_t repeated = 0;
  size_t severity = 0;  // matched events whose severity is right
};

struct CaseScore {
  double score = 0;
  std::optional<SlotCounts> slots;
  std::optional<EventCounts> events;
  double rouge_l = 0;  // of the summary beside events

  bool is_right() const { return score == 1; }
};

// nullptr: the case was not answered, which scores 0.
CaseScore score_case(const TaskCase& task, const TaskAnswer* answer);

// Numbers by value, and true is no 1; objects whatever the order of keys.
bool same_json(const nlohmann::json& one, const nlohmann::json& other);

// {index of an expected event, index of an answered one}: one to one, sharing a line, as many as can be.
std::vector<std::pair<size_t, size_t>> match_events(const nlohmann::json& expected, const nlohmann::json& given);

}  // namespace thimble
