#include "assist/command_examples.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "format/json_text.h"
#include "measure/numbered_lines.h"
#include "text/grammar_matcher.h"

namespace thimble {
namespace {

constexpr size_t kMostLineBytes = size_t{1} << 16;
constexpr size_t kVoters = 12;
constexpr double kSpreadShare = 0.2;  // of the votes, for names that no voter has

CommandExample read_example(const nlohmann::json& line, const ToolList& tools) {
  const auto prompt = find_text(line, "prompt");
  const nlohmann::json* expected = find_member(line, "expected");
  if (!prompt || prompt->empty()) throw BrokenLine{"an example has a \"prompt\""};
  if (expected == nullptr || !expected->is_object() || !expected->contains("name") ||
      !expected->contains("arguments")) {
    throw BrokenLine{"an example's \"expected\" is {\"name\", \"arguments\"}"};
  }
  CommandExample example{std::string(*prompt), text_or_empty(*expected, "name"), {}};
  example.call = tools.spell_call(example.name, nlohmann::ordered_json((*expected)["arguments"]));
  if (!matches(*tools.grammar(), example.call)) {
    throw BrokenLine{"the tools take no such call: " + printable(example.call)};
  }
  return example;
}

}  // namespace

CommandExamples::CommandExamples(const std::string& path, std::string_view text, const ToolList& tools) {
  read_json_lines(path, text, kMostLineBytes,
                  [&](size_t, nlohmann::json& line) { examples_.push_back(read_example(line, tools)); });
  if (examples_.empty()) fail(ExitCode::bad_file, "{}: there is no example in it", printable(path));
  std::vector<std::string> prompts, names;
  for (const CommandExample& example : examples_) {
    prompts.push_back(example.prompt);
    names.push_back(example.name);
  }
  overlap_ = std::make_unique<const WordOverlap>(prompts, names);
}

std::vector<const CommandExample*> CommandExamples::similar(std::string_view prompt, size_t count) const {
  std::vector<const CommandExample*> found;
  std::set<std::string_view> seen = {prompt};
  if (count == 0 || examples_.empty()) return found;
  for (const WordOverlap::Match& match : overlap_->ranked(prompt)) {
    if (found.size() == count) break;
    const CommandExample& example = examples_[match.text];
    if (seen.insert(example.prompt).second) found.push_back(&example);
  }
  std::ranges::reverse(found);
  return found;
}

std::vector<double> CommandExamples::votes(std::string_view prompt, const std::vector<std::string>& names) const {
  std::vector<double> votes(names.size());
  double sum = 0;
  size_t taken = 0;
  if (!examples_.empty()) {
    for (const WordOverlap::Match& match : overlap_->ranked(prompt)) {
      if (taken == kVoters) break;
      const CommandExample& example = examples_[match.text];
      const auto named = std::ranges::find(names, example.name);
      if (named == names.end() || example.prompt == prompt) continue;
      votes[static_cast<size_t>(named - names.begin())] += match.score * match.score;
      sum += match.score * match.score;
      ++taken;
    }
  }
  const double even = 1 / static_cast<double>(names.size());
  for (double& vote : votes) vote = sum > 0 ? (1 - kSpreadShare) * vote / sum + kSpreadShare * even : even;
  return votes;
}

std::vector<const CommandExample*> CommandExamples::fixed(size_t count) const {
  std::map<std::string_view, std::vector<const CommandExample*>> by_name;  // none, the empty name, comes first
  for (const CommandExample& example : examples_) by_name[example.name].push_back(&example);
  for (auto& [name, own] : by_name) {
    std::ranges::stable_sort(own, {}, [](const CommandExample* example) { return example->prompt.size(); });
  }
  std::vector<const CommandExample*> found;
  for (size_t round = 0; found.size() < std::min(count, examples_.size()); ++round) {
    for (const auto& [name, own] : by_name) {
      if (found.size() < count && round < own.size()) found.push_back(own[round]);
    }
  }
  return found;
}

}  // namespace thimble
