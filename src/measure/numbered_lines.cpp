#include "measure/numbered_lines.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/utf8.h"
#include "format/json_text.h"

namespace thimble {
namespace {

constexpr size_t kMostNamed = 20;

nlohmann::json parse_line(std::string_view line, size_t most_bytes) {
  if (line.size() > most_bytes) {
    throw BrokenLine{fmt::format("{} bytes, a line has at most {}", line.size(), most_bytes)};
  }
  if (!is_valid_utf8(line)) throw BrokenLine{"no UTF-8"};
  auto object = try_parse_json(line);
  if (!object) throw BrokenLine{"no JSON"};
  if (!object->is_object()) throw BrokenLine{fmt::format("expected an object, found {}", object->type_name())};
  return std::move(*object);
}

}  // namespace

void read_numbered_lines(const std::string& name, std::string_view text,
                         const std::function<void(std::string_view line, size_t number)>& take) {
  size_t broken = 0;
  std::string faults;
  const auto note = [&](size_t number, std::string_view fault) {
    if (broken++ < kMostNamed) faults += fmt::format("{}line {}: {}", faults.empty() ? "" : "; ", number, fault);
  };
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.find_first_not_of(" \t\r") == line.npos) continue;
    try {
      take(line, number);
    } catch (const BrokenLine& line_fault) {
      note(number, line_fault.fault);
    } catch (const Error& error) {
      note(number, error.what());
    }
  }
  if (broken == 0) return;
  if (broken > kMostNamed) faults += fmt::format("; and {} more", broken - kMostNamed);
  fail(ExitCode::bad_file, "{}: {} broken line{}: {}", printable(name), broken, broken == 1 ? "" : "s", faults);
}

void read_json_lines(const std::string& path, std::string_view text, size_t most_bytes,
                     const std::function<void(size_t line, nlohmann::json& object)>& take) {
  read_numbered_lines(path, text, [&](std::string_view line, size_t number) {
    nlohmann::json object = parse_line(line, most_bytes);
    take(number, object);
  });
}

}  // namespace thimble
