// Watches the choice of a call's tokens under the constraint of tool_grammar.h: which name it will be, how probable it is among all names
// however they are split into tokens, and whether it should rather be none.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "assist/calibration.h"
#include "engine/generate.h"
#include "text/token_constraint.h"
#include "text/tokenizer.h"

namespace thimble {

class CallChoice {
 public:
  // `names`: of the tools that may be called, and at the end the empty one, for none. `priors`: what is known of them before the model is
  // asked, each above 0 and all summing to 1; the model's probabilities are multiplied by them. The first two must outlive it.
  CallChoice(const Tokenizer& tokenizer, TokenConstraint& constraint, const std::vector<std::string>& names,
             std::vector<double> priors, double none_threshold);

  // For GenerateCallbacks::on_choice.
  TokenId choose(std::span<const float> logits, std::span<const TokenId> answer, TokenId sampled);

  // When the call is complete; `name` is the one chosen, empty for none.
  CallProbabilities probabilities(std::string_view name) const;

 private:
  struct Option {
    TokenId id;
    double probability;
    std::string piece;
  };
  // A choice at which more than one name was still possible.
  struct NameStep {
    std::string before;
    std::vector<Option> options;
  };

  static bool agree(std::string_view text, std::string_view target);
  std::vector<Option> name_options(std::span<const float> logits, std::string_view before) const;
  double prior_of(std::string_view text) const;
  double log_probability(std::span<const float> logits, TokenId chosen);
  TokenId choose_name(NameStep step, TokenId sampled);
  double probability_of(std::string_view target) const;

  const Tokenizer& tokenizer_;
  TokenConstraint& constraint_;
  double none_threshold_;
  std::vector<std::string> targets_;  // the beginning of each name's call, none's at the end
  std::vector<double> priors_;        // of each
  std::vector<NameStep> name_steps_;
  double none_ = 0;
  double log_arguments_ = 0;
};

}  // namespace thimble
