#include "text/grammar_matcher.h"

#include <algorithm>

#include "base/error.h"
#include "text/hash.h"

namespace thimble {
namespace {

// Soft limits are for compact() between tokens; hard ones end the work.
constexpr size_t kManyRows = 4096;
constexpr size_t kManyEntries = 1 << 16;
constexpr size_t kMostEntries = 1 << 18;
constexpr size_t kMostRows = 4 * kManyRows;

uint64_t hash_items(std::span<const GrammarMatcher::Item> items, uint64_t seed) {
  uint64_t hash = seed;
  for (const auto& item : items) hash = mix(hash ^ (uint64_t{item.state} << 32 | item.context)) + 0x9e3779b97f4a7c15u;
  return hash;
}

bool equal(std::span<const GrammarMatcher::Item> a, std::span<const GrammarMatcher::Item> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

bool by_state(const GrammarMatcher::Item& a, const GrammarMatcher::Item& b) { return a.state < b.state; }

}  // namespace

GrammarMatcher::GrammarMatcher(const Grammar& grammar) : grammar_(grammar) {
  context_of_.assign(grammar.state_count(), kUnknown);
  reset();
  add(grammar.start(), kText);
  close();
  start_ = take_position();
}

void GrammarMatcher::reset() {
  contexts_.clear();
  frames_.clear();
  context_ids_.clear();
  unions_.clear();
  positions_.clear();
  items_.clear();
  position_ids_.clear();
  rows_.clear();
  for (const ContextId end : {kText, kOutside}) {
    contexts_.push_back({end, 1, 0});
    frames_.push_back({kEnd, end});
  }
  intern_position({}, false, false);  // kDead
}

PositionId GrammarMatcher::next(PositionId position, std::string_view bytes) {
  for (const char byte : bytes) {
    if (position == kDead) break;
    position = next(position, static_cast<uint8_t>(byte));
  }
  return position;
}

PositionId GrammarMatcher::compute_next(PositionId position, uint8_t byte) {
  const auto [begin, count, row, is_accepted, is_left] = positions_[position];
  for (uint32_t i = begin; i < begin + count; ++i) {
    const Item item = items_[i];
    for (const Dfa::ByteEdge& edge : grammar_.bytes(item.state)) {
      if (byte < edge.first) break;
      if (byte <= edge.last) add(edge.to, item.context);
    }
  }
  close();
  const PositionId result = take_position();
  if (row == kNoRow) {
    if (rows_.size() >= kMostRows) return result;  // computed again when it is asked for again
    positions_[position].row = static_cast<uint32_t>(rows_.size());
    rows_.emplace_back().fill(kUnknown);
  }
  rows_[positions_[position].row][byte] = result;
  return result;
}

PositionId GrammarMatcher::position_outside(uint32_t state) {
  const Item item{state, kOutside};
  return intern_position({&item, 1}, false, false);
}

PositionId GrammarMatcher::after(ContextId context) {
  leave(context);
  close();
  return take_position();
}

// A state that is there already may get a wider context, and what followed from the narrower one is followed again.
void GrammarMatcher::add(uint32_t state, ContextId context) {
  spend();
  if (context == kTooDeep) return;
  ContextId& known = context_of_[state];
  if (known == kUnknown) {
    known = context;
    touched_.push_back(state);
    waiting_.push_back(state);
  } else if (known != context) {
    const ContextId wider = unite(known, context);
    if (wider == known) return;
    known = wider;
    waiting_.push_back(state);
  }
}

void GrammarMatcher::close() {
  while (!waiting_.empty()) {
    const uint32_t state = waiting_.back();
    waiting_.pop_back();
    const ContextId context = context_of_[state];
    if (grammar_.state(state).is_final) leave(context);
    for (const Grammar::Call& call : grammar_.calls(state)) add(call.start, push(call.return_state, context));
  }
}

void GrammarMatcher::leave(ContextId context) {
  const uint32_t begin = contexts_[context].begin;
  const uint32_t end = begin + contexts_[context].count;
  for (uint32_t i = begin; i < end; ++i) {
    const Item frame = frames_[i];
    if (frame.state != kEnd) {
      add(frame.state, frame.context);
    } else if (frame.context == kText) {
      accepts_ = true;
    } else {
      escapes_ = true;
    }
  }
}

PositionId GrammarMatcher::take_position() {
  std::sort(touched_.begin(), touched_.end());
  std::vector<Item> items;
  for (const uint32_t state : touched_) {
    if (!grammar_.bytes(state).empty()) items.push_back({state, context_of_[state]});
    context_of_[state] = kUnknown;
  }
  touched_.clear();
  return intern_position(items, std::exchange(accepts_, false), std::exchange(escapes_, false));
}

PositionId GrammarMatcher::intern_position(std::span<const Item> items, bool is_accepted, bool is_left) {
  std::vector<PositionId>& same_hash = position_ids_[hash_items(items, is_accepted + 2u * is_left)];
  for (const PositionId id : same_hash) {
    if (positions_[id].accepts == is_accepted && positions_[id].escapes == is_left && equal(this->items(id), items)) {
      return id;
    }
  }
  if (positions_.size() >= kMostEntries || items_.size() + items.size() > 4 * kMostEntries) {
    fail(ExitCode::failed, "the grammar is too ambiguous: following it takes more than {} positions", kMostEntries);
  }
  const auto id = static_cast<PositionId>(positions_.size());
  positions_.push_back(
      {static_cast<uint32_t>(items_.size()), static_cast<uint32_t>(items.size()), kNoRow, is_accepted, is_left});
  items_.insert(items_.end(), items.begin(), items.end());
  same_hash.push_back(id);
  return id;
}

// A rule that ends where its caller can only end too needs no frame: it ends in the caller's own context.
ContextId GrammarMatcher::push(uint32_t return_state, ContextId context) {
  if (grammar_.state(return_state).is_tail) return context;
  const Item frame{return_state, context};
  return intern({&frame, 1});
}

ContextId GrammarMatcher::unite(ContextId a, ContextId b) {
  if (a == b) return a;
  if (a == kTooDeep || b == kTooDeep) return std::min(a, b);
  const uint64_t key = uint64_t{std::min(a, b)} << 32 | std::max(a, b);
  if (const auto known = unions_.find(key); known != unions_.end()) return known->second;
  const std::vector<Item> left(frames(a).begin(), frames(a).end());
  const std::vector<Item> right(frames(b).begin(), frames(b).end());
  std::vector<Item> both;
  std::merge(left.begin(), left.end(), right.begin(), right.end(), std::back_inserter(both), by_state);
  std::vector<Item> frames;
  for (const Item& frame : both) {
    spend();
    if (frames.empty() || frames.back().state != frame.state) {
      frames.push_back(frame);
    } else {
      frames.back().context = unite(frames.back().context, frame.context);
    }
  }
  const ContextId united = intern(frames);
  unions_.emplace(key, united);
  return united;
}

ContextId GrammarMatcher::intern(std::span<const Item> frames) {
  spend();
  std::vector<ContextId>& same_hash = context_ids_[hash_items(frames, 0)];
  for (const ContextId id : same_hash) {
    if (equal(this->frames(id), frames)) return id;
  }
  uint32_t depth = 0;
  for (const Item& frame : frames) depth = std::max(depth, contexts_[frame.context].depth + 1);
  if (depth > GrammarLimits::kNesting) return kTooDeep;
  if (contexts_.size() >= kMostEntries || frames_.size() + frames.size() > 4 * kMostEntries) {
    fail(ExitCode::failed, "the grammar is too ambiguous: following it takes more than {} contexts", kMostEntries);
  }
  const auto id = static_cast<ContextId>(contexts_.size());
  contexts_.push_back({static_cast<uint32_t>(frames_.size()), static_cast<uint32_t>(frames.size()), depth});
  frames_.insert(frames_.end(), frames.begin(), frames.end());
  same_hash.push_back(id);
  return id;
}

void GrammarMatcher::spend() {
  if (steps_ == 0) {
    // What is half made must not leak into the next position.
    for (const uint32_t state : touched_) context_of_[state] = kUnknown;
    touched_.clear();
    waiting_.clear();
    accepts_ = escapes_ = false;
    fail(ExitCode::failed, "the grammar is too ambiguous: following it takes too many steps");
  }
  --steps_;
}

int GrammarMatcher::only_byte(PositionId position) const {
  if (accepts(position)) return -1;
  int only = -1;
  for (const Item& item : items(position)) {
    for (const Dfa::ByteEdge& edge : grammar_.bytes(item.state)) {
      if (edge.first != edge.last || (only >= 0 && only != edge.first)) return -1;
      only = edge.first;
    }
  }
  return only;
}

bool GrammarMatcher::is_full() const {
  return rows_.size() > kManyRows || positions_.size() > kManyEntries || contexts_.size() > kManyEntries ||
         frames_.size() > 4 * kManyEntries || items_.size() > 4 * kManyEntries;
}

// Contexts refer to older ones only, so ascending order meets each after what it needs.
PositionId GrammarMatcher::compact(PositionId keep) {
  const std::vector<Context> contexts = contexts_;
  const std::vector<Item> frames = frames_;
  std::vector<Item> items(this->items(keep).begin(), this->items(keep).end());
  const bool is_accepted = accepts(keep);
  std::vector<Item> first(this->items(start_).begin(), this->items(start_).end());
  const bool first_is_accepted = accepts(start_);
  std::vector<bool> is_needed(contexts.size(), false);
  for (const auto* position : {&items, &first}) {
    for (const Item& item : *position) is_needed[item.context] = true;
  }
  for (size_t id = contexts.size(); id-- > 2;) {
    if (!is_needed[id]) continue;
    for (uint32_t i = 0; i < contexts[id].count; ++i) is_needed[frames[contexts[id].begin + i].context] = true;
  }
  reset();
  std::vector<ContextId> renamed(contexts.size(), kText);
  renamed[kOutside] = kOutside;
  for (size_t id = 2; id < contexts.size(); ++id) {
    if (!is_needed[id]) continue;
    std::vector<Item> own(frames.begin() + contexts[id].begin,
                          frames.begin() + contexts[id].begin + contexts[id].count);
    for (Item& frame : own) frame.context = renamed[frame.context];
    renamed[id] = intern(own);
  }
  for (auto* position : {&items, &first}) {
    for (Item& item : *position) item.context = renamed[item.context];
  }
  start_ = intern_position(first, first_is_accepted, false);
  return intern_position(items, is_accepted, false);
}

size_t GrammarMatcher::memory_bytes() const {
  constexpr size_t kHashEntry = 64;
  return contexts_.capacity() * sizeof(Context) + (frames_.capacity() + items_.capacity()) * sizeof(Item) +
         positions_.capacity() * sizeof(Position) + rows_.capacity() * sizeof rows_[0] +
         (context_ids_.size() + unions_.size() + position_ids_.size()) * kHashEntry +
         context_of_.capacity() * sizeof(ContextId);
}

namespace {

PositionId follow(GrammarMatcher& matcher, std::string_view text) {
  PositionId at = matcher.start();
  for (const char byte : text) {
    if (at == GrammarMatcher::kDead) break;
    if (matcher.is_full()) at = matcher.compact(at);
    at = matcher.next(at, static_cast<uint8_t>(byte));
  }
  return at;
}

}  // namespace

bool matches(const Grammar& grammar, std::string_view text) {
  GrammarMatcher matcher(grammar);
  return matcher.accepts(follow(matcher, text));
}

bool is_viable_prefix(const Grammar& grammar, std::string_view text) {
  GrammarMatcher matcher(grammar);
  return follow(matcher, text) != GrammarMatcher::kDead;
}

}  // namespace thimble
