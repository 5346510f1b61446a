// The prompt for a command under a budget of tokens: what to do, the tools as signatures, examples, the command. What comes before
// the examples is the same for every command, so a session reads it once. Nothing of a person's text becomes a control token.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "assist/command_examples.h"
#include "assist/tool_signatures.h"
#include "assist/word_overlap.h"
#include "engine/conversation.h"
#include "engine/language_model.h"
#include "text/tool_list.h"

namespace thimble {

enum class ShotChoice : uint8_t { similar, fixed };

struct CommandPromptOptions {
  std::string system;  // in place of kCommandInstructions where not empty
  size_t shots = 0;
  ShotChoice shot_choice = ShotChoice::similar;
  size_t context_length = 0;
  size_t answer_tokens = 0;  // kept free for the call
};

// What a prompt had to do without.
struct CommandPrompt {
  std::vector<TokenId> tokens;
  std::vector<size_t> tools;  // those shown, by index
  SignatureDetail detail{};
  size_t shots = 0;
};

class CommandPrompter {
 public:
  // The references must outlive it. A model without a chat template gets the prompt as plain text.
  CommandPrompter(const LanguageModel& language_model, const ToolList& tools, const CommandExamples& examples,
                  CommandPromptOptions options);

  // Leaves out, in this order, until it fits: what arguments mean, what tools do, examples (the least alike first), tools (those that share
  // no words with the command first). Throws Error(failed) with the counts where it is still too long.
  CommandPrompt make(std::string_view command) const;

  // As `make` starts from: how every command's prompt begins.
  SignatureDetail detail() const { return detail_; }
  bool shows_all_tools() const { return shows_all_tools_; }

 private:
  using Shots = std::vector<const CommandExample*>;
  size_t room() const { return options_.context_length - options_.answer_tokens; }
  std::string instructions(const std::vector<size_t>& tools, SignatureDetail detail) const;
  std::vector<TokenId> tokens(const std::string& system, const Shots& shots, std::string_view command) const;
  std::vector<TokenId> plain_tokens(const std::string& system, const Shots& shots, std::string_view command) const;
  std::vector<TokenId> chat_tokens(const std::string& system, const Shots& shots, std::string_view command) const;
  Shots shots_for(std::string_view command) const;
  void settle_detail();
  bool takes_system_message() const;
  std::optional<CommandPrompt> with_fewer_tools(std::string_view command, Shots shots) const;
  std::vector<size_t> ranked_tools(std::string_view command, const Shots& shots) const;

  const LanguageModel& language_model_;
  const ToolList& tools_;
  const CommandExamples& examples_;
  CommandPromptOptions options_;
  std::unique_ptr<const Conversation> conversation_;  // empty; null for a model without a template
  bool has_system_message_ = false;
  std::vector<size_t> all_tools_;
  std::unique_ptr<const WordOverlap> overlap_;  // of the tools
  Shots fixed_shots_;
  SignatureDetail detail_ = SignatureDetail::full;
  bool shows_all_tools_ = true;
};

}  // namespace thimble
