// How a log is read: lines of any bytes, times in the forms of the wild, records of messages and of readings.
#include <gtest/gtest.h>

#include "assist/log_clock.h"
#include "assist/log_fields.h"
#include "assist/log_lines.h"
#include "assist/log_record.h"
#include "assist/log_templates.h"
#include "base/error.h"

namespace thimble {
namespace {

std::vector<std::string> lines_of(std::string_view bytes, size_t piece) {
  LogLines lines;
  std::vector<std::string> all;
  const auto sink = [&](std::string_view line, bool is_cut) {
    all.push_back(std::string(line) + (is_cut ? "..." : ""));
  };
  for (size_t at = 0; at < bytes.size(); at += piece) lines.feed(bytes.substr(at, piece), sink);
  lines.finish(sink);
  return all;
}

TEST(LogLines, EndsAndWhatIsNoTextAreLeftOutHoweverTheBytesCome) {
  using std::string_literals::operator""s;
  const std::string bytes = "one\r\ntwo\n\n\x1b[31mred\x1b[0m\x1b]0;title\a end\nnul\0s\x01\n\xff\xfe bad\rlast"s;
  const std::vector<std::string> expected = {"one", "two", "", "red end", "nuls", "\xff\xfe badlast"};
  for (const size_t piece : {size_t{1}, size_t{2}, size_t{7}, size_t{1000}}) {
    EXPECT_EQ(lines_of(bytes, piece), expected) << piece;
  }
}

TEST(LogLines, OfALongLineTheBeginningIsKept) {
  const std::string line(100'000, 'x');
  for (const size_t piece : {size_t{997}, size_t{1} << 20}) {
    const auto lines = lines_of(line + "\nnext\n" + line, piece);
    ASSERT_EQ(lines.size(), 3u);
    EXPECT_EQ(lines[0], line.substr(0, LogLines::kKeptBytes) + "...");
    EXPECT_EQ(lines[1], "next");
    EXPECT_EQ(lines[2], lines[0]);
  }
}

TEST(LogLines, WhatIsNoTextIsRefusedAndLostPowerIsNot) {
  EXPECT_NO_THROW(require_log_text("", "x"));
  EXPECT_NO_THROW(require_log_text("a line\n" + std::string(500, '\0') + "\nnext\n", "x"));
  std::string binary;
  for (int i = 0; i < 4096; ++i) binary += static_cast<char>(i * 37 % 256);
  for (const std::string& text :
       {binary, std::string(100, '\0'), std::string("\x1f\x8b\x08 zipped"), std::string("\xff\xfe") + "a",
        std::string("\x7f") + "ELF\x02\x01\x01" + std::string(60, '\0')}) {
    try {
      require_log_text(text, "some.log");
      ADD_FAILURE() << "taken for a log";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::bad_file);
      EXPECT_EQ(std::string(error.what()).rfind("some.log: ", 0), 0u) << error.what();
    }
  }
}

TEST(LogClock, ReadsTheFormsOfTheWild) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"2026-03-02 04:18:57 x", "2026-03-02 04:18:57"},
      {"[2026-03-02T04:18:57.250Z] x", "2026-03-02 04:18:57"},
      {"ts=2026-03-02T04:18:57+02:00 x=1", "2026-03-02 04:18:57"},
      {"2026/03/02 04:18:57 [error] x", "2026-03-02 04:18:57"},
      {"02.03.2026 04:18:57;x", "2026-03-02 04:18:57"},
      {"02.03.2026;04:18:57;x", "2026-03-02 04:18:57"},
      {"20260302-04:18:57 x", "2026-03-02 04:18:57"},
      {"Mon Mar  2 04:18:57 2026 x", "2026-03-02 04:18:57"},
      {"Mar  2 04:18:57 host x", "03-02 04:18:57"},
      {"Mar 02 04:18:57 host x", "03-02 04:18:57"},
      {"10.0.0.1 - - [02/Mar/2026:04:18:57 +0100] \"GET", "2026-03-02 04:18:57"},
      {"03-02 04:18:57.123  1702  2395 D Tag: x", "03-02 04:18:57"},
      {"E0302 04:18:57.123456   1 file.go:10] x", "03-02 04:18:57"},
      {"[  937.500000] x", "0d 00:15:37"},
      {"1772425137 x", "2026-03-02 04:18:57"},
      {"1772425137123 x", "2026-03-02 04:18:57"},
      {"{\"time\":\"2026-03-02T04:18:57Z\"}", "2026-03-02 04:18:57"},
      {"04:18:57.1 x", "0d 04:18:57"},
  };
  for (const auto& [line, expected] : cases) {
    LogClock clock;
    const auto stamp = clock.find(line);
    ASSERT_TRUE(stamp) << line;
    EXPECT_EQ(log_time_text(stamp->time), expected) << line;
  }
  for (const std::string_view line : {"", "no time", "version 1.2.3", "10.0.0.1:8080 up", "2026-03-02 24:18:57",
                                      "part 12345678901234567890", "    stop time : 1.2 s", "12:61:00"}) {
    EXPECT_FALSE(LogClock().find(line)) << line;
  }
}

TEST(LogClock, YearsAndDaysGoOnWhereStampsHaveNone) {
  LogClock clock;
  const int64_t december = clock.find("Dec 31 23:59:59 x")->time;
  EXPECT_EQ(clock.find("Jan  1 00:00:01 x")->time - december, 2000);
  LogClock day;
  const int64_t evening = day.find("23:59:59 x")->time;
  EXPECT_EQ(day.find("00:00:01 x")->time - evening, 2000);
  EXPECT_LT(day.find("00:00:00 x")->time, day.find("00:00:05 x")->time);
}

TEST(LogClock, DatesAreThoseOfTheCalendar) {
  for (int64_t day = -200'000; day < 200'000; day += 61) {
    const LogDate date = log_date(day * 86'400'000);
    EXPECT_EQ(log_days(date.year, date.month, date.day), day);
  }
  EXPECT_EQ(log_days(1970, 1, 1), 0);
  EXPECT_EQ(log_days(2000, 3, 1), 11017);
}

LogRecord parsed(LogRecordParser& parser, std::string_view line) {
  LogRecord record;
  record.line = 1;
  parser.parse(line, record);
  return record;
}

struct MessageCase {
  std::string_view line;
  LogLevel level;
  std::string_view message;
};

TEST(LogRecord, FindsLevelAndMessage) {
  const MessageCase cases[] = {
      {"Mar 02 03:20:20 pump-01 ctl[412]: ERROR E07 dry running, pump stopped", LogLevel::error,
       "E07 dry running, pump stopped"},
      {"Mar 02 03:20:20 box sshd[81]: Failed password for root", LogLevel::none, "Failed password for root"},
      {"2026-03-02 04:18:57 | DC-2 | FAIL | ALARM E01 pull cord", LogLevel::error, "ALARM E01 pull cord"},
      {"[2026-03-02 04:18:57] info   lubricator pulse", LogLevel::info, "lubricator pulse"},
      {"[2026-03-02 04:18:57] STOP   E01 chain does not move", LogLevel::error, "E01 chain does not move"},
      {"ts=2026-03-02T04:18:57 type=msg lvl=warn text=\"oil low, 3 l\"", LogLevel::warning, "oil low, 3 l"},
      {"level=info ts=2026-03-02T04:18:57Z msg=\"ready\"", LogLevel::info, "ready"},
      {"2026-03-02T04:18:57 node7 warn broker lost", LogLevel::warning, "broker lost"},
      {"03-17 16:13:38.811  1702  2395 E Tag: it broke", LogLevel::error, "Tag: it broke"},
      {"03-17 16:13:38.811 W/Tag(12): it bent", LogLevel::warning, "Tag(12): it bent"},
      {"E0302 04:18:57.123456       1 main.go:10] it broke", LogLevel::error, "1 main.go:10] it broke"},
      {"2026-03-02 04:18:57,123 WARN  [main] c.a.Db - slow query", LogLevel::warning, "[main] c.a.Db - slow query"},
      {"2026/03/02 10:11:03 [notice] 812#812: start", LogLevel::notice, "812#812: start"},
      {"10.0.0.1 - - [02/Mar/2026:04:18:57 +0100] \"GET /error HTTP/1.1\" 200 12", LogLevel::info,
       "GET /error HTTP/1.1\" 200"},
      {"10.0.0.1 - - [02/Mar/2026:04:18:57 +0100] \"GET / HTTP/1.1\" 503 12", LogLevel::error, "GET / HTTP/1.1\" 503"},
      {R"({"time":"2026-03-02T04:18:57Z","level":"warn","msg":"a \"b\" c"})", LogLevel::warning, R"(a \"b\" c)"},
      {"<11>Mar 02 03:20:20 box app[1]: no room", LogLevel::error, "no room"},
      {"2026-03-02 03:20:20 unit[7] <3> it broke", LogLevel::error, "it broke"},
      {"2026-03-02 03:20:20 <6>it runs", LogLevel::info, "it runs"},
      {"error: no such file", LogLevel::error, "no such file"},
  };
  for (const MessageCase& wanted : cases) {
    LogRecordParser parser;
    const LogRecord record = parsed(parser, wanted.line);
    EXPECT_EQ(record.level, wanted.level) << wanted.line;
    EXPECT_EQ(record.message, wanted.message) << wanted.line;
    EXPECT_FALSE(record.is_readings) << wanted.line;
  }
}

TEST(LogRecord, FindsReadingsAndTheStateOfTheMachine) {
  LogRecordParser parser;
  for (const std::string_view line : {"Mar 02 00:00:00 pump-01 ctl[412]: INFO state=RUN pressure=5.5bar flow=-3m3/h",
                                      "[2026-07-06 00:00:01] RUN  pressure=5.5 flow=-3",
                                      "2026-06-08 00:00:01 | DC-2 | RUN  | pressure 5.5 bar, flow -3 m3/h, state RUN",
                                      R"({"time":"2026-06-08T00:00:01Z","state":"RUN","pressure":5.5,"flow":-3})"}) {
    const LogRecord record = parsed(parser, line);
    ASSERT_TRUE(record.is_readings) << line;
    EXPECT_EQ(record.state, "RUN") << line;
    ASSERT_EQ(record.fields.size(), 2u) << line;
    EXPECT_EQ(record.fields[0].name, "pressure");
    EXPECT_EQ(record.fields[0].value, 5.5);
    EXPECT_EQ(record.fields[1].name, "flow");
    EXPECT_EQ(record.fields[1].value, -3);
    EXPECT_TRUE(record.message.empty());
  }
  const LogRecord fault = parsed(parser, "[2026-07-06 00:00:01] FAULT  z5=190.5 z6=235.0");
  EXPECT_EQ(fault.state, "FAULT");
  EXPECT_EQ(fault.level, LogLevel::none) << "a state, not a level";
}

TEST(LogRecord, ANumberThatIsCalledLevelIsAReading) {
  LogRecordParser parser;
  const LogRecord record = parsed(parser, "2026-03-02 00:00:00 level=3 flow=12.5");
  EXPECT_TRUE(record.is_readings);
  EXPECT_EQ(record.level, LogLevel::none);
  EXPECT_EQ(record.fields.size(), 2u);
  EXPECT_EQ(parsed(parser, "2026-03-02 00:00:00 PRIORITY=3 MESSAGE=\"no room\"").level, LogLevel::error);
}

TEST(LogRecord, ReadsTablesWithTheirHeader) {
  LogRecordParser parser;
  parsed(parser, "# export of unit 7, firmware 3.12");
  parsed(parser, "time;state;rpm;oil_bar;msg");
  const LogRecord readings = parsed(parser, "2026-04-13 00:00:00;RUN;1497;3,81;");
  ASSERT_TRUE(readings.is_readings);
  EXPECT_EQ(readings.state, "RUN");
  ASSERT_EQ(readings.fields.size(), 2u);
  EXPECT_EQ(readings.fields[1].name, "oil_bar");
  EXPECT_EQ(readings.fields[1].value, 3.81);
  const LogRecord message = parsed(parser, "2026-04-13 00:01:00;W;;;fuel low; fill up");
  EXPECT_FALSE(message.is_readings);
  EXPECT_EQ(message.level, LogLevel::warning);
  EXPECT_EQ(message.message, "fuel low; fill up");
}

TEST(LogRecord, LinesWithoutTheTimeThatOthersHaveBelongToTheOneBefore) {
  LogRecordParser parser;
  EXPECT_FALSE(parsed(parser, "2026-06-01 09:05:00 ERROR Query failed").is_continuation);
  EXPECT_TRUE(parsed(parser, "\tat com.acme.Db.query(Db.java:88)").is_continuation);
  EXPECT_FALSE(parsed(parser, "2026-06-01 09:05:01 INFO on").is_continuation);
  EXPECT_TRUE(parsed(parser, "Caused by: java.io.IOException").is_continuation);
  LogRecordParser plain;
  EXPECT_FALSE(parsed(plain, "one").is_continuation);
  EXPECT_FALSE(parsed(plain, "two").is_continuation);
}

TEST(LogNumber, IsANumberWithAtMostAUnit) {
  EXPECT_EQ(log_number("5.53bar"), 5.53);
  EXPECT_EQ(log_number("-12 %"), -12);
  EXPECT_EQ(log_number("36.8m3/h"), 36.8);
  EXPECT_EQ(log_number("3,81", true), 3.81);
  for (const std::string_view text :
       {"", "bar", "12:30", "1.2.3", "2026-01-02", "10.0.0.1", "12345678901234567890", "0x1F", "5 bar too much"}) {
    EXPECT_FALSE(log_number(text)) << text;
  }
}

std::string masked(std::string_view message) {
  std::string out;
  append_masked(out, message);
  return out;
}

TEST(LogTemplates, WhatVariesIsMasked) {
  EXPECT_EQ(masked("took 12 ms at 10.0.0.1:80, 0x7fe3 in /usr/lib/x.so"), "took <*> ms at <*>, <*> in <*>");
  EXPECT_EQ(masked("E07 motor overload 24.6 A"), "E07 motor overload <*> A");
  EXPECT_EQ(masked("id 3f2504e0-4f89-11d3-9a0c-0305e82c3301 done"), "id <*> done");
}

TEST(LogTemplates, LikeLinesAreOneTemplate) {
  LogTemplates templates;
  const uint32_t first = templates.find(masked("session 12 of user anna started"));
  EXPECT_EQ(templates.find(masked("session 13 of user anna started")), first);
  EXPECT_EQ(templates.find(masked("session 14 of user bert started")), first);
  EXPECT_NE(templates.find(masked("pump stopped because of low oil")), first);
  templates.count(first, 7, LogLevel::info, std::nullopt);
  templates.count(first, 9, LogLevel::error, std::nullopt);
  const auto top = templates.top(5);
  ASSERT_EQ(top.size(), 1u);
  EXPECT_EQ(top[0].text, "session <*> of user <*> started");
  EXPECT_EQ(top[0].count, 2u);
  EXPECT_EQ(top[0].first_line, 7u);
  EXPECT_EQ(top[0].last_line, 9u);
  EXPECT_EQ(top[0].level, LogLevel::error);
}

TEST(LogTemplates, ThereIsABound) {
  LogTemplates templates;
  for (uint32_t i = 0; i < 4 * LogTemplates::kMostTemplates; ++i) {
    std::string line;
    for (uint32_t word = 0; word < 3; ++word) {
      line += line.empty() ? "" : " ";
      for (uint32_t rest = i * 3 + word + 1; rest != 0; rest /= 20) line += static_cast<char>('a' + rest % 20);
    }
    templates.count(templates.find(line), i, LogLevel::info, std::nullopt);
  }
  EXPECT_EQ(templates.size(), LogTemplates::kMostTemplates);
  uint64_t counted = 0;
  for (const LogTemplate& line : templates.top(SIZE_MAX)) counted += line.count;
  EXPECT_EQ(counted, 4 * LogTemplates::kMostTemplates);
}

}  // namespace
}  // namespace thimble
