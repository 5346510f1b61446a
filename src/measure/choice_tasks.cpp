#include "measure/choice_tasks.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <optional>
#include <random>

#include "base/error.h"

namespace thimble {
namespace {

constexpr uint32_t kMostAnswers = 100;
constexpr size_t kHellaswagLines = 6;

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::optional<int> number_in(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return std::nullopt;
  return value;
}

// Which of `all` are taken, in order: drawn one after the other from those that are left, the place of the one that is taken being
// filled from the end.
std::vector<size_t> draw(size_t all, size_t count) {
  std::vector<size_t> left(all), drawn;
  std::iota(left.begin(), left.end(), size_t{0});
  if (count == 0 || count >= all) return left;
  std::mt19937 random(1);
  const float scale = 1.0f / (1.0f + static_cast<float>(std::mt19937::max()));
  while (drawn.size() < count) {
    const auto place = static_cast<size_t>(scale * static_cast<float>(random()) * static_cast<float>(left.size()));
    const size_t taken = std::min(place, left.size() - 1);
    drawn.push_back(left[taken]);
    left[taken] = left.back();
    left.pop_back();
  }
  return drawn;
}

// The same for HellaSwag, whose tasks keep their order while they are drawn.
std::vector<size_t> draw_in_order(size_t all, size_t count) {
  std::vector<size_t> left(all), drawn;
  std::iota(left.begin(), left.end(), size_t{0});
  std::mt19937 random(1);
  for (size_t wanted = count == 0 ? all : std::min(count, all); wanted > 0; --wanted) {
    std::uniform_int_distribution<size_t> place(0, left.size() - 1);
    const auto taken = left.begin() + static_cast<std::ptrdiff_t>(place(random));
    drawn.push_back(*taken);
    left.erase(taken);
  }
  return drawn;
}

std::optional<ChoiceTask> winogrande_task(std::string_view line) {
  std::array<size_t, 4> commas{};
  size_t found = 0;
  bool quoted = false;
  for (size_t i = 0; i < line.size() && found < commas.size(); ++i) {
    if (line[i] == '"') quoted = !quoted;
    if (line[i] == ',' && !quoted) commas[found++] = i;
  }
  if (found != commas.size()) return std::nullopt;
  const auto field = [&](size_t i) {
    return line.substr(commas[i] + 1, (i == 3 ? line.size() : commas[i + 1]) - commas[i] - 1);
  };
  std::string_view sentence = field(0);
  if (sentence.size() >= 2 && sentence.front() == '"') sentence = sentence.substr(1, sentence.size() - 2);
  const size_t gap = sentence.find('_');
  const std::optional<int> answer = number_in(field(3));
  if (gap == sentence.npos || !answer || *answer < 1 || *answer > 2) return std::nullopt;
  ChoiceTask task;
  for (const size_t choice : {1, 2}) {
    task.bases.push_back(fmt::format("{}{}", sentence.substr(0, gap), field(choice)));
    task.texts.push_back(fmt::format("{}{}", task.bases.back(), sentence.substr(gap + 1)));
    task.correct.push_back(*answer == static_cast<int>(choice));
  }
  return task;
}

class BinaryReader {
 public:
  BinaryReader(const std::string& name, std::string_view bytes) : name_(name), bytes_(bytes) {}

  void seek(size_t task, uint32_t position) {
    if (position > bytes_.size()) refuse(task, fmt::format("its position {} is behind the end", position));
    at_ = position;
  }

  std::string_view take(size_t task, uint64_t count, std::string_view what) {
    if (count > bytes_.size() - at_) refuse(task, fmt::format("the file ends in {}", what));
    at_ += count;
    return bytes_.substr(at_ - count, count);
  }

  uint32_t number(size_t task, std::string_view what) {
    uint32_t value;
    std::memcpy(&value, take(task, sizeof value, what).data(), sizeof value);
    return value;
  }

  ChoiceTask task(size_t index) {
    const std::string_view question = take(index, number(index, "a question's length"), "a question");
    if (question.empty()) refuse(index, "the question is empty");
    ChoiceTask task = answers(index, question);
    if (task.texts.empty()) refuse(index, "there are no answers");
    answers(index, question);
    return task;
  }

 private:
  [[noreturn]] void refuse(size_t task, std::string_view fault) const {
    fail(ExitCode::bad_file, "{}: task {}: {}", printable(name_), task + 1, fault);
  }

  ChoiceTask answers(size_t index, std::string_view question) {
    const uint32_t count = number(index, "a number of answers");
    if (count > kMostAnswers) refuse(index, fmt::format("it has {} answers, at most {} are read", count, kMostAnswers));
    ChoiceTask task;
    for (uint32_t i = 0; i < count; ++i) {
      const std::string_view answer = take(index, number(index, "an answer's length"), "an answer");
      if (answer.empty()) refuse(index, "an answer is empty");
      task.texts.push_back(fmt::format("{} {}", question, answer));
    }
    for (uint32_t i = 0; i < count; ++i) task.correct.push_back(number(index, "the labels") == 1);
    return task;
  }

  const std::string& name_;
  std::string_view bytes_;
  size_t at_ = 0;
};

[[noreturn]] void refuse_empty(const std::string& name) {
  fail(ExitCode::bad_file, "{}: there are no tasks", printable(name));
}

}  // namespace

ChoiceTasks parse_hellaswag(const std::string& name, std::string_view text, size_t count) {
  const std::vector<std::string_view> lines = lines_of(text);
  if (lines.empty()) refuse_empty(name);
  if (lines.size() % kHellaswagLines != 0) {
    fail(ExitCode::bad_file,
         "{}: {} lines; expected six for each task: context, number of the right ending, four endings", printable(name),
         lines.size());
  }
  ChoiceTasks result;
  for (const size_t index : draw_in_order(lines.size() / kHellaswagLines, count)) {
    const std::string_view* line = &lines[index * kHellaswagLines];
    const std::optional<int> right = number_in(line[1]);
    if (!right || *right < 0 || *right > 3) {
      fail(ExitCode::bad_file, "{}: line {}: expected the number of the right ending, 0 to 3, found '{}'",
           printable(name), index * kHellaswagLines + 2, printable(line[1]));
    }
    ChoiceTask task;
    for (int ending = 0; ending < 4; ++ending) {
      task.texts.push_back(fmt::format("{} {}", line[0], line[2 + ending]));
      task.correct.push_back(ending == *right);
    }
    result.tasks.push_back(std::move(task));
  }
  return result;
}

ChoiceTasks parse_winogrande(const std::string& name, std::string_view text, size_t count) {
  ChoiceTasks result;
  std::vector<ChoiceTask> all;
  size_t number = 0;
  for (const std::string_view line : lines_of(text)) {
    ++number;
    if (line.empty()) continue;
    if (std::optional<ChoiceTask> task = winogrande_task(line)) {
      all.push_back(std::move(*task));
    } else if (result.lines_left_out++ == 0) {
      result.first_line_left_out = number;
    }
  }
  if (all.empty()) refuse_empty(name);
  for (const size_t index : draw(all.size(), count)) result.tasks.push_back(std::move(all[index]));
  return result;
}

ChoiceTasks parse_multiple_choice(const std::string& name, std::string_view bytes, size_t count) {
  BinaryReader reader(name, bytes);
  const uint32_t all = reader.number(0, "the number of tasks");
  if (all == 0) refuse_empty(name);
  const std::string_view table = reader.take(0, uint64_t{all} * sizeof(uint32_t), "the tasks' positions");
  const bool selects = count != 0 && count < all;
  ChoiceTasks result;
  for (const size_t index : draw(all, count)) {
    uint32_t position;
    std::memcpy(&position, table.data() + index * sizeof position, sizeof position);
    // Read one after the other where all are, as llama.cpp does: the positions may then be anything.
    if (selects) reader.seek(index, position);
    result.tasks.push_back(reader.task(index));
  }
  return result;
}

}  // namespace thimble
