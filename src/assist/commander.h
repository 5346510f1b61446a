// Commands in a person's words become calls of tools: `thimble command`.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "assist/calibration.h"
#include "assist/command_prompt.h"
#include "engine/session.h"

namespace thimble {

struct CommandOptions {
  std::string system;  // in place of the usual instructions where not empty
  size_t shots = 0;
  ShotChoice shot_choice = ShotChoice::similar;
  bool is_constrained = true;
  double min_confidence = 0;  // less sure calls become the call of none
  CallCalibration calibration;
};

struct CommandAnswer {
  // False where the answer is no call and there is only its text: without a constraint, or where it did not end in the room for it.
  bool is_valid = true;
  std::optional<std::string> name;  // nullopt: none
  nlohmann::ordered_json arguments = nlohmann::ordered_json::object();
  bool confirm = false;              // a person has to confirm it
  std::optional<double> confidence;  // nullopt without a constraint
  CallProbabilities probabilities;
  bool is_withheld = false;  // the model called a tool, but was less sure than min_confidence
  CommandPrompt prompt;
  Generation generation;
};

// {"name", "arguments", "confidence", "confirm"}, and "withheld" where it is; a name of null is none.
nlohmann::ordered_json to_json(const CommandAnswer& answer);

class Commander {
 public:
  static constexpr size_t kMostCommandBytes = 16 << 10;

  // All must outlive it. Throws Error(failed) where the context has no room for a call and one tool.
  // `trie`: of the model's vocabulary, where there is one already.
  Commander(const LanguageModel& language_model, Session& session, const ToolList& tools,
            const CommandExamples& examples, const CommandOptions& options,
            std::shared_ptr<const VocabularyTrie> trie = nullptr);

  // What can be known of a command before a model runs: Error(usage) for one that is empty, no UTF-8 or longer than kMostCommandBytes.
  static void check(std::string_view command);
  // Each reads only what the session does not hold yet. Throws Error as check and CommandPrompter::make do.
  CommandAnswer answer(std::string_view command, const GenerateCallbacks& callbacks = {});

  const CommandPrompter& prompter() const { return prompter_; }

 private:
  TokenConstraint& constraint_for(const std::vector<size_t>& tools);
  void run_constrained(CommandAnswer& answer, std::string_view command, const GenerateCallbacks& callbacks);
  void run_free(CommandAnswer& answer, const GenerateCallbacks& callbacks);
  void take_call(CommandAnswer& answer, nlohmann::ordered_json call) const;
  CommandPromptOptions prompt_options() const;

  const LanguageModel& language_model_;
  Session& session_;
  const ToolList& tools_;
  const CommandExamples& examples_;
  CommandOptions options_;
  CommandPrompter prompter_;
  std::shared_ptr<const VocabularyTrie> trie_;
  std::vector<size_t> constrained_tools_;  // of constraint_
  std::unique_ptr<TokenConstraint> constraint_;
};

}  // namespace thimble
