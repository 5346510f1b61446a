#include "assist/call_choice.h"

#include <algorithm>
#include <cmath>

#include "text/tool_grammar.h"
#include "text/tool_list.h"

namespace thimble {
namespace {

constexpr double kNegligible = 1e-7;  // share of probability
constexpr float kFar = 24;            // logits below the best one: exp(-24) is 4e-11

std::string beginning_of_call(std::string_view name) {
  return "{\"name\": " + spaced_json(std::string(name.empty() ? kNoTool : name)) + ", \"arguments\": {";
}

// Calls `take(id, logit)` for every token of the mask.
template <class Take>
void for_each_allowed(const TokenMask& mask, std::span<const float> logits, Take take) {
  const std::span<const uint64_t> words = mask.words();
  for (size_t i = 0; i < words.size(); ++i) {
    for (uint64_t word = words[i]; word != 0; word &= word - 1) {
      const size_t id = i * 64 + static_cast<size_t>(__builtin_ctzll(word));
      if (id < logits.size()) take(static_cast<TokenId>(id), logits[id]);
    }
  }
}

double log_sum(const TokenMask& mask, std::span<const float> logits) {
  float best = -INFINITY;
  for_each_allowed(mask, logits, [&](TokenId, float logit) { best = std::max(best, logit); });
  double sum = 0;
  for_each_allowed(mask, logits, [&](TokenId, float logit) {
    if (best - logit < kFar) sum += std::exp(static_cast<double>(logit - best));
  });
  return static_cast<double>(best) + std::log(sum);
}

}  // namespace

CallChoice::CallChoice(const Tokenizer& tokenizer, TokenConstraint& constraint, const std::vector<std::string>& names,
                       std::vector<double> priors, double none_threshold)
    : tokenizer_(tokenizer), constraint_(constraint), none_threshold_(none_threshold), priors_(std::move(priors)) {
  for (const std::string& name : names) targets_.push_back(beginning_of_call(name));
}

// Whether one may still become the other.
bool CallChoice::agree(std::string_view text, std::string_view target) {
  const size_t shared = std::min(text.size(), target.size());
  return text.substr(0, shared) == target.substr(0, shared);
}

// How probable the names are together that `text` may become.
double CallChoice::prior_of(std::string_view text) const {
  double sum = 0;
  for (size_t i = 0; i < targets_.size(); ++i) sum += agree(text, targets_[i]) ? priors_[i] : 0;
  return std::max(sum, kNegligible);  // of a spelling that is not ours
}

std::vector<CallChoice::Option> CallChoice::name_options(std::span<const float> logits, std::string_view before) const {
  const TokenMask& mask = constraint_.mask();
  const double total = log_sum(mask, logits);
  std::vector<Option> options;
  double sum = 0;
  for_each_allowed(mask, logits, [&](TokenId id, float logit) {
    const double probability = std::exp(static_cast<double>(logit) - total);
    if (probability < kNegligible) return;
    Option option{id, probability, tokenizer_.piece(id)};
    option.probability *= prior_of(std::string(before) + option.piece);
    sum += option.probability;
    options.push_back(std::move(option));
  });
  for (Option& option : options) option.probability /= sum;
  return options;
}

double CallChoice::log_probability(std::span<const float> logits, TokenId chosen) {
  return static_cast<double>(logits[static_cast<size_t>(chosen)]) - log_sum(constraint_.mask(), logits);
}

TokenId CallChoice::choose(std::span<const float> logits, std::span<const TokenId> answer, TokenId sampled) {
  std::string text;
  for (const TokenId token : answer) text += tokenizer_.piece(token);
  const auto possible = std::ranges::count_if(targets_, [&](const std::string& target) { return agree(text, target); });
  if (possible > 1) {
    std::vector<Option> options = name_options(logits, text);
    return choose_name({std::move(text), std::move(options)}, sampled);
  }
  // The rest of a name's spelling is no choice.
  const bool is_behind_name =
      std::ranges::any_of(targets_, [&](const std::string& target) { return text.starts_with(target); });
  if (is_behind_name) log_arguments_ += log_probability(logits, sampled);
  return sampled;
}

// The most probable token; but where the ways of none and of the tools part, of the side that has more probability together.
TokenId CallChoice::choose_name(NameStep step, TokenId sampled) {
  const std::string_view none = targets_.back();
  const auto leads_to_tool = [&](const Option& option) {
    return std::any_of(targets_.begin(), targets_.end() - 1,
                       [&](const std::string& target) { return agree(step.before + option.piece, target); });
  };
  double none_share = 0;
  const Option* best_none = nullptr;
  const Option* best_tool = nullptr;
  for (const Option& option : step.options) {
    const bool is_none = agree(step.before + option.piece, none) && !leads_to_tool(option);
    const Option*& best = is_none ? best_none : best_tool;
    if (best == nullptr || option.probability > best->probability) best = &option;
    none_share += is_none ? option.probability : 0;
  }
  none_ = std::max(none_, none_share);
  const bool is_none = best_none != nullptr && (best_tool == nullptr || none_share > none_threshold_);
  const Option* taken = is_none ? best_none : best_tool;
  const TokenId token = taken != nullptr ? taken->id : sampled;
  name_steps_.push_back(std::move(step));
  return token;
}

double CallChoice::probability_of(std::string_view target) const {
  double probability = 1;
  for (const NameStep& step : name_steps_) {
    if (!agree(step.before, target)) break;
    double share = 0;
    for (const Option& option : step.options) {
      if (agree(step.before + option.piece, target)) share += option.probability;
    }
    probability *= share;
  }
  return probability;
}

CallProbabilities CallChoice::probabilities(std::string_view name) const {
  return {std::min(none_, 1.0), std::min(probability_of(beginning_of_call(name)), 1.0), std::exp(log_arguments_)};
}

}  // namespace thimble
