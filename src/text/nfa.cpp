#include "text/nfa.h"

#include <map>
#include <tuple>

#include "base/error.h"

namespace thimble {
namespace {

constexpr size_t kMostStates = 4 * GrammarLimits::kStates;

class Builder {
 public:
  Builder(const GrammarRules& rules, CompileBudget& budget) : rules_(rules), budget_(budget) {}

  Nfa build(ExprId expr) {
    const uint32_t accept = add({.kind = Nfa::Kind::accept});
    const uint32_t start = add({});
    join(start, build(expr, accept));
    return {std::move(states_), start};
  }

 private:
  uint32_t add(Nfa::State state) {
    budget_.spend(1);
    if (states_.size() >= kMostStates) {
      fail(ExitCode::usage, "the grammar is too large: a rule with its repetitions needs more than {} states",
           kMostStates);
    }
    states_.push_back(state);
    return static_cast<uint32_t>(states_.size() - 1);
  }

  // One more way out of a split state.
  void join(uint32_t hub, uint32_t target) {
    if (states_[hub].out == Nfa::kNone) {
      states_[hub].out = target;
    } else if (states_[hub].other == Nfa::kNone) {
      states_[hub].other = target;
    } else {
      const uint32_t more = add({.out = states_[hub].other, .other = target});
      states_[hub].other = more;
    }
  }

  // The state in which `id` begins; it ends in `next`.
  uint32_t build(ExprId id, uint32_t next) {
    const Expr& expr = rules_.expr(id);
    budget_.spend(1);
    switch (expr.kind) {
      case Expr::Kind::bytes: return build_bytes(expr.bytes, next);
      case Expr::Kind::never: return add({});
      case Expr::Kind::any_of: return build_set(expr.set, next);
      case Expr::Kind::sequence:
        for (size_t i = expr.parts.size(); i-- > 0;) next = build(expr.parts[i], next);
        return next;
      case Expr::Kind::choice: {
        const uint32_t hub = add({});
        for (const ExprId part : expr.parts) join(hub, build(part, next));
        return hub;
      }
      case Expr::Kind::repeat: return build_repeat(expr, next);
      case Expr::Kind::rule: return add({.kind = Nfa::Kind::call, .out = next, .rule = expr.rule});
      case Expr::Kind::network: return build_network(expr.network, next);
      case Expr::Kind::automaton: return build_automaton(*expr.automaton, next);
      case Expr::Kind::begin: return add({.kind = Nfa::Kind::begin, .out = next});
      case Expr::Kind::end: return add({.kind = Nfa::Kind::end, .out = next});
    }
    return next;
  }

  uint32_t byte_state(uint8_t first, uint8_t last, uint32_t next) {
    return add({.kind = Nfa::Kind::byte, .first = first, .last = last, .out = next});
  }

  uint32_t build_bytes(const std::string& bytes, uint32_t next) {
    for (size_t i = bytes.size(); i-- > 0;) {
      const auto byte = static_cast<uint8_t>(bytes[i]);
      next = byte_state(byte, byte, next);
    }
    return next;
  }

  // Sequences share their ends, which are few.
  uint32_t build_set(const CodePointSet& set, uint32_t next) {
    const uint32_t hub = add({});
    std::map<std::tuple<uint8_t, uint8_t, uint32_t>, uint32_t> ends;
    for_each_utf8_sequence(set, [&](const Utf8Sequence& sequence) {
      uint32_t at = next;
      for (size_t i = sequence.length; i-- > 0;) {
        const auto [first, last] = sequence.bytes[i];
        const auto [found, is_new] = ends.try_emplace({first, last, at}, 0);
        if (is_new) found->second = byte_state(first, last, at);
        if (i == 0 && is_new) join(hub, found->second);
        at = found->second;
      }
    });
    return hub;
  }

  uint32_t build_repeat(const Expr& expr, uint32_t next) {
    const ExprId part = expr.parts[0];
    uint32_t at = next;
    if (expr.most == GrammarRules::kNoEnd) {
      at = add({});
      join(at, build(part, at));
      join(at, next);
    } else {
      // Each optional copy may end the whole at once, so that no long chain has to be followed without reading.
      for (uint32_t i = expr.least; i < expr.most; ++i) {
        const uint32_t hub = add({});
        join(hub, build(part, at));
        join(hub, next);
        at = hub;
      }
    }
    for (uint32_t i = 0; i < expr.least; ++i) at = build(part, at);
    return at;
  }

  uint32_t build_network(const Network& network, uint32_t next) {
    const auto base = static_cast<uint32_t>(states_.size());
    for (uint32_t i = 0; i < network.states; ++i) add({});
    for (const uint32_t state : network.finals) join(base + state, next);
    for (const Network::Edge& edge : network.edges) join(base + edge.from, build(edge.what, base + edge.to));
    return base;
  }

  uint32_t build_automaton(const Dfa& dfa, uint32_t next) {
    const auto base = static_cast<uint32_t>(states_.size());
    for (size_t i = 0; i < dfa.states.size(); ++i) add({});
    for (uint32_t i = 0; i < dfa.states.size(); ++i) {
      if (dfa.states[i].is_final) join(base + i, next);
      for (const Dfa::ByteEdge& edge : dfa.states[i].bytes) {
        join(base + i, byte_state(edge.first, edge.last, base + edge.to));
      }
    }
    return base;
  }

  const GrammarRules& rules_;
  CompileBudget& budget_;
  std::vector<Nfa::State> states_;
};

}  // namespace

Nfa build_nfa(const GrammarRules& rules, ExprId expr, CompileBudget& budget) {
  return Builder(rules, budget).build(expr);
}

}  // namespace thimble
