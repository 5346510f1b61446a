// Deterministic automata over bytes. A state may besides call a rule: read what that rule matches, then go on elsewhere.
// Those without calls are regular languages and can be intersected and subtracted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "text/grammar_rules.h"

namespace thimble {

struct Dfa {
  struct ByteEdge {
    uint8_t first;
    uint8_t last;  // included; the edges of a state are ascending and do not overlap
    uint32_t to;
  };
  struct CallEdge {
    RuleId rule;
    uint32_t to;
  };
  struct State {
    std::vector<ByteEdge> bytes{};
    std::vector<CallEdge> calls{};  // each rule once
    bool is_final = false;

    // Where `byte` leads, or kNone.
    uint32_t next(uint8_t byte) const;
  };
  static constexpr uint32_t kNone = UINT32_MAX;

  std::vector<State> states;  // begins in 0; there is at least this one

  bool is_empty() const;  // nothing is accepted; expects no calls
};

// What compiling may still cost. Throws Error(usage) when it is used up: nothing from outside can take for ever.
struct CompileBudget {
  size_t work = GrammarLimits::kWork;
  size_t states = GrammarLimits::kStates;
  void spend(size_t steps);
  void add_state();
};

// By Thompson's construction, then the subsets of its states.
Dfa compile(const GrammarRules& rules, ExprId expr, CompileBudget& budget);

// Of automata without calls; states from which nothing can be accepted any more are left out.
Dfa intersection(const Dfa& a, const Dfa& b, CompileBudget& budget);
Dfa difference(const Dfa& a, const Dfa& b, CompileBudget& budget);

}  // namespace thimble
