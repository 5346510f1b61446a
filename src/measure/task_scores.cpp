#include "measure/task_scores.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "format/json_text.h"
#include "format/printable_json.h"
#include "measure/numbered_lines.h"
#include "measure/task_words.h"

namespace thimble {
namespace {

using Json = nlohmann::json;

constexpr size_t kMostAnsweredEvents = 10'000;
constexpr size_t kMostRougeCells = size_t{400} << 20;

// Of answers of programs that do not say whether they refuse; normal.
constexpr std::array<std::u32string_view, 13> kRefusals = {
    U"do not say",     U"does not say",   U"don't say",     U"doesn't say",  U"not in the manual",
    U"not mentioned",  U"no information", U"cannot answer", U"can't answer", U"cannot find",
    U"could not find", U"not specified",  U"not provided"};

const std::string& text_of(const TaskAnswer& answer) { return answer.value.get_ref<const std::string&>(); }

bool is_refusal(const TaskAnswer& answer) {
  if (answer.refused) return *answer.refused;
  const std::u32string text = normal_text(text_of(answer));
  return std::ranges::any_of(kRefusals, [&](std::u32string_view words) { return text.find(words) != text.npos; });
}

bool is_contained(const Json& all_of, const std::string& answer) {
  const std::u32string text = normal_text(answer);
  return std::ranges::all_of(all_of, [&](const Json& variants) {
    return std::ranges::any_of(variants, [&](const Json& variant) {
      return holds_words(text, normal_text(variant.get_ref<const std::string&>()));
    });
  });
}

bool same_number(const Json& one, const Json& other) {
  if (!one.is_number_float() && !other.is_number_float()) return one == other;
  if (one.is_number_float() && other.is_number_float()) return one == other;
  const Json& whole = one.is_number_float() ? other : one;
  const double number = (one.is_number_float() ? one : other).get<double>();
  if (std::trunc(number) != number || std::abs(number) >= 0x1p64) return false;
  if (number < 0) return number >= -0x1p63 && whole == Json(static_cast<int64_t>(number));
  return whole == Json(static_cast<uint64_t>(number));
}

// Python's idea of nothing: null, false, 0, and what is empty.
bool is_nothing(const Json& value) {
  return value.is_null() || value == Json(false) || (value.is_number() && value == Json(0)) ||
         (value.is_string() && value.get_ref<const std::string&>().empty()) || (value.is_structured() && value.empty());
}

// {"name", "arguments"} of what was answered; null where it is no call.
Json call_of(const Json& answer) {
  Json call = answer;
  if (answer.is_string()) call = try_parse_json(answer.get_ref<const std::string&>()).value_or(nullptr);
  if (!call.is_object()) return nullptr;
  Json arguments = call.contains("arguments") ? call["arguments"] : Json::object();
  if (is_nothing(arguments)) arguments = Json::object();
  return {{"name", call.contains("name") ? call["name"] : Json()}, {"arguments", std::move(arguments)}};
}

size_t slot_count(const Json& call) {
  if (!call.is_object() || call["name"].is_null()) return 0;
  return 1 + (call["arguments"].is_object() ? call["arguments"].size() : 0);
}

SlotCounts count_slots(const Json& wanted, const Json& given) {
  SlotCounts counts{0, slot_count(given), slot_count(wanted)};
  if (counts.given == 0 || counts.wanted == 0) return counts;
  if (same_json(wanted["name"], given["name"])) ++counts.shared;
  if (!given["arguments"].is_object()) return counts;
  for (const auto& [key, value] : given["arguments"].items()) {
    const auto found = wanted["arguments"].find(key);
    if (found != wanted["arguments"].end() && same_json(*found, value)) ++counts.shared;
  }
  return counts;
}

CaseScore score_slots(const Json& expected, const Json& answer) {
  const Json given = call_of(answer);
  const Json wanted = {{"name", expected["name"]}, {"arguments", expected["arguments"]}};
  return {.score = same_json(given, wanted) ? 1.0 : 0.0, .slots = count_slots(wanted, given)};
}

double rouge_l(std::string_view answer, std::string_view reference) {
  const auto one = words_of(answer);
  const auto other = words_of(reference);
  if (one.empty() || other.empty()) return 0;
  if (one.size() > kMostRougeCells / other.size()) {
    fail(ExitCode::bad_file, "an answer of {} words is too long for rouge_l", one.size());
  }
  std::vector<size_t> row(other.size() + 1);
  for (const std::u32string& word : one) {
    size_t diagonal = 0;
    for (size_t i = 0; i < other.size(); ++i) {
      const size_t above = row[i + 1];
      row[i + 1] = word == other[i] ? diagonal + 1 : std::max(above, row[i]);
      diagonal = above;
    }
  }
  return 2.0 * static_cast<double>(row.back()) / static_cast<double>(one.size() + other.size());
}

bool overlap(const Json& one, const Json& other) {
  const auto line = [](const Json& event, const char* key) { return event[key].get<uint64_t>(); };
  return line(one, "first_line") <= line(other, "last_line") && line(other, "first_line") <= line(one, "last_line");
}

// Augmenting paths (Kuhn): an expected event takes an answered one, whose owner may have to take another.
class Matching {
 public:
  Matching(const Json& expected, const Json& given) : expected_(expected), given_(given), owner_(given.size(), kNone) {}

  std::vector<std::pair<size_t, size_t>> find() {
    for (size_t i = 0; i < expected_.size(); ++i) {
      std::vector<bool> tried(given_.size());
      place(i, tried);
    }
    std::vector<std::pair<size_t, size_t>> pairs;
    for (size_t j = 0; j < owner_.size(); ++j) {
      if (owner_[j] != kNone) pairs.emplace_back(owner_[j], j);
    }
    return pairs;
  }

 private:
  static constexpr size_t kNone = SIZE_MAX;

  bool place(size_t i, std::vector<bool>& tried) {
    for (size_t j = 0; j < given_.size(); ++j) {
      if (tried[j] || !overlap(expected_[i], given_[j])) continue;
      tried[j] = true;
      if (owner_[j] == kNone || place(owner_[j], tried)) {
        owner_[j] = i;
        return true;
      }
    }
    return false;
  }

  const Json& expected_;
  const Json& given_;
  std::vector<size_t> owner_;  // by answered event
};

CaseScore score_events(const Json& expected, const TaskAnswer& answer) {
  const Json& events = expected["events"];
  EventCounts counts{.expected = events.size()};
  for (const auto& [i, j] : match_events(events, answer.events)) {
    ++counts.matched;
    const Json& given = answer.events[j];
    counts.severity += given.contains("severity") && same_json(events[i]["severity"], given["severity"]) ? 1 : 0;
  }
  for (const Json& event : answer.events) {
    const bool is_known = std::ranges::any_of(events, [&](const Json& one) { return overlap(event, one); });
    counts.invented += is_known ? 0 : 1;
  }
  counts.repeated = answer.events.size() - counts.matched - counts.invented;
  const bool is_right = counts.matched == counts.expected && counts.invented == 0;
  return {.score = is_right ? 1.0 : 0.0,
          .events = counts,
          .rouge_l = rouge_l(answer.summary, expected["summary"].get_ref<const std::string&>())};
}

double best_rouge_l(const Json& references, const std::string& answer) {
  double best = 0;
  for (const Json& reference : references)
    best = std::max(best, rouge_l(answer, reference.get_ref<const std::string&>()));
  return best;
}

CaseScore yes_or_no(bool is_right) { return {.score = is_right ? 1.0 : 0.0}; }

CaseScore score_answer(const TaskCase& task, const TaskAnswer& answer) {
  const Json& expected = task.expected;
  switch (task.metric) {
    case Metric::exact: return yes_or_no(with_single_spaces(text_of(answer)) == expected.get_ref<const std::string&>());
    case Metric::choice: {
      const size_t named = first_choice(text_of(answer), task.choices);
      return yes_or_no(named < task.choices.size() && task.choices[named] == expected.get_ref<const std::string&>());
    }
    case Metric::contains: return yes_or_no(is_contained(expected["all_of"], text_of(answer)));
    case Metric::refusal: return yes_or_no(is_refusal(answer) == expected["refused"].get<bool>());
    case Metric::json_slots: return score_slots(expected, answer.value);
    case Metric::rouge_l: return {.score = best_rouge_l(expected["references"], text_of(answer))};
    case Metric::events: return score_events(expected, answer);
  }
  return {};
}

}  // namespace

bool same_json(const Json& one, const Json& other) {
  if (one.is_number() && other.is_number()) return same_number(one, other);
  if (one.type() != other.type()) return false;
  if (one.is_array()) return std::ranges::equal(one, other, same_json);
  if (!one.is_object()) return one == other;
  return one.size() == other.size() && std::ranges::all_of(one.items(), [&](const auto& item) {
           const auto found = other.find(item.key());
           return found != other.end() && same_json(item.value(), *found);
         });
}

std::vector<std::pair<size_t, size_t>> match_events(const Json& expected, const Json& given) {
  return Matching(expected, given).find();
}

CaseScore score_case(const TaskCase& task, const TaskAnswer* answer) {
  if (answer == nullptr) {
    CaseScore none = score_answer(task, TaskAnswer{.refused = false});
    none.score = 0;
    return none;
  }
  const bool must_answer = task.metric == Metric::contains || task.metric == Metric::choice;
  if (must_answer && answer->refused.value_or(false)) return {};
  return score_answer(task, *answer);
}

TaskAnswer read_task_answer(const Json& object, const TaskCase& task) {
  TaskAnswer answer;
  if (const auto refused = object.find("refused"); refused != object.end() && !refused->is_null()) {
    if (!refused->is_boolean()) throw BrokenLine{"\"refused\" is true or false, found " + printable_json(*refused)};
    answer.refused = refused->get<bool>();
  }
  if (task.metric == Metric::events) {
    if (object.contains("events")) answer.events = object["events"];
    const bool are_events = answer.events.is_array() && answer.events.size() <= kMostAnsweredEvents &&
                            std::ranges::all_of(answer.events, is_event);
    if (!are_events) {
      throw BrokenLine{fmt::format("\"events\" is a list of up to {} events with their lines, found {}",
                                   kMostAnsweredEvents, printable_json(answer.events))};
    }
    if (const auto summary = object.find("summary"); summary != object.end()) {
      if (!summary->is_string()) throw BrokenLine{"\"summary\" is a string, found " + printable_json(*summary)};
      answer.summary = *summary;
    }
    return answer;
  }
  const auto value = object.find("answer");
  if (value == object.end()) throw BrokenLine{"\"answer\" is missing"};
  if (!value->is_string() && task.metric != Metric::json_slots) {
    throw BrokenLine{"\"answer\" is a string, found " + printable_json(*value)};
  }
  answer.value = *value;
  return answer;
}

}  // namespace thimble
