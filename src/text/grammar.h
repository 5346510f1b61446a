// A compiled context-free grammar over bytes: one deterministic automaton a rule, joined by calls. Immutable, so that one
// object may serve many threads. Texts are UTF-8. Made from GBNF (gbnf.h), a regular expression (regular_expression.h) or a
// JSON schema (json_schema.h); docs/grammars.md says what each may hold.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "text/dfa.h"
#include "text/grammar_rules.h"

namespace thimble {

class Grammar {
 public:
  struct Call {
    uint32_t start;         // the first state of the rule called
    uint32_t return_state;  // where its end leads
  };
  struct State {
    uint32_t bytes;  // where its edges begin; they end where those of the next state begin
    uint32_t calls;
    bool is_final;  // the rule may end here
    bool is_tail;   // and can do nothing else
  };

  // Leaves out what can never be completed. Throws Error(usage) for left recursion, for a grammar that matches no finite
  // text, and for one beyond GrammarLimits; `what` names the source in messages.
  Grammar(const GrammarRules& rules, RuleId root, CompileBudget& budget, std::string_view what);

  uint32_t start() const { return start_; }
  uint32_t state_count() const { return static_cast<uint32_t>(states_.size() - 1); }
  const State& state(uint32_t id) const { return states_[id]; }
  std::span<const Dfa::ByteEdge> bytes(uint32_t id) const {
    return std::span(bytes_).subspan(states_[id].bytes, states_[id + 1].bytes - states_[id].bytes);
  }
  std::span<const Call> calls(uint32_t id) const {
    return std::span(calls_).subspan(states_[id].calls, states_[id + 1].calls - states_[id].calls);
  }
  size_t memory_bytes() const;

 private:
  void compile_rules(const GrammarRules& rules, RuleId root, CompileBudget& budget);
  void drop_dead_ends();
  void refuse_left_recursion(const GrammarRules& rules, std::string_view what) const;
  std::vector<bool> ending_states(bool by_reading) const;
  uint32_t rule_at(uint32_t state) const;

  std::vector<State> states_;  // and one behind the last
  std::vector<Dfa::ByteEdge> bytes_;
  std::vector<Call> calls_;
  std::vector<std::pair<uint32_t, RuleId>> rule_starts_;  // ascending
  uint32_t start_ = 0;
};

}  // namespace thimble
