// What the three front ends (GBNF, regular expressions, JSON Schema) write and the compiler reads: rules whose right sides
// are expressions over code points. Expressions live in one arena and may be shared.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/code_point_set.h"

namespace thimble {

struct Dfa;

// Whatever comes from outside ends in Error(usage) beyond these.
struct GrammarLimits {
  static constexpr size_t kSourceBytes = size_t{1} << 20;
  static constexpr size_t kDepth = 100;        // of groups, or of a schema's nesting
  static constexpr size_t kRules = 20'000;     // also of expressions in all, times 50
  static constexpr uint32_t kRepeat = 10'000;  // of a bounded repetition
  static constexpr size_t kStates = 1 << 17;   // of all automata together
  static constexpr size_t kWork = 10'000'000;  // steps of the compiler
  static constexpr uint32_t kNesting = 1'000;  // of rules while text is matched
};

using ExprId = uint32_t;
using RuleId = uint32_t;

// States joined by edges that carry expressions; begins in state 0.
struct Network {
  struct Edge {
    uint32_t from;
    ExprId what;
    uint32_t to;
  };
  uint32_t states = 1;
  std::vector<Edge> edges{};
  std::vector<uint32_t> finals{};

  uint32_t add_state() { return states++; }
};

struct Expr {
  enum class Kind : uint8_t {
    bytes,      // the text itself; "" where it is empty
    never,      // nothing matches
    any_of,     // one code point of a set
    sequence,   // all parts, one after the other
    choice,     // one of the parts
    repeat,     // the one part, `least` to `most` times
    rule,       // what another rule says
    network,    //
    automaton,  // what a DFA accepts
    begin,      // nothing, at the beginning of the text; only in regular expressions
    end         // nothing, at the end of the text
  };
  Kind kind;
  std::string bytes{};
  CodePointSet set{};
  std::vector<ExprId> parts{};
  uint32_t least = 0;
  uint32_t most = 0;
  RuleId rule = 0;
  Network network{};
  std::shared_ptr<const Dfa> automaton{};
};

class GrammarRules {
 public:
  static constexpr uint32_t kNoEnd = std::numeric_limits<uint32_t>::max();

  ExprId text(std::string bytes) { return add({.kind = Expr::Kind::bytes, .bytes = std::move(bytes)}); }
  ExprId never() { return add({.kind = Expr::Kind::never}); }
  ExprId any_of(CodePointSet set) { return add({.kind = Expr::Kind::any_of, .set = std::move(set)}); }
  ExprId sequence(std::vector<ExprId> parts) { return add({.kind = Expr::Kind::sequence, .parts = std::move(parts)}); }
  ExprId choice(std::vector<ExprId> parts) { return add({.kind = Expr::Kind::choice, .parts = std::move(parts)}); }
  ExprId repeat(ExprId part, uint32_t least, uint32_t most = kNoEnd) {
    return add({.kind = Expr::Kind::repeat, .parts = {part}, .least = least, .most = most});
  }
  ExprId optional(ExprId part) { return repeat(part, 0, 1); }
  ExprId rule(RuleId id) { return add({.kind = Expr::Kind::rule, .rule = id}); }
  ExprId network(Network network) { return add({.kind = Expr::Kind::network, .network = std::move(network)}); }
  ExprId automaton(Dfa dfa);
  ExprId begin() { return add({.kind = Expr::Kind::begin}); }
  ExprId end() { return add({.kind = Expr::Kind::end}); }

  // A rule whose right side is given later; until then nothing matches it.
  RuleId declare(std::string name);
  void define(RuleId rule, ExprId right_side) { rules_[rule].right_side = right_side; }

  const Expr& expr(ExprId id) const { return exprs_[id]; }
  size_t rule_count() const { return rules_.size(); }
  const std::string& name(RuleId rule) const { return rules_[rule].name; }
  ExprId right_side(RuleId rule) const { return rules_[rule].right_side; }

 private:
  struct Rule {
    std::string name;
    ExprId right_side;
  };
  ExprId add(Expr expr);

  std::vector<Expr> exprs_{{.kind = Expr::Kind::never}};
  std::vector<Rule> rules_;
};

}  // namespace thimble
