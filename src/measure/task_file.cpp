#include "measure/task_file.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>
#include <span>

#include "base/error.h"
#include "base/mapped_file.h"
#include "format/printable_json.h"
#include "measure/numbered_lines.h"
#include "text/grammar_matcher.h"
#include "text/json_schema.h"

namespace thimble {
namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

constexpr std::array<std::string_view, 4> kKinds = {"command", "question", "summary", "text"};
constexpr std::array<std::string_view, 7> kMetrics = {"exact",      "choice",  "contains", "refusal",
                                                      "json_slots", "rouge_l", "events"};
constexpr size_t kMostToolBytes = size_t{1} << 20;

template <class... Args>
[[noreturn]] void broken(fmt::format_string<Args...> text, Args&&... args) {
  throw BrokenLine{fmt::format(text, std::forward<Args>(args)...)};
}

const Json& member(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) broken("\"{}\" is missing", key);
  return *found;
}

std::string text_member(const Json& object, const char* key) {
  const Json& value = member(object, key);
  if (!value.is_string()) broken("\"{}\" is a string, found {}", key, printable_json(value));
  return value;
}

std::string nonempty_member(const Json& object, const char* key) {
  std::string text = text_member(object, key);
  if (text.empty()) broken("\"{}\" is empty", key);
  return text;
}

template <class Value>
Value named_member(const Json& object, const char* key, std::span<const std::string_view> names) {
  const std::string name = text_member(object, key);
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) {
    broken("\"{}\" is one of {}, found '{}'", key, fmt::join(names, ", "), printable(name, 60));
  }
  return static_cast<Value>(found - names.begin());
}

std::vector<std::string> texts(const Json& value, std::string_view what) {
  const auto is_text = [](const Json& item) { return item.is_string() && !item.get_ref<const std::string&>().empty(); };
  if (!value.is_array() || value.empty() || !std::ranges::all_of(value, is_text)) {
    broken("{} is a list of strings, none empty, found {}", what, printable_json(value));
  }
  return value.get<std::vector<std::string>>();
}

std::vector<TaskMessage> read_messages(const Json& line) {
  if (line.contains("prompt") == line.contains("messages")) broken("one of \"prompt\" and \"messages\" is needed");
  if (line.contains("prompt")) return {{"user", nonempty_member(line, "prompt")}};
  const Json& list = member(line, "messages");
  if (!list.is_array() || list.empty()) broken("\"messages\" is a list of messages, found {}", printable_json(list));
  std::vector<TaskMessage> messages;
  for (const Json& message : list) {
    if (!message.is_object()) broken("a message is an object, found {}", printable_json(message));
    messages.push_back({nonempty_member(message, "role"), text_member(message, "content")});
  }
  if (messages.back().role != "user") broken("the last of \"messages\" is the user's");
  return messages;
}

std::vector<SectionName> read_sections(const Json& line, const char* key) {
  std::vector<SectionName> sections;
  if (!line.contains(key)) return sections;
  const Json& list = line[key];
  if (!list.is_array()) broken("\"{}\" is a list, found {}", key, printable_json(list));
  for (const Json& section : list) {
    if (!section.is_object())
      broken("\"{}\": expected {{\"path\", \"section\"}}, found {}", key, printable_json(section));
    sections.push_back({nonempty_member(section, "path"), nonempty_member(section, "section")});
  }
  return sections;
}

void require_call(const Json& expected) {
  const bool is_call = expected.is_object() && expected.contains("name") &&
                       (expected["name"].is_string() || expected["name"].is_null()) && expected.contains("arguments") &&
                       expected["arguments"].is_object();
  if (!is_call) broken("\"expected\" is {{\"name\", \"arguments\"}}, found {}", printable_json(expected));
  if (expected["name"].is_null() && !expected["arguments"].empty()) broken("\"expected\": no name, but arguments");
}

void require_events(const Json& expected) {
  if (!expected.is_object() || !member(expected, "events").is_array()) broken("\"expected\" has a list of \"events\"");
  text_member(expected, "summary");
  const Json& events = expected["events"];
  if (events.size() > TaskFile::kMostEvents)
    broken("{} events, at most {} are taken", events.size(), TaskFile::kMostEvents);
  for (const Json& event : events) {
    if (!is_event(event)) broken("no event with its lines and severity: {}", printable_json(event));
    text_member(event, "severity");
  }
}

void require_expected(const TaskCase& task) {
  const Json& expected = task.expected;
  switch (task.metric) {
    case Metric::exact:
      if (!expected.is_string()) broken("\"expected\" is a string, found {}", printable_json(expected));
      return;
    case Metric::choice:
      if (!expected.is_string() || std::ranges::find(task.choices, expected.get<std::string>()) == task.choices.end()) {
        broken("\"expected\" is one of \"choices\", found {}", printable_json(expected));
      }
      return;
    case Metric::contains:
      if (!expected.is_object() || !member(expected, "all_of").is_array() || expected["all_of"].empty()) {
        broken("\"expected\" has \"all_of\", a list of lists, found {}", printable_json(expected));
      }
      for (const Json& variants : expected["all_of"]) texts(variants, "each of \"all_of\"");
      return;
    case Metric::refusal:
      if (!expected.is_object() || !member(expected, "refused").is_boolean()) {
        broken("\"expected\" is {{\"refused\": true or false}}, found {}", printable_json(expected));
      }
      return;
    case Metric::json_slots: return require_call(expected);
    case Metric::rouge_l:
      if (!expected.is_object()) broken("\"expected\" has \"references\", found {}", printable_json(expected));
      texts(member(expected, "references"), "\"references\"");
      return;
    case Metric::events: return require_events(expected);
  }
}

class Reader {
 public:
  explicit Reader(const std::string& path) : folder_(fs::path(path).parent_path()) {}

  TaskCase read(size_t number, const Json& line) {
    TaskCase task;
    task.line = number;
    task.id = nonempty_member(line, "id");
    if (!ids_.insert(task.id).second) broken("the id '{}' is there twice", printable(task.id, 60));
    task.kind = named_member<TaskKind>(line, "task", kKinds);
    task.category = nonempty_member(line, "category");
    task.metric = named_member<Metric>(line, "metric", kMetrics);
    if (task.metric == Metric::choice) task.choices = texts(member(line, "choices"), "\"choices\"");
    task.expected = member(line, "expected");
    require_expected(task);
    if (task.kind == TaskKind::summary) {
      task.log = read_log(line);
    } else {
      task.messages = read_messages(line);
    }
    if (task.kind == TaskKind::command) read_tools(line, task);
    if (task.kind == TaskKind::question) read_documents(line, task);
    if (line.contains("schema")) read_schema(line, task);
    return task;
  }

 private:
  std::string resolved(const std::string& path) const { return (folder_ / path).lexically_normal().string(); }

  TaskLog read_log(const Json& line) const {
    const Json& log = member(line, "log");
    if (!log.is_object())
      broken("\"log\" is {{\"path\", \"first_line\", \"last_line\"}}, found {}", printable_json(log));
    TaskLog window{resolved(nonempty_member(log, "path"))};
    const auto number = [&](const char* key) {
      const Json& value = member(log, key);
      if (!value.is_number_unsigned() || value == 0)
        broken("\"{}\" is a line from 1, found {}", key, printable_json(value));
      return value.get<uint64_t>();
    };
    window.first_line = number("first_line");
    window.last_line = number("last_line");
    if (window.last_line < window.first_line) broken("\"log\" ends before it begins");
    std::error_code error;
    if (!fs::is_regular_file(window.path, error)) broken("\"log\": there is no file {}", printable(window.path));
    return window;
  }

  void read_tools(const Json& line, TaskCase& task) {
    task.tools_path = resolved(nonempty_member(line, "tools"));
    if (task.metric != Metric::json_slots) broken("a command's metric is json_slots");
    task.tools = tools_at(task.tools_path);
    if (task.tools == nullptr) broken("\"tools\": {} cannot be used, as said before", printable(task.tools_path));
    const Json& name = task.expected["name"];
    const std::string call = task.tools->spell_call(name.is_null() ? std::string() : name.get<std::string>(),
                                                    nlohmann::ordered_json(task.expected["arguments"]));
    if (!matches(*task.tools->grammar(), call)) {
      broken("\"expected\" is no call that {} takes: {}", printable(task.tools_path), printable(call));
    }
  }

  // Null where it was refused before: it is named once, not by every line.
  std::shared_ptr<const ToolList> tools_at(const std::string& path) {
    if (const auto known = tools_.find(path); known != tools_.end()) return known->second;
    tools_[path] = nullptr;
    const MappedFile file = MappedFile::open(path);
    if (file.bytes().size() > kMostToolBytes) broken("{}: longer than {} bytes", printable(path), kMostToolBytes);
    const std::string_view text(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
    return tools_[path] = std::make_shared<const ToolList>(ToolList::parse(text, path));
  }

  void read_documents(const Json& line, TaskCase& task) const {
    task.sections = read_sections(line, "sections");
    task.also = read_sections(line, "also");
    if (!line.contains("documents")) return;
    task.documents = resolved(nonempty_member(line, "documents"));
    std::error_code error;
    if (!fs::is_directory(task.documents, error))
      broken("\"documents\": there is no folder {}", printable(task.documents));
  }

  static void read_schema(const Json& line, TaskCase& task) {
    if (task.kind != TaskKind::text) broken("\"schema\" is for texts only");
    task.schema = nlohmann::ordered_json(line["schema"]);
    compile_json_schema(task.schema);
  }

  fs::path folder_;
  std::set<std::string> ids_;
  std::map<std::string, std::shared_ptr<const ToolList>> tools_;
};

}  // namespace

std::string_view name_of(TaskKind kind) { return kKinds[static_cast<size_t>(kind)]; }
std::string_view name_of(Metric metric) { return kMetrics[static_cast<size_t>(metric)]; }

bool is_event(const Json& event) {
  const auto line = [&](const char* key) -> uint64_t {
    const auto found = event.find(key);
    return found != event.end() && found->is_number_unsigned() ? found->get<uint64_t>() : 0;
  };
  return event.is_object() && line("first_line") > 0 && line("last_line") >= line("first_line");
}

TaskFile TaskFile::read(const std::string& path, std::string_view text) {
  TaskFile file{path, {}};
  Reader reader(path);
  read_json_lines(path, text, kMostLineBytes,
                  [&](size_t number, Json& line) { file.cases.push_back(reader.read(number, line)); });
  if (file.cases.empty()) fail(ExitCode::bad_file, "{}: there is no case in it", printable(path));
  return file;
}

}  // namespace thimble
