// Expressions, as jinja2's grammar has them. Precedence from low to high: a if b else c, or, and, not,
// comparisons (in, not in), + -, ~, * / // %, **, unary + -, postfix (. [] ()), filters and tests.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "text/jinja_parse_state.h"

namespace thimble::jinja {

class ExpressionParser {
 public:
  explicit ExpressionParser(ParseState& state) : s_(state) {}

  const Expression* expression();
  // Without `a if b else c`, for what stands before a statement's own `if`.
  const Expression* unconditional();
  // One expression, or a tuple where there are commas. `end` is a name that ends it as a closing mark does.
  const Expression* tuple(bool conditional = true, std::string_view end = {});
  // What can be assigned to: names, tuples of them, and namespace attributes where `attributes` allows.
  const Expression* target(bool attributes, std::string_view end = {});
  // name(arguments)|..., applied to `operand` (null in filter blocks).
  const Expression* filter(const Expression* operand);
  const Expression* filters(const Expression* operand);

  // Within an `if` an unknown filter or test is an error only where it is reached; this is the first one elsewhere.
  const std::optional<Fault>& unknown() const { return unknown_; }
  void set_soft(bool soft) { soft_ = soft; }
  bool soft() const { return soft_; }

 private:
  const Expression* logical_or();
  const Expression* logical_and();
  const Expression* logical_not();
  const Expression* comparison();
  const Expression* sum();
  const Expression* concatenation();
  const Expression* product();
  const Expression* power();
  const Expression* unary(bool with_filters = true);
  const Expression* primary();
  const Expression* list();
  const Expression* dict();
  const Expression* postfix(const Expression* operand);
  const Expression* filtered(const Expression* operand);
  const Expression* subscript(const Expression* operand);
  const Expression* subscript_item(const Expression* operand, size_t offset);
  const Expression* test(const Expression* operand);
  const Expression* call(const Expression* operand);
  void call_arguments(Expression& node);
  const Expression* parenthesized();
  bool ends_tuple(std::string_view end) const;
  void check_known(const Expression& node);

  ParseState& s_;
  bool soft_ = false;
  std::optional<Fault> unknown_;
};

}  // namespace thimble::jinja
