// What is found in logs of many kinds, and what is not: events in tests/data/logs, made for this, and in short ones written here.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "assist/log_file.h"
#include "assist/log_report.h"
#include "assist/log_signal.h"
#include "assist/log_trend.h"
#include "base/error.h"
#include "base/utf8.h"
#include "support/temp_file.h"

namespace thimble {
namespace {

std::string log_data(const std::string& name) { return std::string(THIMBLE_TEST_DATA) + "/logs/" + name; }

struct FileCase {
  const char* name;
  const char* kind;  // of the only event; nullptr: none
  uint64_t first_line, last_line, count;
};

TEST(LogEvents, OfOtherProgramsAreFoundAndCleanLogsHaveNone) {
  const FileCase cases[] = {
      {"nginx-access-clean.log", nullptr, 0, 0, 0},
      {"journal-clean.log", nullptr, 0, 0, 0},
      {"dmesg-clean.log", nullptr, 0, 0, 0},
      {"android-clean.log", nullptr, 0, 0, 0},
      {"java-clean.log", nullptr, 0, 0, 0},
      {"json-clean.jsonl", nullptr, 0, 0, 0},
      {"plc-clean.csv", nullptr, 0, 0, 0},
      {"gateway-clean.log", nullptr, 0, 0, 0},
      {"nginx-access-502.log", "error", 41, 55, 15},
      {"nginx-error.log", "lost_communication", 7, 11, 5},
      {"journal-oom.log", "error", 27, 29, 1},
      {"dmesg-disk.log", "error", 11, 15, 1},
      {"android-crash.log", "error", 31, 34, 1},
      {"java-trace.log", "error", 21, 26, 1},
      {"json-broker.jsonl", "lost_communication", 21, 23, 2},
      {"node-restarts.log", "restart_loop", 22, 26, 5},
      {"node-clock.log", "clock_jump", 20, 21, 1},
      {"node-gap.log", "lost_data", 25, 26, 1},
      {"plc-drift.csv", "sensor_drift", 21, 40, 1},
      {"plc-stuck.csv", "stuck", 16, 45, 1},
  };
  for (const FileCase& wanted : cases) {
    const LogFacts facts = analyze_log_file(log_data(wanted.name));
    EXPECT_EQ(facts.events.size(), wanted.kind ? 1u : 0u) << wanted.name;
    if (!wanted.kind || facts.events.empty()) continue;
    const LogEvent& event = facts.events[0];
    EXPECT_EQ(event.kind, wanted.kind) << wanted.name;
    // Where a drift begins is not sharp, and what goes on may end a line or two later.
    const double slack = event.kind == "sensor_drift" || event.kind == "stuck" ? 4 : 0;
    EXPECT_NEAR(static_cast<double>(event.first_line), static_cast<double>(wanted.first_line), slack) << wanted.name;
    EXPECT_GE(event.last_line, wanted.last_line) << wanted.name;
    EXPECT_LE(event.last_line, wanted.last_line + 3) << wanted.name;
    EXPECT_EQ(event.count, wanted.count) << wanted.name;
  }
}

TEST(LogEvents, LogsWithoutTimesHaveThemToo) {
  const auto events = analyze_log_file(log_data("plain-errors.txt")).events;
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].what, "file 20: unexpected end of data");
  EXPECT_EQ(events[0].first_line, 22u);
  EXPECT_EQ(events[1].what, "done, 1 failed");
  EXPECT_FALSE(events[0].first_time);
}

// A log of readings every five minutes, with a message in place of some.
std::string with_messages(const std::vector<std::pair<size_t, std::string>>& messages, size_t readings = 40) {
  std::string text;
  std::mt19937 random(5);
  for (size_t i = 0; i < readings; ++i) {
    const size_t minute = 5 * i;
    text +=
        fmt::format("2026-03-02 {:02}:{:02}:00 INFO state=RUN pressure={:.2f} flow={:.1f}\n", minute / 60, minute % 60,
                    5.5 + 0.01 * static_cast<double>(random() % 9), 36 + 0.1 * static_cast<double>(random() % 9));
    for (const auto& [at, message] : messages) {
      if (at == i) text += fmt::format("2026-03-02 {:02}:{:02}:30 {}\n", minute / 60, minute % 60, message);
    }
  }
  return text;
}

std::vector<LogEvent> events_of(const std::vector<std::pair<size_t, std::string>>& messages) {
  return analyze_log_text(with_messages(messages), "test").events;
}

TEST(LogEvents, AWarningATripAndWhatEndedItAreOne) {
  const auto events = events_of({{10, "WARNING bearing temperature 81 C above alarm limit 80 C"},
                                 {14, "ERROR bearing temperature 96 C above trip limit 95 C, pump stopped"},
                                 {16, "NOTICE badge 102: bearing regreased, restart released"}});
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].what, "bearing temperature 96 C above trip limit 95 C, pump stopped");
  EXPECT_EQ(events[0].severity, LogSeverity::error);
  EXPECT_EQ(events[0].first_line, 12u);
  EXPECT_EQ(events[0].last_line, 20u);
  EXPECT_EQ(events[0].end, "badge 102: bearing regreased, restart released");
  ASSERT_EQ(events[0].details.size(), 1u);
  EXPECT_EQ(events[0].details[0], "bearing temperature 81 C above alarm limit 80 C");
}

TEST(LogEvents, TheSameAgainIsCounted) {
  const std::string trip = "ERROR E07 dry running, pump stopped", reset = "INFO RESET pressed at panel";
  const auto events = events_of({{5, trip}, {6, reset}, {9, trip}, {10, reset}, {13, trip}, {14, reset}, {17, trip}});
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].kind, "repeated_trips");
  EXPECT_EQ(events[0].count, 4u);
  EXPECT_EQ(events[0].severity, LogSeverity::critical);
  EXPECT_EQ(events[0].what, "E07 dry running, pump stopped (4 times)");
}

TEST(LogEvents, AChangeTakenBackIsOneAndARoutineTransitionNone) {
  const auto events = events_of({{5, "NOTICE user 2: frequency setting 50.0 -> 50.5 Hz"},
                                 {6, "INFO wlan0 state SCANNING -> ASSOCIATED"},
                                 {20, "NOTICE user 2: frequency setting 50.5 -> 50.0 Hz"}});
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].kind, "operator_action");
  EXPECT_EQ(events[0].severity, LogSeverity::info);
  EXPECT_EQ(events[0].first_line, 7u);
  EXPECT_EQ(events[0].last_line, 24u);
}

TEST(LogEvents, NamesWithTheWordsInThemAreNone) {
  const std::string text =
      "status installed libgpg-error-dev:amd64 1.46\n[3/269] Building CXX object base/error.cpp.o\nopened "
      "/var/log/error\n"
      "alarm list empty\nerrors: 0\n12 files, 0 failed\n";
  EXPECT_TRUE(analyze_log_text(text, "test").events.empty());
  EXPECT_EQ(analyze_log_text("value out-of-range\nall\nis\nwell\n", "test").events.size(), 1u);
}

TEST(LogEvents, RoutineMessagesAreNone) {
  const auto events = events_of({{2, "INFO heartbeat ok"},
                                 {3, "INFO self-test passed, 0 errors"},
                                 {4, "INFO badge 186 opened panel"},
                                 {5, "INFO time synchronised, offset 3 ms"},
                                 {6, "INFO remote station RS-1 alive, 0 faults"},
                                 {7, "INFO lamp test ok, no failures"},
                                 {8, "INFO no alarms active"},
                                 {9, "INFO pressure settled at 5.5 bar"},
                                 {10, "INFO emergency stop circuit test passed"},
                                 {11, "INFO next service in 300 h"},
                                 {12, "DEBUG retry after timeout"},
                                 {13, "INFO clock adjusted by 0.004 s"},
                                 {14, "INFO controller started after update, version 2.4"},
                                 {15, "NOTICE start order"}});
  EXPECT_TRUE(events.empty()) << (events.empty() ? "" : events[0].what);
}

TEST(LogEvents, QuietLinesOfInformationAreEventsWhereTheySayEnough) {
  const std::pair<const char*, const char*> cases[] = {
      {"INFO mains lost, running on battery", "power_failure"},
      {"INFO link to broker: connection lost", "lost_communication"},
      {"INFO modbus slave 7 no answer", "lost_communication"},
      {"INFO clock stepped by +3605.2 s", "clock_jump"},
      {"INFO calibration overdue since 9 days", "missed_maintenance"},
      {"INFO emergency stop pressed at gate 2", "trip"},
      {"WARNING valve V12 stuck, position 38 %", "stuck"},
      {"WARNING buffer full, 120 records lost", "lost_data"},
  };
  for (const auto& [message, kind] : cases) {
    const auto events = events_of({{12, message}});
    ASSERT_EQ(events.size(), 1u) << message;
    EXPECT_EQ(events[0].kind, kind) << message;
    EXPECT_EQ(events[0].first_line, 14u) << message;
  }
}

TEST(LogEvents, ARestartThatNamesACodeDoesNotHideItsProblem) {
  const auto events = events_of({{10, "INFO restarted after E07"}, {12, "ERROR E07 dry running, pump stopped"}});
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].what, "E07 dry running, pump stopped");
  EXPECT_EQ(events[0].count, 1u);
}

TEST(LogEvents, LongNamesOfFieldsAreCut) {
  std::string text;
  for (int i = 0; i < 60; ++i) {
    const int level = i < 20 || i >= 45 ? 400 : 400 + 20 * (i - 20);
    text += fmt::format("2026-03-02 {:02}:{:02}:00 {}={} other={}\n", i / 12, 5 * (i % 12), std::string(500, 'p'),
                        level + i % 3, i % 5);
  }
  const auto events = analyze_log_text(text, "test").events;
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].kind, "sensor_drift");
  EXPECT_LE(events[0].what.size(), kLogEventBytes);
}

TEST(LogEvents, AReadingThatIsNoLongerThereIsOne) {
  std::string text = with_messages({});
  for (size_t i = 0, at = 0; i < 25; ++i) {
    at = text.find("flow=", at + 1);
    if (i >= 20) text.replace(at + 5, 4, "---");
  }
  const auto events = analyze_log_text(text, "test").events;
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].what, "no value of flow");
  EXPECT_EQ(events[0].kind, "lost_data");
  EXPECT_EQ(events[0].first_line, 21u);
  EXPECT_EQ(events[0].last_line, 25u);
}

TEST(LogEvents, RegularMessagesThatStopAreAGap) {
  std::string text;
  for (size_t i = 0; i < 30; ++i) {
    const size_t minute = 5 * i + (i >= 20 ? 90 : 0);
    text += fmt::format("2026-03-02T{:02}:{:02}:00Z gw-01 INFO {} of 24 nodes answered\n", minute / 60, minute % 60,
                        20 + i % 4);
  }
  const auto events = analyze_log_text(text, "test").events;
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].what, "no records for 95 min");
  EXPECT_EQ(events[0].first_line, 20u);
  EXPECT_EQ(events[0].last_line, 21u);
}

TEST(LogEvents, AStateOfAlarmIsOneUntilItIsLeft) {
  std::string text = with_messages({});
  for (size_t i = 0, at = 0; i < 20; ++i) {
    at = text.find("state=RUN", at + 1);
    if (i >= 15 && i < 18) text.replace(at, 9, "state=FAULT");
  }
  const auto events = analyze_log_text(text, "test").events;
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].what, "state FAULT");
  EXPECT_EQ(events[0].first_line, 16u);
  EXPECT_EQ(events[0].last_line, 19u);
}

TEST(LogEvents, OfAWindowKeepTheLinesOfTheWholeLog) {
  const std::string text =
      "time;state;a;b;msg\n2026-03-02 00:00:00;RUN;1;2;\n2026-03-02 00:05:00;W;;;oil level low\n2026-03-02 "
      "00:10:00;E;;;E01 stopped\n";
  const LogFacts facts = analyze_log_text(text, "test", {3, 3});
  EXPECT_EQ(facts.lines, 1u);
  ASSERT_EQ(facts.events.size(), 1u);
  EXPECT_EQ(facts.events[0].first_line, 3u);
  EXPECT_EQ(facts.events[0].what, "oil level low");
  EXPECT_EQ(facts.events[0].kind, "low_level");
}

std::vector<double> noisy(size_t count, const std::function<double(size_t)>& level, double noise = 0.05) {
  std::mt19937 random(7);
  std::normal_distribution<double> normal(0, noise);
  std::vector<double> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = std::round((level(i) + normal(random)) * 100) / 100;
  return values;
}

TEST(LogTrend, ADriftLeavesItsLevelLittleByLittle) {
  const auto ramp = [](size_t i) { return i < 20 || i >= 50 ? 3.8 : 3.8 - 0.05 * static_cast<double>(i - 20); };
  const auto drift = find_drift(noisy(70, ramp));
  ASSERT_TRUE(drift);
  EXPECT_NEAR(static_cast<double>(drift->first), 21, 4);
  EXPECT_EQ(drift->last, 49u);
  EXPECT_NEAR(drift->from, 3.8, 0.05);
  EXPECT_NEAR(drift->to, 2.35, 0.15);
}

TEST(LogTrend, StepsCyclesCountersNoiseAndWarmingUpAreNoDrift) {
  const auto at = [](double i) { return i; };
  const std::vector<std::pair<const char*, std::function<double(size_t)>>> shapes = {
      {"noise", [&](size_t) { return 3.8; }},
      {"a step", [&](size_t i) { return i < 40 ? 3.8 : 6.0; }},
      {"a pulse", [&](size_t i) { return i < 40 || i > 60 ? 3.8 : 6.0; }},
      {"saw teeth", [&](size_t i) { return 3.8 + 0.1 * at(static_cast<double>(i % 25)); }},
      {"a sine", [&](size_t i) { return 3.8 + std::sin(static_cast<double>(i) / 12); }},
      {"a counter", [&](size_t i) { return 100 + static_cast<double>(i); }},
      {"warming up", [&](size_t i) { return i < 10 ? 20.0 : 55 - 35 * std::exp(-static_cast<double>(i - 10) / 15); }},
      {"a slow tenth of a tenth",
       [&](size_t i) { return i < 20 || i > 60 ? 100.0 : 100 + 0.02 * static_cast<double>(i); }},
  };
  for (const auto& [name, shape] : shapes) EXPECT_FALSE(find_drift(noisy(100, shape))) << name;
}

TEST(LogTrend, NoDriftByChance) {
  std::mt19937 random(11);
  std::normal_distribution<double> normal(50, 2);
  for (int run = 0; run < 2000; ++run) {
    std::vector<double> values(16 + random() % 200);
    for (double& value : values) value = normal(random);
    EXPECT_FALSE(find_drift(values)) << run;
    EXPECT_FALSE(find_standstill(values)) << run;
  }
}

TEST(LogTrend, AStandstillIsARunThatChanceDoesNotMake) {
  auto values = noisy(60, [](size_t) { return 4.0; });
  EXPECT_FALSE(find_standstill(values));
  std::fill(values.begin() + 20, values.begin() + 45, 4.03);
  const auto still = find_standstill(values);
  ASSERT_TRUE(still);
  EXPECT_LE(still->first, 20u);
  EXPECT_GE(still->last, 44u);
  std::fill(values.begin() + 20, values.begin() + 45, 0.0);
  EXPECT_FALSE(find_standstill(values)) << "switched off";
  std::fill(values.begin(), values.end(), 4.0);
  EXPECT_FALSE(find_standstill(values)) << "it never moves";
}

TEST(LogEvents, TextIsOneLineOfValidUtf8HoweverTheLogIsWritten) {
  const std::string text = "2026-03-02 00:00:00 ERROR \xff\xfe\xc3" + std::string(300, 'x') +
                           "\xc3\xa4\n2026-03-02 00:00:01 ERROR " +
                           [] {
                             std::string s;
                             for (int i = 0; i < 200; ++i) s += "\xc3\xa4";
                             return s;
                           }() +
                           "\n";
  const LogFacts facts = analyze_log_text(text, "test");
  ASSERT_FALSE(facts.events.empty());
  for (const LogEvent& event : facts.events) {
    EXPECT_TRUE(is_valid_utf8(event.what));
    EXPECT_LE(event.what.size(), kLogEventBytes);
    EXPECT_NO_THROW((void)to_json(event).dump());
  }
}

TEST(LogEvents, AnEmptyLogHasNoneAndABrokenFileIsAnError) {
  test::TempFolder folder;
  EXPECT_TRUE(analyze_log_text("", "test").events.empty());
  EXPECT_EQ(plain_summary(analyze_log_text("", "test")), "The log is empty.");
  for (const std::string& path : {folder / "missing.log", folder / "."}) {
    try {
      analyze_log_file(path);
      ADD_FAILURE() << path;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::bad_file);
    }
  }
}

TEST(LogEvents, ManyAreBoundedAndTheSevereStay) {
  std::string text;
  for (size_t i = 0; i < 30'000; ++i) {
    text +=
        fmt::format("2026-{:02}-{:02} {:02}:{:02}:00 {} E{} {}{}\n", 1 + i / 2500 % 12, 1 + i / 90 % 28, i / 60 % 24,
                    i % 60, i == 20'000 ? "CRITICAL" : "WARNING", i % 10'000, static_cast<char>('a' + i % 26), i);
  }
  const LogFacts facts = analyze_log_text(text, "test");
  EXPECT_LE(facts.events.size(), LogIncidents::kMostDone);
  EXPECT_TRUE(std::ranges::any_of(facts.events, [](const LogEvent& e) { return e.severity == LogSeverity::critical; }));
  const std::string summary = plain_summary(facts, 5);
  EXPECT_NE(summary.find("less severe events are left out"), std::string::npos) << summary;
}

// Any bytes, in any pieces: the same facts.
TEST(LogEvents, HowTheBytesComeMakesNoDifference) {
  const std::string text =
      with_messages({{7, "ERROR E01 stopped"}, {9, "NOTICE badge 1: E01 reset"}, {20, "WARNING oil level low"}});
  const auto facts_of = [&](size_t piece) {
    LogAnalyzer analyzer;
    for (size_t at = 0; at < text.size(); at += piece) analyzer.feed(std::string_view(text).substr(at, piece));
    const LogFacts facts = analyzer.finish();
    nlohmann::ordered_json json = to_json(facts);
    for (const LogEvent& event : facts.events) json["events"].push_back(to_json(event));
    return json.dump();
  };
  const std::string whole = facts_of(text.size());
  for (const size_t piece : {1, 3, 100, 4097}) EXPECT_EQ(facts_of(piece), whole) << piece;
}

}  // namespace
}  // namespace thimble
