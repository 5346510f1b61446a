// Follows a grammar byte by byte: all ways of reading the text at once. A position is the set of automaton states that the
// ways are in, each with its context: what may come after its rule has ended. Contexts are sets of frames (state to go on in,
// context beyond it) and shared, so that ambiguity never multiplies stacks (the graph-structured stack of Tomita 1987). Equal
// positions have equal numbers, and where a byte leads from a position is computed once: for what is regular in a
// grammar this is a DFA built while it is used. One thread at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "text/grammar.h"

namespace thimble {

using PositionId = uint32_t;
using ContextId = uint32_t;

class GrammarMatcher {
 public:
  static constexpr PositionId kDead = 0;    // the text so far is no beginning of anything that matches
  static constexpr ContextId kOutside = 1;  // a context of which nothing is known

  static constexpr size_t kSteps = 50'000'000;

  struct Item {
    uint32_t state;
    ContextId context;
    bool operator==(const Item&) const = default;
  };

  // The grammar must outlive the matcher.
  explicit GrammarMatcher(const Grammar& grammar);

  PositionId start() const { return start_; }
  // Throws Error(failed) where an ambiguous grammar takes more than its limits.
  PositionId next(PositionId position, uint8_t byte) {
    const uint32_t row = positions_[position].row;
    const PositionId known = row == kNoRow ? kUnknown : rows_[row][byte];
    return known != kUnknown ? known : compute_next(position, byte);
  }
  PositionId next(PositionId position, std::string_view bytes);

  bool accepts(PositionId position) const { return positions_[position].accepts; }  // the text may end here
  bool escapes(PositionId position) const { return positions_[position].escapes; }  // a way has ended in kOutside
  // The states that read something, ascending.
  std::span<const Item> items(PositionId position) const {
    return std::span(items_).subspan(positions_[position].begin, positions_[position].count);
  }
  // A position that reads what `state` reads, in the context `kOutside`.
  PositionId position_outside(uint32_t state);
  // Where a rule that ends in `context` leads.
  PositionId after(ContextId context);
  // How many rules are open at most in one reading; limited by GrammarLimits::kNesting.
  uint32_t depth(ContextId context) const { return contexts_[context].depth; }
  // The only byte that may come next, or -1: several, none, or the text may end.
  int only_byte(PositionId position) const;

  // How many steps may be taken from now on, before Error(failed).
  void allow_steps(size_t steps) { steps_ = steps; }

  // Beyond this the numbers of positions other than `keep` become invalid; returns the new number of `keep`.
  bool is_full() const;
  PositionId compact(PositionId keep);
  size_t memory_bytes() const;

  const Grammar& grammar() const { return grammar_; }

 private:
  static constexpr ContextId kText = 0;  // the end of the whole text
  static constexpr ContextId kTooDeep = UINT32_MAX;
  static constexpr uint32_t kEnd = UINT32_MAX;  // the state of a frame that leads to kText or kOutside
  static constexpr uint32_t kNoRow = UINT32_MAX;
  static constexpr PositionId kUnknown = UINT32_MAX;

  struct Position {
    uint32_t begin;
    uint32_t count;
    uint32_t row;
    bool accepts;
    bool escapes;
  };
  struct Context {
    uint32_t begin;  // of its frames, ascending by state, each state once
    uint32_t count;
    uint32_t depth;
  };
  void reset();
  PositionId compute_next(PositionId position, uint8_t byte);
  void add(uint32_t state, ContextId context);
  void close();
  void leave(ContextId context);
  PositionId take_position();
  PositionId intern_position(std::span<const Item> items, bool accepts, bool escapes);
  ContextId push(uint32_t return_state, ContextId context);
  ContextId unite(ContextId a, ContextId b);
  ContextId intern(std::span<const Item> frames);
  std::span<const Item> frames(ContextId context) const {
    return std::span(frames_).subspan(contexts_[context].begin, contexts_[context].count);
  }
  void spend();

  const Grammar& grammar_;
  PositionId start_ = kDead;

  std::vector<Context> contexts_;
  std::vector<Item> frames_;
  std::unordered_map<uint64_t, std::vector<ContextId>> context_ids_;  // by hash
  std::unordered_map<uint64_t, ContextId> unions_;
  std::vector<Position> positions_;
  std::vector<Item> items_;
  std::unordered_map<uint64_t, std::vector<PositionId>> position_ids_;
  std::vector<std::array<PositionId, 256>> rows_;

  // Of the position being made.
  std::vector<ContextId> context_of_;  // by state, kUnknown where the state is not in it
  std::vector<uint32_t> touched_;
  std::vector<uint32_t> waiting_;
  bool accepts_ = false;
  bool escapes_ = false;
  size_t steps_ = kSteps;
};

// Whether the whole text matches, or is the beginning of something that does.
bool matches(const Grammar& grammar, std::string_view text);
bool is_viable_prefix(const Grammar& grammar, std::string_view text);

}  // namespace thimble
