// Questions with a few answers, in the files that llama-perplexity takes: HellaSwag as six lines a task, WinoGrande as CSV, multiple
// choice as its binary form. Selecting some of them draws the same ones as it does.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace thimble {

struct ChoiceTask {
  std::vector<std::string> texts;  // the question with each answer
  std::vector<std::string> bases;  // of a gap to be filled: the text up to and with the filling; else empty
  std::vector<bool> correct;       // of each answer
};

struct ChoiceTasks {
  std::vector<ChoiceTask> tasks;
  size_t lines_left_out = 0;       // that are no tasks
  size_t first_line_left_out = 0;  // counted from 1
};

// `name` stands for the file in messages; count: 0 for all. Throws Error(bad_file) naming the line or task and its fault.

// Six lines a task: context, number of the right ending from 0, four endings.
ChoiceTasks parse_hellaswag(const std::string& name, std::string_view text, size_t count);
// index,sentence with one _,first filling,second filling,1 or 2; the sentence may be in quotes. Other lines are left out.
ChoiceTasks parse_winogrande(const std::string& name, std::string_view text, size_t count);
// uint32 number of tasks, uint32 position of each, then the tasks: question, answers with one right one, answers with several right
// ones (not looked at); a text is a uint32 length and its bytes, answers a uint32 number (at most 100), their texts and an int32
// label each, 1 for right.
ChoiceTasks parse_multiple_choice(const std::string& name, std::string_view bytes, size_t count);

}  // namespace thimble
