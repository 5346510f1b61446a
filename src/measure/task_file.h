// Task files: what a model is asked, and what is right (docs/task-files.md). Nothing is left for a run to find out: paths are there,
// tools compile, expected commands are calls that their tools take.
#pragma once

#include <nlohmann/json.hpp>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/tool_list.h"

namespace thimble {

enum class TaskKind : uint8_t { command, question, summary, text };
enum class Metric : uint8_t { exact, choice, contains, refusal, json_slots, rouge_l, events };
std::string_view name_of(TaskKind kind);
std::string_view name_of(Metric metric);

struct TaskMessage {
  std::string role;
  std::string content;
};

struct TaskLog {
  std::string path;
  uint64_t first_line = 0;  // from 1
  uint64_t last_line = 0;   // belongs to it
};

struct SectionName {
  std::string path;  // relative to the documents
  std::string section;
};

struct TaskCase {
  size_t line = 0;  // in the file, from 1
  std::string id;
  TaskKind kind{};
  std::string category;
  std::vector<TaskMessage> messages;  // a prompt is one of the user's; none for a summary
  Metric metric{};
  nlohmann::json expected;                // as the metric wants it
  std::shared_ptr<const ToolList> tools;  // commands only
  std::string tools_path;
  std::string documents;
  std::optional<TaskLog> log;
  std::vector<std::string> choices;
  nlohmann::ordered_json schema;  // of a text's answer; null: none
  std::vector<SectionName> sections;
  std::vector<SectionName> also;

  const std::string& prompt() const { return messages.back().content; }
};

struct TaskFile {
  static constexpr size_t kMostLineBytes = size_t{1} << 20;
  static constexpr size_t kMostEvents = 1000;  // of a case

  std::string path;
  std::vector<TaskCase> cases;

  // Throws Error(bad_file) where lines are broken, naming each with its number (the first twenty of many), or where there is no case.
  static TaskFile read(const std::string& path, std::string_view text);
};

// Whether an event is one, an expected or an answered one: an object with lines in order, from 1. Its other members are free.
bool is_event(const nlohmann::json& event);

}  // namespace thimble
