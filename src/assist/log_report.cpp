#include "assist/log_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>

namespace thimble {
namespace {

constexpr int64_t kDay = 86'400'000;
constexpr size_t kLeastCounted = 3;  // events

// "04:18", or with the day before it.
std::string clock_text(int64_t time, bool with_date) {
  std::string text = log_time_text(time);
  text.resize(text.size() - 3);  // seconds
  return with_date ? text : text.substr(text.size() - 5);
}

}  // namespace

std::string line_reference(uint64_t first_line, uint64_t last_line) {
  return first_line == last_line ? fmt::format("[L{}]", first_line) : fmt::format("[L{}-L{}]", first_line, last_line);
}

nlohmann::ordered_json to_json(const LogEvent& event) {
  nlohmann::ordered_json json = {{"what", event.what},
                                 {"severity", name_of(event.severity)},
                                 {"first_line", event.first_line},
                                 {"last_line", event.last_line},
                                 {"count", event.count},
                                 {"kind", event.kind}};
  if (event.first_time) json["first_time"] = log_time_text(*event.first_time);
  if (event.last_time) json["last_time"] = log_time_text(*event.last_time);
  if (!event.details.empty()) json["details"] = event.details;
  if (!event.end.empty()) json["end"] = event.end;
  return json;
}

nlohmann::ordered_json to_json(const LogFacts& facts) {
  nlohmann::ordered_json json = {{"first_line", facts.first_line}, {"last_line", facts.last_line},
                                 {"lines", facts.lines},           {"bytes", facts.bytes},
                                 {"cut_lines", facts.cut_lines},   {"dropped_events", facts.dropped_events}};
  if (facts.first_time) {
    json["first_time"] = log_time_text(*facts.first_time);
    json["last_time"] = log_time_text(*facts.last_time);
    json["rate"] = {{"first_time", log_time_text(facts.rate.first_time)},
                    {"bucket_seconds", static_cast<double>(facts.rate.bucket_ms) / 1000},
                    {"records", facts.rate.records}};
  }
  for (size_t i = 0; i < kLogLevels; ++i) json["levels"][name_of(static_cast<LogLevel>(i))] = facts.levels[i];
  json["all_templates"] = facts.all_templates;
  json["templates"] = nlohmann::ordered_json::array();
  for (const LogTemplate& line : facts.templates) {
    json["templates"].push_back({{"text", line.text},
                                 {"count", line.count},
                                 {"level", name_of(line.level)},
                                 {"first_line", line.first_line},
                                 {"last_line", line.last_line}});
  }
  return json;
}

std::string event_time(const LogEvent& event) {
  if (!event.first_time || !event.last_time) return {};
  const bool with_date = *event.first_time / kDay != *event.last_time / kDay;
  const std::string first = clock_text(*event.first_time, with_date), last = clock_text(*event.last_time, with_date);
  return first == last ? fmt::format("at {}", first) : fmt::format("from {} to {}", first, last);
}

std::string event_sentence(const LogEvent& event) {
  std::string text = event_time(event);
  if (!text.empty()) {
    text[0] = static_cast<char>(text[0] - 'a' + 'A');
    text += ": ";
  }
  text += event.what;
  if (!event.details.empty()) text += "; " + event.details[0];
  if (!event.end.empty()) text += "; in the end: " + event.end;
  return fmt::format("{} {}.", text, line_reference(event.first_line, event.last_line));
}

std::vector<size_t> most_severe(const LogFacts& facts, size_t most) {
  std::vector<size_t> order(facts.events.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, std::greater(), [&](size_t i) { return facts.events[i].severity; });
  order.resize(std::min(order.size(), most));
  std::ranges::sort(order);
  return order;
}

std::string count_sentence(const LogFacts& facts) {
  if (facts.events.size() < kLeastCounted) return {};
  std::array<size_t, 4> counts{};
  uint64_t last_line = 0;
  for (const LogEvent& event : facts.events) {
    ++counts[static_cast<size_t>(event.severity)];
    last_line = std::max(last_line, event.last_line);
  }
  std::string parts;
  for (size_t i = counts.size(); i-- > 0;) {
    if (counts[i] == 0) continue;
    parts += fmt::format("{}{} {}", parts.empty() ? "" : ", ", counts[i], name_of(static_cast<LogSeverity>(i)));
  }
  return fmt::format("{} events ({}) {}.", facts.events.size(), parts,
                     line_reference(facts.events.front().first_line, last_line));
}

std::string rest_sentence(const LogFacts& facts, size_t told) {
  const uint64_t all = facts.events.size() + facts.dropped_events;
  if (told >= all) return {};
  return fmt::format("{} less severe events are left out {}.", all - told,
                     line_reference(facts.first_line, facts.last_line));
}

std::string plain_summary(const LogFacts& facts, size_t most) {
  if (facts.lines == 0) return "The log is empty.";
  if (facts.events.empty()) {
    return fmt::format("Nothing happened but routine messages and steady readings {}.",
                       line_reference(facts.first_line, facts.last_line));
  }
  const std::vector<size_t> told = most_severe(facts, most);
  std::string text = count_sentence(facts);
  for (const size_t i : told) text += (text.empty() ? "" : " ") + event_sentence(facts.events[i]);
  const std::string rest = rest_sentence(facts, told.size());
  return rest.empty() ? text : text + " " + rest;
}

}  // namespace thimble
