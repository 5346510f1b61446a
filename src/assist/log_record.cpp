#include "assist/log_record.h"

#include <algorithm>

#include "assist/log_fields.h"
#include "assist/log_level.h"
#include "base/ascii.h"

namespace thimble {
namespace {

using ascii::is_digit;
using ascii::is_upper;
using ascii::without;
using ascii::without_front;
using ascii::without_spaces;

constexpr size_t kMostPrefixTokens = 6;  // before a level
constexpr uint64_t kHeaderRecords = 4;   // a table's header comes before so many records

bool is_space(char c) { return c == ' ' || c == '\t'; }

void set_level(LogRecord& record, const StatedLevel& level) {
  record.level = level.level;
  record.is_operator = level.is_operator;
}

// Capitals alone, as machines write their states.
bool is_state_word(std::string_view word) {
  return word.size() >= 2 && std::ranges::all_of(word, [](char c) { return is_upper(c) || c == '_' || c == '-'; });
}

// Taken for a level, or kept as the state that readings may turn out to have.
bool take_column(std::string_view word, LogRecord& record) {
  const std::string_view core = without(word, "[]()<>:|,*-");
  auto level = stated_level(core);
  if (!level) level = alarm_level(core);
  if (is_state_word(core)) record.state = core;
  if (level) set_level(record, *level);
  return level || is_state_word(core);
}

// "DC-2 | RUN  | speed 0.80 m/s": the last column is the message.
std::string_view read_columns(std::string_view body, LogRecord& record) {
  for (size_t bar = body.find(" | "); bar != std::string_view::npos; bar = body.find(" | ")) {
    take_column(without_spaces(body.substr(0, bar)), record);
    body = without_spaces(body.substr(bar + 3));
  }
  return body;
}

struct Token {
  std::string_view text;
  size_t end;   // in the body
  size_t next;  // where the following one begins
};

Token token_at(std::string_view body, size_t at) {
  size_t end = at;
  while (end < body.size() && !is_space(body[end])) ++end;
  size_t next = end;
  while (next < body.size() && is_space(body[next])) ++next;
  return {body.substr(at, end - at), end, next};
}

// "pump-01 cp40ctl[412]: ..." behind a syslog time: what follows the colon.
std::string_view without_sender(std::string_view body) {
  const Token host = token_at(body, 0);
  if (host.text.find_first_of("=:[\"") != std::string_view::npos || stated_level(host.text) || alarm_level(host.text)) {
    return body;
  }
  const Token tag = token_at(body, host.next);
  if (!tag.text.ends_with(':') || tag.text.find('=') != std::string_view::npos) return body;
  return body.substr(tag.next);
}

// Whether the first word has a digit, a dash or the like, as hosts and devices have.
bool names_a_host(std::string_view body) {
  return std::ranges::any_of(token_at(body, 0).text,
                             [](char c) { return is_digit(c) || c == '-' || c == '.' || c == '_'; });
}

// "<34>" at the beginning, facility and severity as RFC 5424 has them, or "<4>" as the kernel and systemd's services write it.
// `length`: of it.
std::optional<StatedLevel> priority_level(std::string_view text, size_t& length) {
  if (!text.starts_with('<')) return std::nullopt;
  int value = 0;
  size_t at = 1;
  for (; at < 4 && at < text.size() && is_digit(text[at]); ++at) value = value * 10 + (text[at] - '0');
  if (at == 1 || at == text.size() || text[at] != '>') return std::nullopt;
  length = at + 1;
  const char severity = static_cast<char>('0' + value % 8);
  return syslog_level({&severity, 1});
}

// The level among the first words, and the message behind it. Words in small letters are levels only where they stand alone.
std::string_view read_level(std::string_view body, LogRecord& record) {
  size_t at = 0;
  size_t numbers = 0;
  for (size_t i = 0; i < kMostPrefixTokens && at < body.size(); ++i) {
    const Token token = token_at(body, at);
    const std::string_view core = without(token.text, "[]()<>:|,*-");
    size_t length = 0;
    if (const auto priority = priority_level(token.text, length)) {
      set_level(record, *priority);
      return without_front(body.substr(at + length), " \t");
    }
    const bool is_marked = core.size() != token.text.size();
    auto level = stated_level(core);
    const bool is_small = !core.empty() && !is_upper(core.back());
    // A host may stand before: "node7 info uplink ok".
    const bool is_second = (i == 1 || (i == 2 && names_a_host(body))) && level && level->level <= LogLevel::warning;
    if (level && is_small && i != 0 && !is_marked && !is_second) level.reset();
    if (level && is_small && i == 0 && !is_marked && token.next - token.end < 2 && core.size() > 5) level.reset();
    if (!level && i == 0 && !is_small) level = alarm_level(core);
    if (!level && numbers == 2 && core.size() == 1) level = letter_level(core);  // Android: two ids, then a letter
    if (!level && i == 0 && token.text.size() > 2 && token.text[1] == '/')
      level = letter_level(token.text.substr(0, 1));
    if (level) {
      set_level(record, *level);
      if (is_state_word(core)) record.state = core;
      const bool names_sender = token.text.size() > 2 && token.text[1] == '/';
      return without_front(body.substr(names_sender ? at + 2 : token.next), " \t:-");
    }
    if (i == 0 && is_state_word(core)) record.state = core;
    // A word with a colon is the sender's: what follows is the message. Ids may come before it.
    const bool is_number = !core.empty() && std::ranges::all_of(core, is_digit);
    numbers += is_number ? 1 : 0;
    if (token.text.ends_with(':') && !is_number) break;
    at = token.next;
  }
  return body;
}

// The lines of web servers, in the common log format: "GET /index.html HTTP/1.1" 200 612. What failed is the server's error.
bool read_request(std::string_view body, LogRecord& record) {
  const size_t protocol = body.find(" HTTP/");
  if (protocol == std::string_view::npos) return false;
  const size_t quote = body.find("\" ", protocol);
  if (quote == std::string_view::npos || quote > protocol + 12 || quote + 5 > body.size()) return false;
  const std::string_view status = body.substr(quote + 2, 3);
  if (!std::ranges::all_of(status, is_digit)) return false;
  record.level = status[0] == '5' ? LogLevel::error : LogLevel::info;
  record.message = body.substr(0, quote + 5);
  return true;
}

// Before the time: "<34>", "level=info ts=", or the letter that klog writes.
void read_prefix(std::string_view prefix, LogRecord& record) {
  if (prefix.empty()) return;
  if (prefix[0] == '<') {
    size_t length = 0;
    if (const auto level = priority_level(prefix, length)) set_level(record, *level);
  } else if (prefix.size() == 1) {
    if (const auto level = letter_level(prefix)) set_level(record, *level);
  } else if (const size_t equals = prefix.find('='); equals != std::string_view::npos) {
    const Token value = token_at(prefix, equals + 1);
    take_value(prefix.substr(0, equals), value.text, false, record);
  } else {
    const std::string_view first = without(token_at(prefix, 0).text, "[]()<>:|,*-");
    if (const auto level = stated_level(first)) set_level(record, *level);
  }
}

}  // namespace

bool LogRecordParser::lacks_its_time(std::string_view line) const {
  if (is_space(line[0])) return true;
  return stamped_ >= 2 && stamped_ * 4 >= records_ * 3;
}

void LogRecordParser::parse(std::string_view line, LogRecord& record) {
  const uint64_t number = record.line;
  std::vector<LogField> fields = std::move(record.fields);
  fields.clear();
  record = {};
  record.line = number;
  record.fields = std::move(fields);
  if (without_spaces(line).empty()) {
    record.is_continuation = true;
    return;
  }
  const auto stamp = clock_.find(line);
  if (!stamp) {
    if (records_ < kHeaderRecords) csv_.learn(line);
    if ((records_ < kHeaderRecords && csv_.is_header()) || line[0] == '#') return;
    if (records_ != 0 && lacks_its_time(line)) {
      record.is_continuation = true;
      record.message = without_spaces(line);
      return;
    }
  } else {
    record.time = stamp->time;
    ++stamped_;
  }
  ++records_;
  if (parse_csv(line, record) || read_json(without_spaces(line), record)) return;
  if (!stamp) return parse_body(line, record);
  const std::string_view prefix = without_spaces(line.substr(0, stamp->begin));
  read_prefix(prefix, record);
  parse_body(without_front(without_spaces(line.substr(stamp->end)), " \t]),:|-\""), record);
}

void LogRecordParser::parse_body(std::string_view body, LogRecord& record) {
  if (read_request(body, record)) return;
  const bool has_columns = body.find(" | ") != std::string_view::npos;
  if (has_columns) {
    body = read_columns(body, record);
  } else {
    body = without_sender(body);
    if (record.level == LogLevel::none) body = read_level(body, record);
  }
  record.message = body;
  const LogLevel level = record.level;
  const std::string_view column = record.state;
  std::string_view readings = body;
  if (!column.empty() && readings.starts_with(column)) readings = without_spaces(readings.substr(column.size()));
  const bool is_alarm = level >= LogLevel::warning && column.empty();
  if (!read_pairs(readings, record) && (is_alarm || !read_list(readings, record))) {
    record.state = {};
    return;
  }
  // What stands where levels do is the machine's state in a row of readings.
  if (record.is_readings && alarm_level(column)) record.level = LogLevel::none;
  if (record.is_readings && record.level >= LogLevel::warning && stated_level(column)) {
    record.is_readings = false;
    record.fields.clear();
    record.message = body;
  }
}

bool LogRecordParser::parse_csv(std::string_view line, LogRecord& record) {
  if (!csv_.split(line, cells_)) return false;
  const auto is_stamp_or_number = [](std::string_view cell) { return LogClock::read(cell) || log_number(cell); };
  if (!is_stamp_or_number(cells_[0]) && !is_stamp_or_number(cells_[1])) return false;
  const std::vector<std::string>& names = csv_.names();
  std::string_view longest;
  for (size_t i = 0; i < cells_.size(); ++i) {
    if (take_value(names[i], cells_[i], csv_.has_decimal_comma(), record)) continue;
    if (log_key(names[i]) == LogKey::other && cells_[i].size() > longest.size()) longest = cells_[i];
  }
  // Where there is little else in the row, a sentence in a column of any name is its message.
  const bool is_sentence = longest.find(' ') != std::string_view::npos && !LogClock::read(longest);
  if (record.message.empty() && record.readings() < 2 && is_sentence) record.message = longest;
  record.is_readings = record.message.empty() && record.readings() >= 2;
  if (record.is_readings) return true;
  record.fields.clear();
  // The column of states holds a letter or a level in rows with a message.
  auto level = stated_level(record.state);
  if (!level) level = letter_level(record.state);
  if (!level) level = alarm_level(record.state);
  for (size_t i = 0; i < cells_.size() && !level; ++i) level = stated_level(cells_[i]);
  if (level && record.level == LogLevel::none) set_level(record, *level);
  record.state = {};
  return true;
}

}  // namespace thimble
