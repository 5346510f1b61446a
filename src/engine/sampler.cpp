#include "engine/sampler.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace thimble {
namespace {

void require(bool ok, const char* flag, double found, const char* expected) {
  if (!ok) fail(ExitCode::usage, "{} {}: expected {}", flag, found, expected);
}

// How many candidates may turn out not to be allowed before the whole vocabulary is looked at.
constexpr size_t kSpareCandidates = 24;

}  // namespace

bool Sampler::is_before(const Candidate& a, const Candidate& b) {
  return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
}

Sampler::Sampler(const SamplerOptions& options) : options_(options), random_(options.seed) {
  const auto in = [](float value, float low, float high) { return value >= low && value <= high; };
  require(in(options.temperature, 0, 100), "--temp", options.temperature, "0 to 100");
  require(in(options.top_p, 0, 1), "--top-p", options.top_p, "0 to 1");
  require(in(options.min_p, 0, 1), "--min-p", options.min_p, "0 to 1");
  require(in(options.repeat_penalty, 0.01f, 100), "--repeat-penalty", options.repeat_penalty, "0.01 to 100");
  require(in(options.presence_penalty, -100, 100), "--presence-penalty", options.presence_penalty, "-100 to 100");
  require(in(options.frequency_penalty, -100, 100), "--frequency-penalty", options.frequency_penalty, "-100 to 100");
}

TokenId Sampler::sample(std::span<const float> logits, std::span<const TokenId> history, TokenConstraint* constraint) {
  gather(logits, history);
  if (options_.temperature == 0) {
    TokenId best = most_probable();
    if (constraint == nullptr || constraint->allows(best)) return best;
    keep_allowed(*constraint);
    return most_probable();
  }
  if (constraint != nullptr && !keep_allowed_best(*constraint)) keep_allowed(*constraint);
  keep_most_probable();
  return draw();
}

// Of equal logits the lowest id, whatever the order of the candidates.
TokenId Sampler::most_probable() const {
  const auto is_worse = [](const Candidate& a, const Candidate& b) {
    return a.logit < b.logit || (a.logit == b.logit && a.id > b.id);
  };
  return std::max_element(candidates_.begin(), candidates_.end(), is_worse)->id;
}

// The top k of what is allowed, where they are all among the first few candidates: asking about these is cheaper than
// a mask over the vocabulary, and the outcome the same.
bool Sampler::keep_allowed_best(TokenConstraint& constraint) {
  const size_t asked = options_.top_k + kSpareCandidates;
  if (options_.top_k == 0 || asked >= candidates_.size()) return false;
  std::partial_sort(candidates_.begin(), candidates_.begin() + static_cast<std::ptrdiff_t>(asked), candidates_.end(),
                    is_before);
  std::vector<Candidate> kept;
  for (size_t i = 0; i < asked && kept.size() < options_.top_k; ++i) {
    if (i - kept.size() > kSpareCandidates) break;
    if (constraint.allows(candidates_[i].id)) kept.push_back(candidates_[i]);
  }
  if (kept.size() < options_.top_k) return false;
  candidates_ = std::move(kept);
  return true;
}

void Sampler::keep_allowed(TokenConstraint& constraint) {
  const TokenMask& mask = constraint.mask();
  std::erase_if(candidates_, [&](const Candidate& candidate) { return !mask.contains(candidate.id); });
  if (candidates_.empty()) fail(ExitCode::failed, "the grammar cannot be completed: no token of the vocabulary fits");
}

void Sampler::gather(std::span<const float> logits, std::span<const TokenId> history) {
  candidates_.resize(logits.size());
  for (size_t i = 0; i < logits.size(); ++i) candidates_[i] = {static_cast<TokenId>(i), logits[i]};
  for (const auto& [id, bias] : options_.logit_bias) candidates_[static_cast<size_t>(id)].logit += bias;
  if (options_.repeat_penalty == 1 && options_.presence_penalty == 0 && options_.frequency_penalty == 0) return;
  const size_t count = std::min<size_t>(options_.repeat_last_n, history.size());
  std::vector<TokenId> recent(history.end() - static_cast<std::ptrdiff_t>(count), history.end());
  std::sort(recent.begin(), recent.end());
  for (size_t i = 0, end = 0; i < recent.size(); i = end) {
    while (end < recent.size() && recent[end] == recent[i]) ++end;
    float& logit = candidates_[static_cast<size_t>(recent[i])].logit;
    logit = logit > 0 ? logit / options_.repeat_penalty : logit * options_.repeat_penalty;
    logit -= options_.presence_penalty + options_.frequency_penalty * static_cast<float>(end - i);
  }
}

// top-k, then top-p, then min-p; the candidates end sorted, most probable first.
void Sampler::keep_most_probable() {
  const size_t k = options_.top_k == 0 ? candidates_.size() : std::min<size_t>(options_.top_k, candidates_.size());
  std::partial_sort(candidates_.begin(), candidates_.begin() + static_cast<std::ptrdiff_t>(k), candidates_.end(),
                    is_before);
  candidates_.resize(k);
  const float best = candidates_.front().logit;
  double sum = 0;
  for (const Candidate& c : candidates_) sum += std::exp(static_cast<double>(c.logit - best));
  double reached = 0;
  size_t kept = 0;
  while (kept < candidates_.size()) {
    const double weight = std::exp(static_cast<double>(candidates_[kept].logit - best));
    if (kept > 0 && (reached >= options_.top_p * sum || weight < options_.min_p)) break;
    reached += weight;
    ++kept;
  }
  candidates_.resize(kept);
}

TokenId Sampler::draw() {
  const float best = candidates_.front().logit;
  std::vector<double> weights(candidates_.size());
  double sum = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    weights[i] = std::exp(static_cast<double>(candidates_[i].logit - best) / options_.temperature);
    sum += weights[i];
  }
  // 53 random bits make a double in [0, 1): the library's own distributions differ from one implementation to another.
  double left = static_cast<double>(random_() >> 11) * 0x1p-53 * sum;
  for (size_t i = 0; i < weights.size(); ++i) {
    left -= weights[i];
    if (left < 0) return candidates_[i].id;
  }
  return candidates_.back().id;
}

}  // namespace thimble
