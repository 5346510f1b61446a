// The end of the analysis: what the series found joins what the messages told, and events get their last words.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "assist/log_incidents.h"
#include "text/hash.h"

namespace thimble {
namespace {

constexpr uint64_t kSettling = 8;    // lines after a change in which readings may begin to move because of it
constexpr uint64_t kManyTrips = 4;   // are critical
constexpr uint64_t kManyJumps = 20;  // of the clock: the log is not in order

constexpr uint64_t kTouching = 3;  // lines apart

bool overlap(const LogEvent& a, const LogEvent& b, uint64_t slack = 0) {
  return a.first_line <= b.last_line + slack && b.first_line <= a.last_line + slack;
}

void widen(LogEvent& event, const LogEvent& by) {
  if (by.first_line < event.first_line) {
    event.first_line = by.first_line;
    event.first_time = by.first_time;
  }
  if (by.last_line > event.last_line) {
    event.last_line = by.last_line;
    event.last_time = by.last_time;
  }
}

// As few digits as tell the two apart.
std::string number_text(double value) {
  std::string text = fmt::format("{:.4g}", value);
  return text.find('e') == std::string::npos ? text : fmt::format("{:.0f}", value);
}

}  // namespace

void LogIncidents::add_findings(std::vector<LogFinding> findings, std::vector<Incident>& all) const {
  for (const LogFinding& finding : findings) {
    const bool is_caused = std::ranges::any_of(
        changes_, [&](uint64_t line) { return line <= finding.first_line && line + kSettling >= finding.first_line; });
    if (is_caused && !finding.is_standstill) continue;
    LogEvent event{
        finding.is_standstill
            ? fmt::format("{} stands still at {}", finding.field, number_text(finding.from))
            : fmt::format("{} {} from {} to {}", finding.field, finding.to > finding.from ? "rises" : "falls",
                          number_text(finding.from), number_text(finding.to)),
        finding.is_standstill ? "stuck" : "sensor_drift",
        LogSeverity::warning,
        finding.first_line,
        finding.last_line,
        1,
        finding.first_time,
        finding.last_time};
    const std::vector<std::string> words = subject_words(finding.field);
    const auto told = std::ranges::find_if(all, [&](const Incident& incident) {
      const LogEvent& other = incident.event;
      if (other.kind == "operator_action" || other.kind == "missed_maintenance") return false;
      // A drift that goes on until the machine stops is what led there.
      const bool leads_there = !finding.is_standstill && other.severity >= LogSeverity::error &&
                               event.last_line + kTouching >= other.first_line && event.last_line <= other.last_line;
      const bool is_alike = other.kind == event.kind || share_word(incident.words, words);
      return leads_there || (is_alike && overlap(other, event, kTouching));
    });
    if (told == all.end()) {
      Incident incident;
      incident.event = std::move(event);
      incident.words = words;
      all.push_back(std::move(incident));
      continue;
    }
    widen(told->event, event);
    if (told->event.severity == LogSeverity::warning && told->event.kind != event.kind) told->event.kind = event.kind;
    if (told->event.details.size() < kLogEventDetails) told->event.details.push_back(event.what);
    told->words.insert(told->words.end(), words.begin(), words.end());
  }
}

// Each message of a boot repeats in a restart loop.
void LogIncidents::merge_overlapping(std::vector<Incident>& all) {
  for (size_t i = 0; i < all.size(); ++i) {
    if (all[i].event.kind != "restart") continue;
    for (size_t j = all.size(); --j > i;) {
      if (all[j].event.kind != "restart" || !overlap(all[i].event, all[j].event)) continue;
      widen(all[i].event, all[j].event);
      all[i].event.count = std::max(all[i].event.count, all[j].event.count);
      all.erase(all.begin() + static_cast<ptrdiff_t>(j));
    }
  }
}

void LogIncidents::complete(Incident& incident) {
  LogEvent& event = incident.event;
  if (event.kind == "restart") event.kind = "restart_loop";
  if (event.kind == "trip" && event.count > 1) {
    event.kind = "repeated_trips";
    if (event.count >= kManyTrips) event.severity = LogSeverity::critical;
  }
  if (event.count > 1) event.what += fmt::format(" ({} times)", event.count);
}

std::vector<LogEvent> LogIncidents::finish(std::vector<LogFinding> findings, uint64_t& dropped) {
  std::vector<Incident> all = std::move(done_);
  std::move(active_.begin(), active_.end(), std::back_inserter(all));
  std::erase_if(all, [](const Incident& incident) {
    return incident.event.count < incident.least_count ||
           (incident.event.kind == "clock_jump" && incident.event.count > kManyJumps);
  });
  std::ranges::stable_sort(all, {}, [](const Incident& incident) { return incident.event.first_line; });
  add_findings(std::move(findings), all);
  merge_overlapping(all);
  std::vector<LogEvent> events;
  for (Incident& incident : all) {
    complete(incident);
    events.push_back(std::move(incident.event));
  }
  if (events.size() > kMostDone) {
    std::ranges::stable_sort(events, std::greater(), &LogEvent::severity);
    dropped_ += events.size() - kMostDone;
    events.resize(kMostDone);
  }
  std::ranges::stable_sort(events, {}, &LogEvent::first_line);
  dropped = dropped_;
  return events;
}

}  // namespace thimble
