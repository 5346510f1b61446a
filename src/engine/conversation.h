// A chat: messages, rendered with the model's own template, answered on a session that keeps what it has already read.
#pragma once

#include <nlohmann/json.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "engine/generate.h"
#include "engine/language_model.h"
#include "engine/session.h"
#include "text/chat_template.h"
#include "text/tool_calls.h"

namespace thimble {

// An answer, and the same taken apart where there are tools: what it says, what it thought, which tools it calls. Without
// tools the parts are empty.
struct ChatAnswer : Generation {
  AnswerParts parts;
};

// A conversation as the model reads it.
struct ChatPrompt {
  std::string text;
  std::vector<TokenId> tokens;
};

class Conversation {
 public:
  // `template_source`: used instead of the file's own where not empty. Throws Error(bad_file) where there is neither, naming
  // --chat-template: a guessed template makes a model talk nonsense.
  Conversation(const LanguageModel& language_model, std::string_view template_source);

  void set_system(std::string_view text);  // empty: none
  // An array of tools in OpenAI's form, {"type": "function", "function": {"name", "description", "parameters"}}, or of what
  // is under "function" alone; empty: none. Throws Error(bad_file) for anything else, and where the template has no place
  // for tools.
  void set_tools(const nlohmann::ordered_json& tools);
  bool has_tools() const { return !tools_.is_null(); }
  // An object with what the template sees besides, such as {"enable_thinking": false}. Throws Error(bad_file).
  void set_variables(const nlohmann::ordered_json& variables);
  void add(std::string role, std::string_view content);
  // What the tool returned that the model has called and that has no result yet, the first one first; false while more
  // results are missing. Throws Error(usage) where no call waits for one.
  bool add_tool_result(std::string_view content);
  void remove_last();
  void clear();  // keeps the system prompt and tools

  const nlohmann::ordered_json& messages() const { return messages_; }
  // Replaces everything, e.g. from a saved file: an array of messages, each with a "role" and a "content", which is a text or a
  // list of parts, or null beside "tool_calls". Throws Error(bad_file).
  void load(const nlohmann::ordered_json& messages);

  std::string render(bool add_generation_prompt = true) const;
  // The rendered prompt as tokens: control tokens are recognised in what the template wrote, never in what a person or a tool
  // wrote, be it a message, an argument, a result, a description or a name.
  std::vector<TokenId> prompt_tokens() const { return make_prompt().tokens; }
  ChatPrompt make_prompt() const;
  // The same of the conversation as it stands, without the beginning of an answer.
  std::vector<TokenId> whole_tokens() const;
  // Tokens of the prompt before the first message that is not the system's: what the template writes there, system prompt and tools.
  size_t system_tokens() const;

  // Answers the last message and adds the answer to the messages. With tools, `callbacks` are told what the answer says
  // and nothing of calls and reasoning; text has all of it. With `on_reasoning` an answer is taken apart without tools too, and what it
  // thinks goes there.
  using OnText = std::function<void(std::string_view text)>;
  ChatAnswer answer(Session& session, Sampler& sampler, const GenerateOptions& options,
                    const GenerateCallbacks& callbacks, const OnText& on_reasoning = {});
  // The same with make_prompt()'s outcome.
  ChatAnswer answer(Session& session, const ChatPrompt& prompt, Sampler& sampler, const GenerateOptions& options,
                    const GenerateCallbacks& callbacks, const OnText& on_reasoning = {});

 private:
  // A prompt, and where in it no control token may begin or go on.
  struct Prompt {
    std::string text;
    std::vector<size_t> barred;
  };
  Prompt prompt(bool add_generation_prompt) const;
  std::vector<TokenId> tokens_of(const Prompt& prompt) const;
  std::vector<TokenId> tag_tokens() const;
  void give_tools_to_system_message(nlohmann::ordered_json& messages) const;
  void add_answer(AnswerParts& parts);

  const LanguageModel& language_model_;
  std::string source_;  // where the template comes from, for messages
  std::shared_ptr<const ChatTemplate> template_;
  nlohmann::ordered_json messages_ = nlohmann::ordered_json::array();
  nlohmann::ordered_json tools_ = nullptr;
  nlohmann::ordered_json variables_ = nlohmann::ordered_json::object();
  AnswerSyntax syntax_;
  bool tools_in_message_ = false;  // the template reads them from the system message, as text
  bool has_place_for_tools_ = false;
};

}  // namespace thimble
