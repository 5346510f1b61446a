#include "measure/task_records.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "base/error.h"
#include "base/mapped_file.h"
#include "format/json_text.h"
#include "format/printable_json.h"
#include "measure/numbered_lines.h"

namespace thimble {
namespace {

using Json = nlohmann::json;

constexpr size_t kMostLineBytes = size_t{8} << 20;

std::optional<double> probability(const Json& object, const char* key) {
  const Json* value = find_member(object, key);
  if (value == nullptr || value->is_null()) return std::nullopt;
  if (!value->is_number() || !(*value >= 0) || !(*value <= 1)) {
    throw BrokenLine{fmt::format("\"{}\" is a number from 0 to 1, found {}", key, printable_json(*value))};
  }
  return value->get<double>();
}

double amount(const Json& object, const char* key) {
  const Json* value = find_member(object, key);
  if (value == nullptr || !value->is_number() || !(*value >= 0)) {
    throw BrokenLine{fmt::format("\"cost\": \"{}\" is a number, 0 or more", key)};
  }
  return value->get<double>();
}

size_t count(const Json& object, const char* key) {
  const double value = amount(object, key);
  if (value > 1e15) throw BrokenLine{fmt::format("\"cost\": \"{}\" is too large", key)};
  return static_cast<size_t>(value);
}

TaskRecord read_record(const Json& line, const TaskCase& task) {
  TaskRecord record{.answer = read_task_answer(line, task)};
  record.confidence = probability(line, "confidence");
  if (const Json* trust = find_member(line, "probabilities")) {
    record.trust = {probability(*trust, "none").value_or(0), probability(*trust, "name").value_or(0),
                    probability(*trust, "arguments").value_or(0)};
  }
  if (const Json* cost = find_member(line, "cost")) {
    record.cost = {count(*cost, "prompt_tokens"), count(*cost, "kept_tokens"), count(*cost, "generated_tokens"),
                   amount(*cost, "first_token_seconds"), amount(*cost, "decode_seconds")};
  }
  record.recalled = find_flag(line, "recalled");
  return record;
}

[[noreturn]] void fail_on(const std::string& path, std::string_view what) {
  fail(ExitCode::failed, "{}: {}: {}", printable(path), what, std::generic_category().message(errno));
}

std::string header_line(const nlohmann::ordered_json& run) {
  const nlohmann::ordered_json header = {{"id", nullptr}, {"run", run}};
  return header.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
}

}  // namespace

nlohmann::ordered_json record_json(const TaskCase& task, const TaskRecord& record) {
  nlohmann::ordered_json line = {{"id", task.id}};
  if (task.metric == Metric::events) {
    line["events"] = record.answer.events;
    line["summary"] = record.answer.summary;
  } else {
    line["answer"] = record.answer.value;
  }
  if (record.answer.refused) line["refused"] = *record.answer.refused;
  if (record.confidence) line["confidence"] = *record.confidence;
  if (record.trust) {
    line["probabilities"] = {
        {"none", record.trust->none}, {"name", record.trust->name}, {"arguments", record.trust->arguments}};
  }
  if (record.recalled) line["recalled"] = *record.recalled;
  if (record.cost) {
    line["cost"] = {{"prompt_tokens", record.cost->prompt_tokens},
                    {"kept_tokens", record.cost->kept_tokens},
                    {"generated_tokens", record.cost->generated_tokens},
                    {"first_token_seconds", record.cost->first_token_seconds},
                    {"decode_seconds", record.cost->decode_seconds}};
  }
  return line;
}

TaskRecords read_task_records(const std::string& path, std::string_view text, const TaskFile& file) {
  std::map<std::string_view, const TaskCase*> cases;
  for (const TaskCase& task : file.cases) cases[task.id] = &task;
  TaskRecords records;
  read_json_lines(path, text, kMostLineBytes, [&](size_t, Json& line) {
    if (line.contains("id") && line["id"].is_null()) return;
    const auto id = find_text(line, "id");
    if (!id) throw BrokenLine{"\"id\" is missing, or no string"};
    const auto found = cases.find(*id);
    if (found == cases.end()) throw BrokenLine{fmt::format("no case has the id '{}'", printable(*id, 60))};
    const bool is_new = records.emplace(*id, read_record(line, *found->second)).second;
    if (!is_new) throw BrokenLine{fmt::format("the id '{}' is there twice", printable(*id, 60))};
  });
  return records;
}

AnswersFile::AnswersFile(std::string path, const nlohmann::ordered_json& run, const TaskFile& file)
    : path_(std::move(path)) {
  file_ = FileHandle(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666));
  struct stat status {};
  if (!file_ || ::fstat(file_.get(), &status) != 0) fail_on(path_, "answers cannot be kept there");
  if (!S_ISREG(status.st_mode)) fail(ExitCode::usage, "{}: answers are kept in a regular file", printable(path_));
  if (::flock(file_.get(), LOCK_EX | LOCK_NB) != 0) {
    fail(ExitCode::usage, "{}: another process writes it", printable(path_));
  }
  std::string text;
  if (status.st_size > 0) {
    const MappedFile mapped = MappedFile::open(path_);
    text.assign(reinterpret_cast<const char*>(mapped.bytes().data()), mapped.bytes().size());
  }
  const std::string header = header_line(run);
  // What a break left of the first line is no reason to refuse.
  const bool is_new = header.starts_with(text) && text.size() < header.size();
  if (!is_new && !text.starts_with(header)) {
    fail(
        ExitCode::usage,
        "{}: holds something else than answers of this run (model, task file, options): remove it or name another file",
        printable(path_));
  }
  text.resize(is_new ? 0 : text.rfind('\n') + 1);
  kept_ = read_task_records(path_, text, file);
  if (::ftruncate(file_.get(), static_cast<off_t>(text.size())) != 0) fail_on(path_, "cannot be cut");
  if (::lseek(file_.get(), 0, SEEK_END) < 0) fail_on(path_, "cannot be written");
  if (is_new) write(header);
}

void AnswersFile::write(const std::string& line) const {
  for (size_t done = 0; done < line.size();) {
    const ssize_t put = ::write(file_.get(), line.data() + done, line.size() - done);
    if (put < 0 && errno != EINTR) fail_on(path_, "cannot be written");
    if (put > 0) done += static_cast<size_t>(put);
  }
}

void AnswersFile::append(const TaskCase& task, const TaskRecord& record) {
  if (file_) write(record_json(task, record).dump(-1, ' ', false, Json::error_handler_t::replace) + '\n');
}

}  // namespace thimble
