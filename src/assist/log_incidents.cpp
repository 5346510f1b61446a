#include "assist/log_incidents.h"

#include <fmt/format.h>

#include <algorithm>

#include "assist/log_level.h"
#include "base/utf8.h"
#include "text/hash.h"

namespace thimble {
namespace {

using Sort = LogSignal::Sort;

constexpr int64_t kMinute = 60'000, kHour = 60 * kMinute;
constexpr int64_t kRepeats = 3 * kHour;          // the same again is one event
constexpr int64_t kRelated = 2 * kHour;          // about the same thing
constexpr int64_t kBurst = 2 * kMinute;          // whatever else comes with it,
constexpr int64_t kLongestBurst = 15 * kMinute;  // as long as it is young
constexpr int64_t kLongestRelated = 6 * kHour;
constexpr int64_t kRestarts = 30 * kMinute;
constexpr int64_t kSoon = 30 * kMinute;  // for a line that ends something without saying what
constexpr uint64_t kBurstLines = 10;
constexpr uint64_t kLinesAnHour = 500;  // for logs without times
constexpr uint64_t kLeastRestarts = 3;
constexpr size_t kRoom = kLogEventBytes - 32;  // of an event's text, for what finish() adds
constexpr size_t kMostBurst = 4;               // kinds of messages that a burst takes up later on
constexpr size_t kMostWords = 24, kMostSame = 16, kMostChanges = 256;

// Whether `place` is at most `window` milliseconds behind; by lines where there are no times.
bool is_within(std::optional<int64_t> time, uint64_t line, LogPlace place, int64_t window) {
  if (time && place.time) return *place.time - *time <= window && *time - *place.time <= window;
  const uint64_t lines = place.line > line ? place.line - line : line - place.line;
  return lines <= kLinesAnHour * static_cast<uint64_t>(window) / static_cast<uint64_t>(kHour);
}

template <class T>
void add_to(std::vector<T>& all, const T& one, size_t most) {
  if (all.size() < most && std::ranges::find(all, one) == all.end()) all.push_back(one);
}

// One line of valid UTF-8, cut between characters.
std::string event_text(std::string_view message) {
  std::string text;
  for (const char c : message) {
    if (text.size() == kRoom) break;
    if ((c == ' ' || c == '\t') && (text.empty() || text.back() == ' ')) continue;
    text += c == '\t' ? ' ' : c;
  }
  if (message.size() > kRoom) text.resize(text.size() - incomplete_utf8_tail(text));
  while (text.ends_with(' ')) text.pop_back();
  text = to_valid_utf8(text);
  while (text.size() > kRoom) {
    size_t end = kRoom;
    while ((text[end] & 0xC0) == 0x80) --end;
    text.resize(end);
  }
  return text;
}

bool may_end_unasked(const LogEvent& event) {
  return event.kind != "missed_maintenance" && event.kind != "operator_action" && event.kind != "restart";
}

}  // namespace

LogIncidents::Incident& LogIncidents::begin(const LogSignal& signal, uint64_t same, std::string_view message,
                                            LogPlace place) {
  retire(place);
  active_.emplace_back();
  Incident& incident = active_.back();
  incident.event = {event_text(message), signal.kind, signal.severity, place.line,
                    place.line,          1,           place.time,      place.time};
  incident.same.push_back(same);
  incident.words = signal.words;
  if (!signal.code.empty()) incident.codes.push_back(signal.code);
  incident.last_problem = place.line;
  incident.state = state_;
  return incident;
}

// What can no longer go on is over; the one that has been quiet the longest, where there are too many.
void LogIncidents::retire(LogPlace place) {
  const auto is_over = [&](const Incident& incident) {
    return !is_within(incident.event.last_time, incident.event.last_line, place, kRepeats);
  };
  for (auto it = active_.begin(); it != active_.end();) {
    if (is_over(*it)) {
      done_.push_back(std::move(*it));
      it = active_.erase(it);
    } else {
      ++it;
    }
  }
  if (active_.size() >= kMostActive) {
    const auto quiet = std::ranges::min_element(active_, {}, [](const Incident& i) { return i.event.last_line; });
    done_.push_back(std::move(*quiet));
    active_.erase(quiet);
  }
  trim_done();
}

void LogIncidents::trim_done() {
  if (done_.size() < 2 * kMostDone) return;
  std::erase_if(done_, [](const Incident& incident) { return incident.event.count < incident.least_count; });
  if (done_.size() <= kMostDone) return;
  std::ranges::stable_sort(done_, std::greater(), [](const Incident& incident) { return incident.event.severity; });
  dropped_ += done_.size() - kMostDone;
  done_.resize(kMostDone);
}

// Of the same sort: what a person changed and a restart say the same as a problem where they name its code.
LogIncidents::Incident* LogIncidents::find_same(uint64_t same, std::string_view kind, LogPlace place, int64_t window) {
  const auto is_problem = [](std::string_view name) { return name != "restart" && name != "operator_action"; };
  for (Incident& incident : active_) {
    const bool is_its_sort = is_problem(kind) ? is_problem(incident.event.kind) : incident.event.kind == kind;
    const bool has_it = std::ranges::find(incident.same, same) != incident.same.end();
    if (is_its_sort && has_it && is_within(incident.event.last_time, incident.event.last_line, place, window)) {
      return &incident;
    }
  }
  return nullptr;
}

LogIncidents::Incident* LogIncidents::find_related(const LogSignal& signal, LogPlace place) {
  const bool is_due = signal.kind == std::string_view("missed_maintenance");
  Incident* burst = nullptr;
  for (Incident& incident : active_) {
    const LogEvent& event = incident.event;
    if (!incident.is_open || !may_end_unasked(event) || is_due) continue;
    const bool has_code = std::ranges::find(incident.codes, signal.code) != incident.codes.end();
    const bool is_alike = has_code || share_word(incident.words, signal.words);
    if (is_alike && is_within(event.last_time, event.last_line, place, kRelated) &&
        is_within(event.first_time, event.first_line, place, kLongestRelated)) {
      return &incident;
    }
    const bool is_near =
        place.line - incident.last_problem <= kBurstLines &&
        is_within(event.last_time, event.last_line, place, kBurst) &&
        (is_within(event.first_time, event.first_line, place, kLongestBurst) || incident.same.size() < kMostBurst);
    if (is_near) burst = &incident;
  }
  return burst;
}

void LogIncidents::join(Incident& incident, const LogSignal& signal, uint64_t same, std::string_view message,
                        LogPlace place) {
  LogEvent& event = incident.event;
  const bool is_known = std::ranges::find(incident.same, same) != incident.same.end();
  if (is_known) {
    event.count += incident.same[0] == same ? 1 : 0;
  } else if (signal.severity > event.severity && event.count == 1) {
    add_to(event.details, event.what, kLogEventDetails);
    event.what = event_text(message);
    event.kind = signal.kind;
    incident.same.insert(incident.same.begin(), same);
    incident.same.resize(std::min(incident.same.size(), kMostSame));
  } else {
    add_to(event.details, event_text(message), kLogEventDetails);
    add_to(incident.same, same, kMostSame);
  }
  event.severity = std::max(event.severity, signal.severity);
  if (!signal.code.empty()) add_to(incident.codes, signal.code, kMostWords);
  for (const std::string& word : signal.words) add_to(incident.words, word, kMostWords);
  event.last_line = place.line;
  if (place.time) event.last_time = place.time;
  incident.last_problem = place.line;
  event.end.clear();
  incident.is_open = true;
  incident.has_left_state = false;
}

void LogIncidents::take(const LogSignal& signal, uint64_t same, std::string_view message, LogPlace place) {
  switch (signal.sort) {
    case Sort::routine: return;
    case Sort::problem: return problem(signal, same, message, place);
    case Sort::recovery: return recovery(signal, message, place);
    case Sort::action: return action(signal, same, message, place);
    case Sort::restart: return restart(signal, same, message, place);
  }
}

void LogIncidents::problem(const LogSignal& signal, uint64_t same, std::string_view message, LogPlace place) {
  Incident* incident = find_same(same, signal.kind, place, kRepeats);
  if (!incident) incident = find_related(signal, place);
  if (incident) {
    join(*incident, signal, same, message, place);
  } else {
    begin(signal, same, message, place);
  }
}

LogIncidents::Incident* LogIncidents::find_ended_by(const LogSignal& signal, LogPlace place) {
  Incident* alike = nullptr;
  Incident* latest = nullptr;
  for (Incident& incident : active_) {
    const bool has_code = std::ranges::find(incident.codes, signal.code) != incident.codes.end();
    // A person's word on what has just ended by itself belongs to it.
    const bool is_just_over = signal.is_person && place.line - incident.event.last_line <= kBurstLines;
    if (!incident.is_open && !is_just_over) continue;
    if (!is_within(incident.event.last_time, incident.last_problem, place, kRepeats)) continue;
    if (has_code) return &incident;
    if (incident.event.kind == "operator_action") continue;
    if (share_word(incident.words, signal.words)) alike = &incident;
    const bool is_start_enough = incident.event.kind == "power_failure";
    const bool is_soon = is_within(incident.event.last_time, incident.event.last_line, place, kSoon);
    if (!signal.is_person && !is_start_enough && !(signal.is_general && is_soon)) continue;
    if (incident.is_open && may_end_unasked(incident.event)) latest = &incident;
  }
  return alike ? alike : latest;
}

void LogIncidents::recovery(const LogSignal& signal, std::string_view message, LogPlace place) {
  if (signal.is_person || signal.is_general) changes_.push_back(place.line);
  if (changes_.size() > kMostChanges) changes_.pop_front();
  Incident* incident = find_ended_by(signal, place);
  if (!incident) return;
  incident->event.last_line = place.line;
  if (place.time) incident->event.last_time = place.time;
  incident->event.end = event_text(message);
  incident->is_open = false;
}

void LogIncidents::action(const LogSignal& signal, uint64_t same, std::string_view message, LogPlace place) {
  changes_.push_back(place.line);
  if (changes_.size() > kMostChanges) changes_.pop_front();
  const LogChange change = read_change(message);
  for (Incident& incident : active_) {
    if (incident.event.kind != "operator_action") continue;
    const bool is_taken_back = !change.after.empty() && incident.change.before == change.after;
    const bool is_alike = share_word(incident.words, signal.words);
    const bool is_the_same = incident.change.before == change.before && incident.change.after == change.after;
    const bool is_repeated = incident.same[0] == same && is_within(incident.event.last_time, incident.event.last_line,
                                                                   place, is_the_same ? kRepeats : kBurst);
    if ((!is_alike || !is_taken_back) && !is_repeated) continue;
    incident.event.last_line = place.line;
    if (place.time) incident.event.last_time = place.time;
    if (is_taken_back) {
      incident.event.end = event_text(message);
    } else {
      ++incident.event.count;
    }
    return;
  }
  Incident& incident = begin(signal, same, message, place);
  incident.is_open = false;
  incident.change = change;
}

// One restart alone is no event: programs are updated, machines switched on. It ends what was wrong before.
void LogIncidents::restart(const LogSignal& signal, uint64_t same, std::string_view message, LogPlace place) {
  LogSignal ends = signal;
  ends.is_general = true;
  recovery(ends, message, place);
  if (Incident* incident = find_same(same, "restart", place, kRestarts)) {
    ++incident->event.count;
    incident->event.last_line = place.line;
    if (place.time) incident->event.last_time = place.time;
    return;
  }
  LogSignal loop = signal;
  loop.kind = "restart";
  loop.severity = LogSeverity::error;
  Incident& incident = begin(loop, same, message, place);
  incident.is_open = false;
  incident.least_count = kLeastRestarts;
}

void LogIncidents::take_continuation(LogPlace place) {
  for (Incident& incident : active_) {
    if (incident.event.last_line + 1 == place.line) incident.event.last_line = place.line;
  }
}

void LogIncidents::take_state(std::string_view state, LogPlace place) {
  if (state == state_) return;
  const bool was_alarming = is_alarming_state(state_);
  bool is_explained = false;
  for (Incident& incident : active_) {
    if (!incident.is_open || incident.event.severity < LogSeverity::error) continue;
    is_explained = true;
    if (state == incident.state && incident.has_left_state) {
      incident.is_open = false;
      incident.event.last_line = place.line;
      if (place.time) incident.event.last_time = place.time;
    } else {
      incident.has_left_state = true;
    }
  }
  if (is_alarming_state(state) && !was_alarming && !is_explained) {
    LogSignal signal;
    signal.kind = "trip";
    signal.severity = LogSeverity::error;
    // A reset that did not help: what was wrong goes on.
    const auto recent = std::ranges::find_if(active_, [&](const Incident& incident) {
      return incident.event.severity >= LogSeverity::error && place.line - incident.event.last_line <= kBurstLines;
    });
    Incident& incident =
        recent != active_.end() ? *recent : begin(signal, hash_text(state), fmt::format("state {}", state), place);
    incident.event.last_line = place.line;
    incident.is_open = incident.has_left_state = true;
    incident.state = state_;
  }
  state_ = std::string(state);
}

void LogIncidents::take_missing(std::string_view field, LogPlace place) {
  const uint64_t same = mix(hash_text(field) + 1);
  if (Incident* incident = find_same(same, "lost_data", place, kRepeats)) {
    incident->event.last_line = place.line;
    if (place.time) incident->event.last_time = place.time;
    return;
  }
  LogSignal signal;
  signal.kind = "lost_data";
  signal.severity = LogSeverity::warning;
  signal.words = subject_words(field);
  begin(signal, same, fmt::format("no value of {}", field), place);
}

void LogIncidents::take_gap(LogPlace before, LogPlace after) {
  for (Incident& incident : active_) {
    const LogEvent& event = incident.event;
    const bool explains = event.kind == "power_failure" || event.kind == "lost_communication" ||
                          event.kind == "lost_data" || event.kind == "clock_jump";
    const bool is_near = event.last_line + 2 >= before.line;
    if ((!incident.is_open && event.last_line + 2 < after.line) || !(explains || is_near) ||
        event.kind == "operator_action") {
      continue;
    }
    incident.event.last_line = std::max(event.last_line, after.line);
    if (after.time) incident.event.last_time = after.time;
    return;
  }
  LogSignal signal;
  signal.kind = "lost_data";
  signal.severity = LogSeverity::warning;
  const int64_t minutes = (*after.time - *before.time + kMinute / 2) / kMinute;
  Incident& incident = begin(signal, hash_text("gap"), fmt::format("no records for {} min", minutes), before);
  incident.event.last_line = after.line;
  incident.event.last_time = after.time;
  incident.is_open = false;
}

void LogIncidents::take_clock_jump(LogPlace before, LogPlace after) {
  LogSignal signal;
  signal.kind = "clock_jump";
  signal.severity = LogSeverity::warning;
  const int64_t minutes = (*before.time - *after.time + kMinute / 2) / kMinute;
  const uint64_t same = hash_text("clock jump");
  for (Incident& incident : active_) {
    const bool is_told = incident.event.kind == "clock_jump" && after.line - incident.event.last_line <= kBurstLines;
    const bool is_same = incident.same[0] == same;
    if (!is_told && !is_same) continue;
    incident.event.count += is_same ? 1 : 0;
    incident.event.last_line = after.line;
    return;
  }
  begin(signal, same, fmt::format("the clock goes back by {} min", minutes), before).event.last_line = after.line;
}

}  // namespace thimble
