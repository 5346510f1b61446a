#include "text/dfa.h"

#include <algorithm>
#include <unordered_map>

#include "base/error.h"
#include "text/hash.h"
#include "text/nfa.h"

namespace thimble {
namespace {

using Set = std::vector<uint32_t>;  // of NFA states, ascending

struct SetHash {
  size_t operator()(const Set& set) const {
    uint64_t hash = set.size();
    for (const uint32_t state : set) hash = mix(hash ^ state) + 0x9e3779b97f4a7c15u;
    return hash;
  }
};

class SubsetConstruction {
 public:
  SubsetConstruction(const Nfa& nfa, CompileBudget& budget) : nfa_(nfa), budget_(budget), seen_(nfa.states.size(), 0) {}

  Dfa run() {
    add_state({nfa_.start}, true);
    for (uint32_t i = 0; i < dfa_.states.size(); ++i) {
      const Set set = *sets_[i];
      add_byte_edges(i, set);
      add_call_edges(i, set);
    }
    return std::move(dfa_);
  }

 private:
  // What is reached from `kernel` without reading: the states that read, call or end. `at_begin`, `at_end`: where in the
  // text that is.
  Set closure(const Set& kernel, bool at_begin, bool at_end) {
    ++round_;
    Set out;
    stack_ = kernel;
    while (!stack_.empty()) {
      const uint32_t id = stack_.back();
      stack_.pop_back();
      if (id == Nfa::kNone || seen_[id] == round_) continue;
      seen_[id] = round_;
      budget_.spend(1);
      const Nfa::State& state = nfa_.states[id];
      const bool is_passed = state.kind == Nfa::Kind::split || (state.kind == Nfa::Kind::begin && at_begin) ||
                             (state.kind == Nfa::Kind::end && at_end);
      if (is_passed) {
        stack_.push_back(state.out);
        stack_.push_back(state.other);
      } else if (state.kind != Nfa::Kind::begin) {
        out.push_back(id);
      }
    }
    std::sort(out.begin(), out.end());
    return out;
  }

  bool has_accept(const Set& set) const {
    return std::any_of(set.begin(), set.end(),
                       [this](uint32_t id) { return nfa_.states[id].kind == Nfa::Kind::accept; });
  }

  uint32_t add_state(const Set& kernel, bool at_begin = false) {
    Set set = closure(kernel, at_begin, false);
    const auto [found, is_new] = ids_.try_emplace(std::move(set), static_cast<uint32_t>(dfa_.states.size()));
    // The initial state is not one to come back to: what holds at the beginning holds nowhere else.
    if (!is_new && (found->second != 0 || !has_begin_)) return found->second;
    if (!is_new) found->second = static_cast<uint32_t>(dfa_.states.size());
    budget_.add_state();
    sets_.push_back(&found->first);
    Dfa::State state;
    state.is_final = has_accept(found->first) || has_accept(closure(at_begin ? kernel : found->first, at_begin, true));
    dfa_.states.push_back(std::move(state));
    return static_cast<uint32_t>(dfa_.states.size() - 1);
  }

  void add_byte_edges(uint32_t from, const Set& set) {
    std::vector<uint32_t> starts[257];
    std::vector<uint32_t> ends[257];
    for (const uint32_t id : set) {
      const Nfa::State& state = nfa_.states[id];
      if (state.kind != Nfa::Kind::byte) continue;
      starts[state.first].push_back(state.out);
      ends[state.last + 1].push_back(state.out);
    }
    Set active;
    uint32_t begin = 0;
    for (uint32_t byte = 0; byte <= 256; ++byte) {
      if (starts[byte].empty() && ends[byte].empty()) continue;
      if (!active.empty()) add_byte_edge(from, begin, byte - 1, active);
      for (const uint32_t target : ends[byte]) active.erase(std::find(active.begin(), active.end(), target));
      active.insert(active.end(), starts[byte].begin(), starts[byte].end());
      budget_.spend(active.size() + ends[byte].size());
      begin = byte;
    }
  }

  void add_byte_edge(uint32_t from, uint32_t first, uint32_t last, const Set& targets) {
    const uint32_t to = add_state(targets);
    std::vector<Dfa::ByteEdge>& edges = dfa_.states[from].bytes;
    if (!edges.empty() && edges.back().to == to && edges.back().last + 1u == first) {
      edges.back().last = static_cast<uint8_t>(last);
    } else {
      edges.push_back({static_cast<uint8_t>(first), static_cast<uint8_t>(last), to});
    }
  }

  void add_call_edges(uint32_t from, const Set& set) {
    std::vector<std::pair<RuleId, uint32_t>> calls;
    for (const uint32_t id : set) {
      const Nfa::State& state = nfa_.states[id];
      if (state.kind == Nfa::Kind::call) calls.emplace_back(state.rule, state.out);
    }
    std::sort(calls.begin(), calls.end());
    for (size_t i = 0; i < calls.size();) {
      const RuleId rule = calls[i].first;
      Set targets;
      for (; i < calls.size() && calls[i].first == rule; ++i) targets.push_back(calls[i].second);
      const uint32_t to = add_state(targets);
      dfa_.states[from].calls.push_back({rule, to});
    }
  }

  const Nfa& nfa_;
  CompileBudget& budget_;
  std::vector<uint32_t> seen_;
  uint32_t round_ = 0;
  std::vector<uint32_t> stack_;
  std::unordered_map<Set, uint32_t, SetHash> ids_;
  std::vector<const Set*> sets_;
  Dfa dfa_;
  const bool has_begin_ = std::any_of(nfa_.states.begin(), nfa_.states.end(),
                                      [](const Nfa::State& state) { return state.kind == Nfa::Kind::begin; });
};

// Without the edges to states from which nothing is accepted.
void trim(Dfa& dfa) {
  const size_t count = dfa.states.size();
  std::vector<std::vector<uint32_t>> sources(count);
  std::vector<uint32_t> reached;
  std::vector<bool> is_useful(count, false);
  for (uint32_t i = 0; i < count; ++i) {
    for (const Dfa::ByteEdge& edge : dfa.states[i].bytes) sources[edge.to].push_back(i);
    if (dfa.states[i].is_final) {
      is_useful[i] = true;
      reached.push_back(i);
    }
  }
  while (!reached.empty()) {
    const uint32_t at = reached.back();
    reached.pop_back();
    for (const uint32_t source : sources[at]) {
      if (is_useful[source]) continue;
      is_useful[source] = true;
      reached.push_back(source);
    }
  }
  for (Dfa::State& state : dfa.states) {
    std::erase_if(state.bytes, [&](const Dfa::ByteEdge& edge) { return !is_useful[edge.to]; });
  }
}

// Both automata side by side; `b` may have no state any more.
Dfa product(const Dfa& a, const Dfa& b, bool subtract, CompileBudget& budget) {
  Dfa out;
  std::unordered_map<uint64_t, uint32_t> ids;
  std::vector<std::pair<uint32_t, uint32_t>> pairs;
  const auto add = [&](uint32_t in_a, uint32_t in_b) {
    const auto [found, is_new] = ids.try_emplace(uint64_t{in_a} << 32 | in_b, static_cast<uint32_t>(out.states.size()));
    if (is_new) {
      budget.add_state();
      const bool b_accepts = in_b != Dfa::kNone && b.states[in_b].is_final;
      pairs.emplace_back(in_a, in_b);
      out.states.push_back({.is_final = a.states[in_a].is_final && b_accepts != subtract});
    }
    return found->second;
  };
  add(0, 0);
  for (uint32_t i = 0; i < out.states.size(); ++i) {
    const auto [in_a, in_b] = pairs[i];
    for (const Dfa::ByteEdge& edge : a.states[in_a].bytes) {
      uint32_t begin = edge.first;
      const auto emit = [&](uint32_t last, uint32_t other) {
        budget.spend(1);
        if (begin <= last && (other != Dfa::kNone || subtract)) {
          const uint32_t to = add(edge.to, other);
          out.states[i].bytes.push_back({static_cast<uint8_t>(begin), static_cast<uint8_t>(last), to});
        }
        begin = last + 1;
      };
      if (in_b != Dfa::kNone) {
        for (const Dfa::ByteEdge& other : b.states[in_b].bytes) {
          if (other.last < begin || other.first > edge.last) continue;
          if (other.first > begin) emit(other.first - 1u, Dfa::kNone);
          emit(std::min(other.last, edge.last), other.to);
        }
      }
      if (begin <= edge.last) emit(edge.last, Dfa::kNone);
    }
  }
  trim(out);
  return out;
}

}  // namespace

uint32_t Dfa::State::next(uint8_t byte) const {
  for (const ByteEdge& edge : bytes) {
    if (byte < edge.first) break;
    if (byte <= edge.last) return edge.to;
  }
  return kNone;
}

bool Dfa::is_empty() const {
  // Reachable or not: trimming cuts only what cannot end.
  std::vector<bool> seen(states.size(), false);
  std::vector<uint32_t> stack = {0};
  while (!stack.empty()) {
    const uint32_t at = stack.back();
    stack.pop_back();
    if (states[at].is_final) return false;
    if (seen[at]) continue;
    seen[at] = true;
    for (const ByteEdge& edge : states[at].bytes) stack.push_back(edge.to);
  }
  return true;
}

void CompileBudget::spend(size_t steps) {
  if (steps > work) fail(ExitCode::usage, "the grammar is too large: compiling it takes too many steps");
  work -= steps;
}

void CompileBudget::add_state() {
  if (states == 0) {
    fail(ExitCode::usage, "the grammar is too large: its automata have more than {} states", GrammarLimits::kStates);
  }
  --states;
}

Dfa compile(const GrammarRules& rules, ExprId expr, CompileBudget& budget) {
  const Nfa nfa = build_nfa(rules, expr, budget);
  return SubsetConstruction(nfa, budget).run();
}

Dfa intersection(const Dfa& a, const Dfa& b, CompileBudget& budget) { return product(a, b, false, budget); }
Dfa difference(const Dfa& a, const Dfa& b, CompileBudget& budget) { return product(a, b, true, budget); }

}  // namespace thimble
