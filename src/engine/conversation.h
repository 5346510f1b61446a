// A chat: messages, rendered with the model's own template, answered on a session that keeps what it has already read.
#pragma once

#include <nlohmann/json.hpp>

#include <memory>
#include <string>
#include <string_view>

#include "engine/generate.h"
#include "engine/language_model.h"
#include "engine/session.h"
#include "text/chat_template.h"

namespace thimble {

class Conversation {
 public:
  // `template_source`: used instead of the file's own where not empty. Throws Error(bad_file) where there is neither, naming
  // --chat-template: a guessed template makes a model talk nonsense.
  Conversation(const LanguageModel& language_model, std::string_view template_source);

  void set_system(std::string_view text);  // empty: none
  void set_tools(nlohmann::ordered_json tools);
  void add(std::string role, std::string_view content);
  void remove_last();
  void clear();  // keeps the system prompt and tools

  const nlohmann::ordered_json& messages() const { return messages_; }
  // Replaces everything, e.g. from a saved file: an array of {"role", "content"}. Throws Error(bad_file).
  void load(const nlohmann::ordered_json& messages);

  std::string render(bool add_generation_prompt = true) const;
  // The rendered prompt as tokens: control tokens are recognised in what the template wrote, never in what a person wrote.
  std::vector<TokenId> prompt_tokens() const;
  size_t system_tokens() const;  // tokens of the prompt before the first message that is not the system's

  // Answers the last message and adds the answer to the messages.
  Generation answer(Session& session, Sampler& sampler, const GenerateOptions& options,
                    const GenerateCallbacks& callbacks);

 private:
  const LanguageModel& language_model_;
  std::string source_;  // where the template comes from, for messages
  std::shared_ptr<const ChatTemplate> template_;
  nlohmann::ordered_json messages_ = nlohmann::ordered_json::array();
  nlohmann::ordered_json tools_ = nullptr;
};

}  // namespace thimble
