#include "engine/prompt_lookup.h"

#include <algorithm>

#include "text/hash.h"

namespace thimble {
namespace {

constexpr size_t kRun = 3;            // tokens that must have stood there before
constexpr size_t kLongestMatch = 32;  // and as many as are compared
constexpr size_t kPlacesCompared = 32;
constexpr size_t kTrial = 6;        // passes with drafts before they are judged
constexpr size_t kFirstPause = 16;  // passes
constexpr size_t kLongestPause = 512;
constexpr double kForget = 0.8;

}  // namespace

uint64_t PromptLookup::key_before(std::span<const TokenId> tokens, size_t end) {
  uint64_t key = 0;
  for (size_t i = end - kRun; i < end; ++i) key = mix(key ^ static_cast<uint32_t>(tokens[i]));
  return key;
}

void PromptLookup::index(std::span<const TokenId> tokens) {
  // The last run is the one that is looked for: it joins with the next tokens.
  for (size_t end = std::max(earlier_.size(), kRun); end < tokens.size(); ++end) {
    earlier_.resize(end + 1);
    uint32_t& latest = ends_[key_before(tokens, end)];
    earlier_[end] = latest;
    latest = static_cast<uint32_t>(end);
  }
}

// The end of the earlier run that shares most with the end of `tokens`, the latest of several; 0: none.
size_t PromptLookup::find(std::span<const TokenId> tokens, size_t& length) const {
  const auto found = ends_.find(key_before(tokens, tokens.size()));
  size_t best = 0;
  length = kRun - 1;
  if (found == ends_.end()) return 0;
  size_t places = 0;
  for (size_t end = found->second; end != 0 && places < kPlacesCompared; end = earlier_[end], ++places) {
    size_t same = 0;
    while (same < std::min(end, kLongestMatch) && tokens[end - 1 - same] == tokens[tokens.size() - 1 - same]) ++same;
    if (same > length) {
      best = end;
      length = same;
    }
  }
  return best;
}

std::span<const TokenId> PromptLookup::propose(std::span<const TokenId> tokens, size_t room) {
  index(tokens);
  if (pause_ > 0) {
    --pause_;
    return {};
  }
  if (tokens.size() <= kRun || plain_seconds_ == 0) return {};  // no pass to compare with yet
  size_t match;
  const size_t at = find(tokens, match);
  if (at == 0) return {};
  const size_t count = std::min({length_, room, match, tokens.size() - at});
  draft_.assign(tokens.begin() + static_cast<std::ptrdiff_t>(at),
                tokens.begin() + static_cast<std::ptrdiff_t>(at + count));
  return draft_;
}

void PromptLookup::note_pass(size_t drafted, size_t accepted, double seconds) {
  if (drafted == 0) {
    plain_seconds_ = plain_seconds_ == 0 ? seconds : kForget * plain_seconds_ + (1 - kForget) * seconds;
    return;
  }
  // A draft that was right to its end may be longer the next time, one that was not is cut to what was right and one more.
  length_ = accepted == drafted ? std::min(most_, length_ * 2) : std::max<size_t>(accepted + 1, 2);
  draft_seconds_ = kForget * draft_seconds_ + seconds;
  draft_tokens_ = kForget * draft_tokens_ + static_cast<double>(accepted + 1);
  if (++draft_passes_ % kTrial == 0) judge();
}

// Where tokens come slower with drafts than without, there are none for a while, longer each time.
void PromptLookup::judge() {
  if (draft_tokens_ * plain_seconds_ >= draft_seconds_) {
    next_pause_ = 0;
    return;
  }
  next_pause_ = next_pause_ == 0 ? kFirstPause : std::min(next_pause_ * 2, kLongestPause);
  pause_ = next_pause_;
  draft_seconds_ = draft_tokens_ = 0;
}

}  // namespace thimble
