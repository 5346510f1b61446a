// Thompson's construction: an expression becomes states of at most two ways out.
#pragma once

#include <cstdint>
#include <vector>

#include "text/dfa.h"
#include "text/grammar_rules.h"

namespace thimble {

struct Nfa {
  enum class Kind : uint8_t {
    split,   // to `out` and `other` without reading
    byte,    // to `out` by a byte of `first` to `last`
    call,    // to `out` by what `rule` matches
    begin,   // to `out` at the beginning of the text
    end,     // to `out` at the end of the text
    accept,  //
  };
  static constexpr uint32_t kNone = UINT32_MAX;
  struct State {
    Kind kind = Kind::split;
    uint8_t first = 0;
    uint8_t last = 0;
    uint32_t out = kNone;
    uint32_t other = kNone;
    RuleId rule = 0;
  };
  std::vector<State> states;
  uint32_t start = 0;
};

Nfa build_nfa(const GrammarRules& rules, ExprId expr, CompileBudget& budget);

}  // namespace thimble
