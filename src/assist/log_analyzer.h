// The analysis of a log in one pass and bounded memory: bytes in, facts out. The same bytes give the same facts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "assist/log_facts.h"
#include "assist/log_incidents.h"
#include "assist/log_lines.h"
#include "assist/log_record.h"
#include "assist/log_series.h"
#include "assist/log_signal.h"
#include "assist/log_templates.h"

namespace thimble {

// The lines to look at. Those before are read for a table's header only.
struct LogWindow {
  uint64_t first_line = 1;
  uint64_t last_line = UINT64_MAX;
};

class LogAnalyzer {
 public:
  static constexpr size_t kTopTemplates = 20;

  explicit LogAnalyzer(LogWindow window = {}) : window_(window) {}

  void feed(std::string_view bytes);
  bool is_past_window() const { return line_ >= window_.last_line; }  // nothing more will be looked at
  // Ends this object's use.
  LogFacts finish();

 private:
  // How often lines of a template come.
  struct Beat {
    static constexpr size_t kIntervals = 16;
    int64_t intervals[kIntervals] = {};
    size_t count = 0;
    LogPlace last;
  };
  struct Known {
    uint32_t template_id;
    LogSignal signal;
  };

  void take_line(std::string_view line, bool is_cut);
  void take_readings();
  void take_message();
  LogSignal read_new_message();
  void follow_clock(LogPlace place);
  void follow_beat(uint32_t template_id, LogPlace last_alike, LogPlace place);

  LogWindow window_;
  LogLines lines_;
  LogRecordParser parser_;
  LogRecord record_;
  LogTemplates templates_;
  LogSeries series_;
  LogIncidents incidents_;
  LogFacts facts_;
  std::unordered_map<std::string, uint32_t> word_use_;  // how many kinds of messages have a word
  uint32_t kinds_ = 0;                                  // of messages
  std::unordered_map<uint64_t, Known> known_;           // masked messages
  std::unordered_map<uint32_t, Beat> beats_;            // by template
  std::unordered_map<uint64_t, uint32_t> shapes_;       // templates of readings, by their fields' names
  std::string masked_;
  LogPlace last_;           // the last record with a time
  LogPlace last_readings_;  // the last of them that had readings
  uint64_t line_ = 0;
};

}  // namespace thimble
