#include "text/json_schema_string.h"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "text/regular_expression.h"

namespace thimble::json_schema {
namespace {

const CodePointSet& plain_characters() {
  static const CodePointSet set = CodePointSet({{0, 0x1f}, {'"', '"'}, {'\\', '\\'}}).complement();
  return set;
}

struct ShortEscape {
  uint32_t character;
  std::string_view text;
};
constexpr std::array kShortEscapes = std::to_array<ShortEscape>(
    {{'"', "\\\""}, {'\\', "\\\\"}, {'\b', "\\b"}, {'\f', "\\f"}, {'\n', "\\n"}, {'\r', "\\r"}, {'\t', "\\t"}});

std::string escaped(uint32_t character) {
  for (const ShortEscape& known : kShortEscapes) {
    if (known.character == character) return std::string(known.text);
  }
  return fmt::format("\\u{:04x}", character);
}

// Formats as regular expressions. Dates are of the Gregorian calendar from the year 1 on; leap seconds are left out, and so are
// comments and quoted parts of addresses and what is not ASCII.
constexpr std::string_view kYear = "(000[1-9]|00[1-9]\\d|0[1-9]\\d\\d|[1-9]\\d{3})";
constexpr std::string_view kLeapYear = "(\\d\\d(0[48]|[2468][048]|[13579][26])|(0[48]|[2468][048]|[13579][26])00)";
constexpr std::string_view kTime = "([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(\\.\\d{1,9})?(Z|[+-]([01]\\d|2[0-3]):[0-5]\\d)";
constexpr std::string_view kIpv4 = "((25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)\\.){3}(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
constexpr std::string_view kLabel = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
constexpr std::string_view kUnreserved = "[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2}";

std::string date_pattern() {
  return fmt::format(
      "{0}-((0[13578]|1[02])-(0[1-9]|[12]\\d|3[01])|(0[469]|11)-(0[1-9]|[12]\\d|30)|02-(0[1-9]|1\\d|2[0-8]))|{1}-02-29",
      kYear, kLeapYear);
}

// RFC 4291, section 2.2: up to eight groups, of which one run of zeros may be left out.
std::string ipv6_pattern() {
  constexpr std::string_view kGroup = "[0-9A-Fa-f]{1,4}";
  std::string out = fmt::format("({0}:){{7}}{0}|({0}:){{6}}{1}", kGroup, kIpv4);
  for (int before = 0; before <= 7; ++before) {
    const std::string left = before == 0 ? "" : fmt::format("{0}(:{0}){{{1}}}", kGroup, before - 1);
    const int most = 7 - before;
    std::string right = most == 0 ? "" : fmt::format("({0}(:{0}){{0,{1}}})?", kGroup, most - 1);
    out += fmt::format("|{}::{}", left, right);
    if (most >= 2) out += fmt::format("|{}::({}:){{0,{}}}{}", left, kGroup, most - 2, kIpv4);
  }
  return out;
}

std::string uri_tail() { return fmt::format("(\\?(({0})|[/?])*)?(#(({0})|[/?])*)?", kUnreserved); }

std::string uri_pattern() {
  const std::string authority =
      fmt::format("//([A-Za-z0-9._~-]+@)?{0}(\\.{0})*(:\\d{{1,5}})?(/({1})*)*", kLabel, kUnreserved);
  const std::string path = fmt::format("({0})+(/({0})*)*", kUnreserved);
  return fmt::format("[A-Za-z][A-Za-z0-9+.-]*:({}|{}){}", authority, path, uri_tail());
}

std::string format_pattern(std::string_view format) {
  const std::string date = date_pattern();
  if (format == "date") return date;
  if (format == "time") return std::string(kTime);
  if (format == "date-time") return fmt::format("({})T{}", date, kTime);
  if (format == "duration") {
    return "P(\\d{1,9}W|(\\d{1,9}Y(\\d{1,9}M(\\d{1,9}D)?)?|\\d{1,9}M(\\d{1,9}D)?|\\d{1,9}D)"
           "(T(\\d{1,9}H(\\d{1,9}M(\\d{1,9}S)?)?|\\d{1,9}M(\\d{1,9}S)?|\\d{1,9}S))?"
           "|T(\\d{1,9}H(\\d{1,9}M(\\d{1,9}S)?)?|\\d{1,9}M(\\d{1,9}S)?|\\d{1,9}S))";
  }
  if (format == "uuid") return "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}";
  if (format == "email" || format == "idn-email") {
    constexpr std::string_view kAtom = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+";
    return fmt::format("{0}(\\.{0})*@{1}(\\.{1})*", kAtom, kLabel);
  }
  if (format == "hostname" || format == "idn-hostname") {
    // No two hyphens in a row: those are of labels that spell other alphabets.
    return fmt::format("{0}(\\.{0}){{0,3}}", "[A-Za-z0-9](-?[A-Za-z0-9]){0,31}");
  }
  if (format == "ipv4") return std::string(kIpv4);
  if (format == "ipv6") return ipv6_pattern();
  if (format == "uri" || format == "iri") return uri_pattern();
  if (format == "uri-reference" || format == "iri-reference") {
    return fmt::format("{}|(/|(/?({}|%[0-9A-Fa-f]{{2}})+)(/({})*)*)?{}", uri_pattern(), "[A-Za-z0-9._~!$&'()*+,;=@-]",
                       kUnreserved, uri_tail());
  }
  if (format == "json-pointer") return "(/([^~/]|~[01])*)*";
  if (format == "relative-json-pointer") return "(0|[1-9]\\d{0,8})(#|(/([^~/]|~[01])*)*)";
  return {};
}

}  // namespace

ExprId spelled_in_json(GrammarRules& rules, const CodePointSet& set) {
  std::vector<ExprId> choices = {rules.any_of(set.intersected(plain_characters()))};
  const CodePointSet special = set.intersected(plain_characters().complement());
  for (const CodePointSet::Range& range : special.ranges()) {
    for (uint32_t character = range.first; character <= range.last; ++character) {
      choices.push_back(rules.text(escaped(character)));
    }
  }
  return choices.size() == 1 ? choices[0] : rules.choice(std::move(choices));
}

std::string json_text(std::string_view string) {
  return nlohmann::json(std::string(string)).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

ExprId free_character(GrammarRules& rules) {
  const auto any = [&](std::string_view characters) {
    std::vector<CodePointSet::Range> ranges;
    for (const char c : characters) ranges.push_back({static_cast<uint8_t>(c), static_cast<uint8_t>(c)});
    return rules.any_of(CodePointSet(std::move(ranges)));
  };
  const ExprId digit = rules.any_of(CodePointSet({{'0', '9'}, {'A', 'F'}, {'a', 'f'}}));
  const ExprId not_d = rules.any_of(CodePointSet({{'0', '9'}, {'A', 'C'}, {'E', 'F'}, {'a', 'c'}, {'e', 'f'}}));
  const ExprId alone = rules.choice(
      {rules.sequence({not_d, digit, digit, digit}), rules.sequence({any("dD"), any("01234567"), digit, digit})});
  const ExprId pair = rules.sequence(
      {any("dD"), any("89abAB"), digit, digit, rules.text("\\u"), any("dD"), any("cdefCDEF"), digit, digit});
  const ExprId escape =
      rules.choice({any("\"\\/bfnrt"), rules.sequence({rules.text("u"), rules.choice({alone, pair})})});
  return rules.choice({rules.any_of(plain_characters()), rules.sequence({rules.text("\\"), escape})});
}

Dfa string_content(CompileBudget& budget) { return of_length(0, GrammarRules::kNoEnd, budget); }

Dfa searched(std::string_view pattern, std::string_view what, CompileBudget& budget) {
  return compile_search(pattern, what, spelled_in_json, budget);
}

Dfa of_length(uint32_t least, uint32_t most, CompileBudget& budget) {
  GrammarRules rules;
  return compile(rules, rules.repeat(spelled_in_json(rules, CodePointSet::all()), least, most), budget);
}

Dfa of_strings(const std::vector<std::string>& strings, CompileBudget& budget) {
  GrammarRules rules;
  std::vector<ExprId> choices;
  for (const std::string& string : strings) {
    const std::string text = json_text(string);
    choices.push_back(rules.text(text.substr(1, text.size() - 2)));
  }
  return compile(rules, rules.choice(std::move(choices)), budget);
}

Dfa of_format(std::string_view format, std::string_view what, CompileBudget& budget) {
  const std::string pattern = format_pattern(format);
  if (pattern.empty()) fail(ExitCode::usage, "{}: the format '{}' is not supported", what, printable(format, 60));
  return compile_whole_match(pattern, what, spelled_in_json, budget);
}

Dfa quoted(Dfa content, CompileBudget& budget) {
  GrammarRules rules;
  const ExprId inner = rules.automaton(std::move(content));
  return compile(rules, rules.sequence({rules.text("\""), inner, rules.text("\"")}), budget);
}

bool contains(const Dfa& content, std::string_view string) {
  const std::string text = json_text(string);
  uint32_t state = 0;
  for (size_t i = 1; i + 1 < text.size(); ++i) {
    state = content.states[state].next(static_cast<uint8_t>(text[i]));
    if (state == Dfa::kNone) return false;
  }
  return content.states[state].is_final;
}

}  // namespace thimble::json_schema
