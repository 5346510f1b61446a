#include "text/json_schema_scalar.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "text/json_schema_string.h"

namespace thimble::json_schema {
namespace {

constexpr size_t kMostDigits = 20;  // before and behind the point of a number, or as many as its bounds have

bool has_type(const Json& schema, std::string_view type) {
  const std::vector<std::string> types = types_of(schema);
  const auto has = [&](std::string_view wanted) {
    return std::find(types.begin(), types.end(), wanted) != types.end();
  };
  return has(type) || (type == "integer" && has("number"));
}

bool is_of_type(const Json& value, std::string_view type) {
  if (type == "null") return value.is_null();
  if (type == "boolean") return value.is_boolean();
  if (type == "string") return value.is_string();
  if (type == "number") return value.is_number();
  const auto decimal = value.is_number() ? to_decimal(value) : std::nullopt;
  return type == "integer" && decimal && decimal->fraction.empty();
}

Dfa string_texts(const Json& schema, const std::string& path, CompileBudget& budget) {
  Dfa content = of_length(lower_bound(schema, "minLength", path), upper_bound(schema, "maxLength"), budget);
  if (schema.contains("pattern")) {
    for (const Json& pattern : schema["pattern"]) {
      const std::string what = fmt::format("{}: 'pattern'", path);
      content = intersection(searched(pattern.get<std::string>(), what, budget), content, budget);
    }
  }
  if (schema.contains("format")) {
    for (const Json& format : schema["format"]) {
      content = intersection(of_format(format.get<std::string>(), path, budget), content, budget);
    }
  }
  return quoted(std::move(content), budget);
}

Dfa numbers_of_length(size_t whole, size_t fraction, CompileBudget& budget) {
  GrammarRules rules;
  const ExprId digit = rules.any_of(CodePointSet({{'0', '9'}}));
  const ExprId after = rules.sequence({rules.text("."), rules.repeat(digit, 1, static_cast<uint32_t>(fraction))});
  return compile(rules,
                 rules.sequence({rules.optional(rules.text("-")), rules.repeat(digit, 1, static_cast<uint32_t>(whole)),
                                 rules.optional(after)}),
                 budget);
}

// Digits without end make no number that a program holds, and models do not tire of them.
Dfa number_texts(const NumberRange& range, bool is_bounded, CompileBudget& budget) {
  GrammarRules rules;
  Dfa texts = compile(rules, number_expression(rules, range), budget);
  if (!is_bounded) return texts;
  // Multiples are told apart by doubles elsewhere, which hold 15 digits.
  size_t whole = range.multiple ? 12 : kMostDigits;
  size_t fraction = range.multiple ? std::max<size_t>(range.multiple->fraction.size() + 2, 4) : kMostDigits;
  for (const auto* bound : {&range.least, &range.most}) {
    if (!*bound) continue;
    whole = std::max(whole, (*bound)->whole.size());
    fraction = std::max(fraction, (*bound)->fraction.size());
  }
  return intersection(texts, numbers_of_length(whole, fraction, budget), budget);
}

// Every way to write a whole number.
Dfa whole_numbers(CompileBudget& budget) {
  GrammarRules rules;
  const ExprId digits = rules.repeat(rules.any_of(CodePointSet({{'0', '9'}})), 1);
  const ExprId zeros = rules.sequence({rules.text("."), rules.repeat(rules.text("0"), 1)});
  return compile(rules, rules.sequence({rules.optional(rules.text("-")), digits, rules.optional(zeros)}), budget);
}

// `is_bounded`: numbers of a length that makes sense, not all.
Dfa texts_of_constraints(const Json& schema, std::string_view type, bool is_bounded, const std::string& path,
                         CompileBudget& budget) {
  if (type == "string") return string_texts(schema, path, budget);
  if (type == "number" || type == "integer")
    return number_texts(number_range(schema, type == "integer", path), is_bounded, budget);
  GrammarRules rules;
  return compile(rules, type == "null" ? rules.text("null") : rules.choice({rules.text("true"), rules.text("false")}),
                 budget);
}

// The listed values of the type; with `all_spellings` every text that means a number of them.
Dfa listed_texts(const Json& values, std::string_view type, bool all_spellings, CompileBudget& budget) {
  GrammarRules rules;
  std::vector<ExprId> choices;
  for (const Json& value : values) {
    if (!is_of_type(value, type)) continue;
    const auto decimal = value.is_number() ? to_decimal(value) : std::nullopt;
    if (!decimal) {
      choices.push_back(rules.text(value.is_string() ? json_text(value.get<std::string>()) : value.dump()));
    } else if (all_spellings) {
      choices.push_back(number_expression(rules, {.least = decimal, .most = decimal, .path = {}}));
    } else {
      choices.push_back(rules.text(decimal->text()));
    }
  }
  return compile(rules, rules.choice(std::move(choices)), budget);
}

Dfa without_refused(Dfa texts, const Json& schema, std::string_view type, const std::string& path,
                    CompileBudget& budget) {
  const bool is_number = type == "number" || type == "integer";
  for (const Json& refused : schema["not"]) {
    const std::vector<std::string> types = types_of(refused);
    const bool is_whole = is_number && std::find(types.begin(), types.end(), "integer") != types.end();
    if (!has_type(refused, type) && !is_whole) continue;
    Dfa away = texts_of_constraints(refused, is_number ? "number" : type, false, path, budget);
    if (is_whole) {
      away = intersection(away, whole_numbers(budget), budget);
      // Beyond what a double holds a number with a fraction reads as one without.
      texts = intersection(texts, numbers_of_length(10, 5, budget), budget);
    }
    if (refused.contains("enum")) {
      away = intersection(listed_texts(refused["enum"], type, true, budget), away, budget);
    }
    texts = difference(texts, away, budget);
  }
  return texts;
}

}  // namespace

bool is_scalar(std::string_view type) { return type != "array" && type != "object"; }

NumberRange number_range(const Json& schema, bool is_whole, const std::string& path) {
  NumberRange range{.is_whole = is_whole, .path = path};
  const auto bound = [&](const char* key) { return schema.contains(key) ? to_decimal(schema[key]) : std::nullopt; };
  range.least = bound("minimum");
  range.most = bound("maximum");
  if (const auto above = bound("exclusiveMinimum"); above && (!range.least || compare(*above, *range.least) >= 0)) {
    range.least = above;
    range.is_least_excluded = true;
  }
  if (const auto below = bound("exclusiveMaximum"); below && (!range.most || compare(*below, *range.most) <= 0)) {
    range.most = below;
    range.is_most_excluded = true;
  }
  range.multiple = bound("multipleOf");
  return range;
}

bool has_only_lengths(const Json& schema) {
  return !schema.contains("pattern") && !schema.contains("format") && !schema.contains("not");
}

uint32_t lower_bound(const Json& schema, const std::string& keyword, const std::string& path) {
  if (!schema.contains(keyword)) return 0;
  const auto value = schema[keyword].get<uint64_t>();
  if (value > GrammarLimits::kRepeat) {
    fail(ExitCode::usage, "{}: '{}' is {}, at most {} is supported", path, keyword, value, GrammarLimits::kRepeat);
  }
  return static_cast<uint32_t>(value);
}

uint32_t upper_bound(const Json& schema, const std::string& keyword) {
  if (!schema.contains(keyword)) return GrammarRules::kNoEnd;
  return static_cast<uint32_t>(std::min<uint64_t>(schema[keyword].get<uint64_t>(), GrammarLimits::kRepeat));
}

Dfa scalar_texts(const Json& schema, std::string_view type, const std::string& path, CompileBudget& budget) {
  Dfa texts = texts_of_constraints(schema, type, !schema.contains("enum"), path, budget);
  if (schema.contains("enum")) {
    texts = intersection(listed_texts(schema["enum"], type, false, budget), texts, budget);
  }
  return schema.contains("not") ? without_refused(std::move(texts), schema, type, path, budget) : texts;
}

bool is_excluded(const Json& schema, std::string_view type, const std::string& path) {
  if (!schema.contains("not")) return false;
  static constexpr std::array<std::string_view, 10> kOfScalars = {
      "type",       "minimum",   "maximum",   "exclusiveMinimum", "exclusiveMaximum",
      "multipleOf", "minLength", "maxLength", "pattern",          "format"};
  return std::any_of(schema["not"].begin(), schema["not"].end(), [&](const Json& refused) {
    if (!has_type(refused, type)) return false;
    // A list of other values leaves the type alone.
    const auto is_structured = [](const Json& value) { return value.is_structured(); };
    if (refused.contains("enum") && std::none_of(refused["enum"].begin(), refused["enum"].end(), is_structured))
      return false;
    for (const auto& [key, value] : refused.items()) {
      if (std::find(kOfScalars.begin(), kOfScalars.end(), key) != kOfScalars.end()) continue;
      fail(ExitCode::usage, "{}: 'not' with '{}' is not supported for the type {}", path, key, type);
    }
    return true;
  });
}

}  // namespace thimble::json_schema
