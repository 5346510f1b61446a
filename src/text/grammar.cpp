#include "text/grammar.h"

#include <algorithm>

#include "base/error.h"

namespace thimble {

Grammar::Grammar(const GrammarRules& rules, RuleId root, CompileBudget& budget, std::string_view what) {
  compile_rules(rules, root, budget);
  const std::vector<bool> is_completed = ending_states(true);
  if (!is_completed[start_]) fail(ExitCode::usage, "{}: there is no finite text that matches", what);
  drop_dead_ends();
  refuse_left_recursion(rules, what);
}

// Those that the root reaches, each an automaton of its own; their states are numbered through.
void Grammar::compile_rules(const GrammarRules& rules, RuleId root, CompileBudget& budget) {
  constexpr uint32_t kNotYet = UINT32_MAX;
  std::vector<uint32_t> starts(rules.rule_count(), kNotYet);
  std::vector<RuleId> waiting = {root};
  std::vector<bool> is_known(rules.rule_count(), false);
  is_known[root] = true;
  while (!waiting.empty()) {
    const RuleId rule = waiting.back();
    waiting.pop_back();
    const Dfa dfa = compile(rules, rules.right_side(rule), budget);
    const auto base = static_cast<uint32_t>(states_.size());
    starts[rule] = base;
    rule_starts_.emplace_back(base, rule);
    for (const Dfa::State& state : dfa.states) {
      states_.push_back(
          {static_cast<uint32_t>(bytes_.size()), static_cast<uint32_t>(calls_.size()), state.is_final, false});
      for (const Dfa::ByteEdge& edge : state.bytes) bytes_.push_back({edge.first, edge.last, base + edge.to});
      for (const Dfa::CallEdge& call : state.calls) {
        calls_.push_back({call.rule, base + call.to});
        if (is_known[call.rule]) continue;
        is_known[call.rule] = true;
        waiting.push_back(call.rule);
      }
    }
  }
  states_.push_back({static_cast<uint32_t>(bytes_.size()), static_cast<uint32_t>(calls_.size()), false, false});
  for (Call& call : calls_) call.start = starts[call.start];
  start_ = starts[root];
}

// The states from which the end of their rule can be reached: by reading any bytes, or without reading.
std::vector<bool> Grammar::ending_states(bool by_reading) const {
  const uint32_t count = state_count();
  std::vector<bool> is_ending(count, false);
  // For each state the states that lead to it, and the calls of its rule or back to it with the state they are made in.
  std::vector<std::vector<uint32_t>> sources(count);
  std::vector<std::vector<std::pair<uint32_t, uint32_t>>> calls(count);
  std::vector<uint32_t> reached;
  for (uint32_t id = 0; id < count; ++id) {
    if (by_reading) {
      for (const Dfa::ByteEdge& edge : bytes(id)) sources[edge.to].push_back(id);
    }
    for (const Call& call : this->calls(id)) {
      calls[call.start].emplace_back(id, call.return_state);
      calls[call.return_state].emplace_back(id, call.start);
    }
    if (states_[id].is_final) reached.push_back(id);
  }
  for (const uint32_t id : reached) is_ending[id] = true;
  const auto reach = [&](uint32_t id) {
    if (is_ending[id]) return;
    is_ending[id] = true;
    reached.push_back(id);
  };
  while (!reached.empty()) {
    const uint32_t id = reached.back();
    reached.pop_back();
    for (const uint32_t source : sources[id]) reach(source);
    for (const auto& [caller, other] : calls[id]) {
      if (is_ending[other]) reach(caller);
    }
  }
  return is_ending;
}

void Grammar::drop_dead_ends() {
  const std::vector<bool> is_completed = ending_states(true);
  std::vector<Dfa::ByteEdge> kept_bytes;
  std::vector<Call> kept_calls;
  for (uint32_t id = 0; id < state_count(); ++id) {
    const auto old_bytes = bytes(id);
    const auto old_calls = calls(id);
    const auto bytes_begin = static_cast<uint32_t>(kept_bytes.size());
    const auto calls_begin = static_cast<uint32_t>(kept_calls.size());
    for (const Dfa::ByteEdge& edge : old_bytes) {
      if (is_completed[edge.to]) kept_bytes.push_back(edge);
    }
    for (const Call& call : old_calls) {
      if (is_completed[call.start] && is_completed[call.return_state]) kept_calls.push_back(call);
    }
    states_[id].is_tail = states_[id].is_final && kept_bytes.size() == bytes_begin && kept_calls.size() == calls_begin;
    // The spans above look at the next state's beginning, which is still the old one.
    states_[id].bytes = bytes_begin;
    states_[id].calls = calls_begin;
  }
  states_.back().bytes = static_cast<uint32_t>(kept_bytes.size());
  states_.back().calls = static_cast<uint32_t>(kept_calls.size());
  bytes_ = std::move(kept_bytes);
  calls_ = std::move(kept_calls);
}

uint32_t Grammar::rule_at(uint32_t state) const {
  const auto after = std::upper_bound(rule_starts_.begin(), rule_starts_.end(), state,
                                      [](uint32_t wanted, const auto& entry) { return wanted < entry.first; });
  return (after - 1)->second;
}

// A rule that comes back to itself without having read anything would pile up calls for ever, save where each call is the
// last thing that its rule does. Strongly connected components (Tarjan 1972) of the states that reach each other without reading.
void Grammar::refuse_left_recursion(const GrammarRules& rules, std::string_view what) const {
  const uint32_t count = state_count();
  const std::vector<bool> is_nullable = ending_states(false);
  std::vector<uint32_t> order(count, 0);
  std::vector<uint32_t> low(count, 0);
  std::vector<uint32_t> component(count, 0);
  std::vector<uint32_t> open;
  struct Frame {
    uint32_t id;
    size_t edge;
  };
  std::vector<Frame> path;
  uint32_t next = 0;
  uint32_t components = 0;
  // Two ways a call: into the rule, and past it where the rule may match nothing.
  const auto target = [&](uint32_t id, size_t edge) {
    const Call& call = calls(id)[edge / 2];
    if (edge % 2 == 0) return call.start;
    return is_nullable[call.start] ? call.return_state : call.start;
  };
  for (uint32_t root = 0; root < count; ++root) {
    if (order[root] != 0) continue;
    path.push_back({root, 0});
    while (!path.empty()) {
      const uint32_t id = path.back().id;
      if (path.back().edge == 0) {
        order[id] = low[id] = ++next;
        open.push_back(id);
      }
      if (path.back().edge < 2 * calls(id).size()) {
        const uint32_t to = target(id, path.back().edge++);
        if (order[to] == 0) {
          path.push_back({to, 0});
        } else if (component[to] == 0) {
          low[id] = std::min(low[id], order[to]);
        }
        continue;
      }
      path.pop_back();
      if (!path.empty()) low[path.back().id] = std::min(low[path.back().id], low[id]);
      if (low[id] != order[id]) continue;
      ++components;
      for (uint32_t member = count; member != id;) {
        member = open.back();
        open.pop_back();
        component[member] = components;
      }
    }
  }
  for (uint32_t id = 0; id < count; ++id) {
    for (const Call& call : calls(id)) {
      if (component[id] != component[call.start] || states_[call.return_state].is_tail) continue;
      fail(ExitCode::usage, "{}: the rule '{}' is left-recursive: it leads back to itself before anything is read",
           what, printable(rules.name(rule_at(call.start)), 60));
    }
  }
}

size_t Grammar::memory_bytes() const {
  return sizeof *this + states_.capacity() * sizeof(State) + bytes_.capacity() * sizeof(Dfa::ByteEdge) +
         calls_.capacity() * sizeof(Call) + rule_starts_.capacity() * sizeof rule_starts_[0];
}

}  // namespace thimble
