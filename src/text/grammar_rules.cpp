#include "text/grammar_rules.h"

#include "base/error.h"
#include "text/dfa.h"

namespace thimble {

ExprId GrammarRules::add(Expr expr) {
  constexpr size_t kMost = GrammarLimits::kRules * 50;
  if (exprs_.size() >= kMost) fail(ExitCode::usage, "the grammar is too large: more than {} expressions", kMost);
  exprs_.push_back(std::move(expr));
  return static_cast<ExprId>(exprs_.size() - 1);
}

ExprId GrammarRules::automaton(Dfa dfa) {
  return add({.kind = Expr::Kind::automaton, .automaton = std::make_shared<const Dfa>(std::move(dfa))});
}

RuleId GrammarRules::declare(std::string name) {
  if (rules_.size() >= GrammarLimits::kRules) {
    fail(ExitCode::usage, "the grammar is too large: more than {} rules", GrammarLimits::kRules);
  }
  rules_.push_back({std::move(name), 0});
  return static_cast<RuleId>(rules_.size() - 1);
}

}  // namespace thimble
