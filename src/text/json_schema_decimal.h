// The numbers of a schema as the decimal texts they are, and the texts of the numbers within bounds.
#pragma once

#include <nlohmann/json.hpp>

#include <optional>
#include <string>

#include "text/grammar_rules.h"

namespace thimble::json_schema {

// whole.fraction, without leading zeros of the one (but "0") and trailing zeros of the other.
struct Decimal {
  bool is_negative = false;
  std::string whole = "0";
  std::string fraction{};

  bool is_zero() const { return whole == "0" && fraction.empty(); }
  std::string text() const;
};
// Nothing for a number with more than 40 digits before or behind the point.
std::optional<Decimal> to_decimal(const nlohmann::ordered_json& number);
int compare(const Decimal& a, const Decimal& b);

struct NumberRange {
  std::optional<Decimal> least{};
  std::optional<Decimal> most{};
  bool is_least_excluded = false;
  bool is_most_excluded = false;
  bool is_whole = false;
  std::optional<Decimal> multiple{};  // positive
  std::string path{};                 // of the schema, for messages

  bool is_free() const { return !least && !most && !multiple; }
};
// Numbers without an exponent, in one spelling save for zeros at the end of a fraction. Throws Error(usage) where the
// multiple has too many digits.
ExprId number_expression(GrammarRules& rules, const NumberRange& range);

}  // namespace thimble::json_schema
