// What happened, told from signals in the order of the log: problems of one kind or about one thing are one event, a recovery
// ends it, a repetition counts. Memory is bounded: kMostActive events that may go on, kMostDone that are over; of more, the least
// severe are dropped.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "assist/log_facts.h"
#include "assist/log_series.h"
#include "assist/log_signal.h"

namespace thimble {

// Where a signal stands.
struct LogPlace {
  uint64_t line = 0;
  std::optional<int64_t> time;
};

class LogIncidents {
 public:
  static constexpr size_t kMostActive = 48;
  static constexpr size_t kMostDone = 1000;

  // `same`: equal for lines that say the same.
  void take(const LogSignal& signal, uint64_t same, std::string_view message, LogPlace place);
  void take_continuation(LogPlace place);  // of the line right before
  void take_state(std::string_view state, LogPlace place);
  // A row of readings lacks one that it had before.
  void take_missing(std::string_view field, LogPlace place);
  // Nothing came, or no readings, from the first to the second place.
  void take_gap(LogPlace before, LogPlace after);
  void take_clock_jump(LogPlace before, LogPlace after);

  // All events by their first line, with what the series found; ends this object's use.
  std::vector<LogEvent> finish(std::vector<LogFinding> findings, uint64_t& dropped);

 private:
  struct Incident {
    LogEvent event;
    std::vector<uint64_t> same;  // of all its problems, the one counted first
    std::vector<std::string> codes;
    std::vector<std::string> words;
    uint64_t least_count = 1;  // fewer are no event
    uint64_t last_problem = 0;
    bool is_open = true;
    std::string state;  // of the machine when it began
    bool has_left_state = false;
    LogChange change;
  };

  Incident& begin(const LogSignal& signal, uint64_t same, std::string_view message, LogPlace place);
  void problem(const LogSignal& signal, uint64_t same, std::string_view message, LogPlace place);
  void recovery(const LogSignal& signal, std::string_view message, LogPlace place);
  void action(const LogSignal& signal, uint64_t same, std::string_view message, LogPlace place);
  void restart(const LogSignal& signal, uint64_t same, std::string_view message, LogPlace place);
  Incident* find_same(uint64_t same, std::string_view kind, LogPlace place, int64_t window);
  Incident* find_related(const LogSignal& signal, LogPlace place);
  Incident* find_ended_by(const LogSignal& signal, LogPlace place);
  void join(Incident& incident, const LogSignal& signal, uint64_t same, std::string_view message, LogPlace place);
  void retire(LogPlace place);
  void trim_done();
  void add_findings(std::vector<LogFinding> findings, std::vector<Incident>& all) const;
  static void merge_overlapping(std::vector<Incident>& all);
  static void complete(Incident& incident);

  std::vector<Incident> active_;
  std::vector<Incident> done_;
  std::deque<uint64_t> changes_;  // lines where a person or a recovery changed something
  std::string state_;
  uint64_t dropped_ = 0;
};

}  // namespace thimble
