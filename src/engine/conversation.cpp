#include "engine/conversation.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/utf8.h"
#include "engine/marked_text.h"

namespace thimble {
namespace {

using Json = nlohmann::ordered_json;

// Set for every template; not to be overruled.
constexpr std::array<std::string_view, 5> kOwnVariables = {"messages", "tools", "add_generation_prompt", "bos_token",
                                                           "eos_token"};

std::string_view template_of(const LanguageModel& language_model, std::string_view given) {
  if (!given.empty()) return given;
  const Gguf& gguf = language_model.gguf();
  if (const auto own = gguf.string("tokenizer.chat_template")) return *own;
  fail(ExitCode::bad_file,
       "{}: the file has no chat template (tokenizer.chat_template); give one with --chat-template FILE, or use "
       "'thimble generate' for plain continuation",
       gguf.path());
}

// Runs `step` and says in front of a template's fault where the template comes from.
template <class Step>
auto with_source(const std::string& source, Step&& step) {
  try {
    return step();
  } catch (const Error& error) {
    throw Error(error.code(), source + ": " + error.what());
  }
}

// A tool in OpenAI's form.
Json tool_of(const Json& given, size_t index) {
  const bool is_whole = given.is_object() && given.contains("function");
  const Json& function = is_whole ? given["function"] : given;
  const bool has_name = function.is_object() && function.contains("name") && function["name"].is_string();
  if (!has_name) {
    fail(ExitCode::bad_file,
         "tool {}: expected {{\"type\": \"function\", \"function\": {{\"name\": ..., \"parameters\": ...}}}}", index);
  }
  return is_whole ? given : Json{{"type", "function"}, {"function", function}};
}

bool is_message(const Json& message) {
  if (!message.is_object() || !message.contains("role") || !message["role"].is_string()) return false;
  const bool has_calls = message.contains("tool_calls") && message["tool_calls"].is_array();
  if (!message.contains("content")) return has_calls;
  const Json& content = message["content"];
  return content.is_string() || content.is_array() || (content.is_null() && has_calls);
}

std::string token_text(const Tokenizer& tokenizer, std::optional<TokenId> id) {
  return id ? to_valid_utf8(tokenizer.token_text(*id)) : std::string();
}

}  // namespace

Conversation::Conversation(const LanguageModel& language_model, std::string_view template_source)
    : language_model_(language_model),
      source_(template_source.empty() ? printable(language_model.gguf().path()) : "--chat-template") {
  const std::string_view text = template_of(language_model, template_source);
  template_ = with_source(source_, [&] { return std::make_shared<const ChatTemplate>(text); });
  syntax_ = AnswerSyntax::of_template(text);
  has_place_for_tools_ = text.find("tools") != text.npos;
  tools_in_message_ = text.find("message['tools']") != text.npos;
}

void Conversation::set_system(std::string_view text) {
  if (!messages_.empty() && messages_[0]["role"] == "system") messages_.erase(0);
  if (text.empty()) return;
  nlohmann::ordered_json message = {{"role", "system"}, {"content", clean_text(text)}};
  messages_.insert(messages_.begin(), std::move(message));
}

void Conversation::set_tools(const Json& tools) {
  if (!tools.is_array()) fail(ExitCode::bad_file, "tools are a JSON array, found {}", tools.type_name());
  tools_ = nullptr;
  if (tools.empty()) return;
  if (!has_place_for_tools_) {
    fail(ExitCode::bad_file, "{}: the chat template has no place for tools; give another one with --chat-template",
         source_);
  }
  Json clean = Json::array();
  for (const Json& tool : tools) clean.push_back(tool_of(clean_json(tool, "tools"), clean.size()));
  tools_ = std::move(clean);
}

void Conversation::set_variables(const Json& variables) {
  if (!variables.is_object()) {
    fail(ExitCode::bad_file, "variables of the chat template are a JSON object, found {}", variables.type_name());
  }
  for (const std::string_view name : kOwnVariables) {
    if (variables.contains(std::string(name))) {
      fail(ExitCode::bad_file, "the chat template's variable '{}' cannot be set", name);
    }
  }
  variables_ = clean_json(variables, "variables of the chat template");
}

void Conversation::add(std::string role, std::string_view content) {
  messages_.push_back({{"role", std::move(role)}, {"content", clean_text(content)}});
}

bool Conversation::add_tool_result(std::string_view content) {
  // The calls of the last message that has some, less the results behind it.
  size_t at = messages_.size();
  while (at > 0 && messages_[at - 1]["role"] == "tool") --at;
  const size_t given = messages_.size() - at;
  const bool has_calls =
      at > 0 && messages_[at - 1].contains("tool_calls") && messages_[at - 1]["tool_calls"].is_array();
  const size_t count = has_calls ? messages_[at - 1]["tool_calls"].size() : 0;
  if (given >= count) fail(ExitCode::usage, "no tool was called that waits for its result");
  const Json call = messages_[at - 1]["tool_calls"][given];
  Json message = {{"role", "tool"}};
  if (call.is_object()) {
    if (call.contains("id")) message["tool_call_id"] = call["id"];
    if (call.contains("function") && call["function"].is_object()) message["name"] = call["function"].value("name", "");
  }
  message["content"] = clean_text(content);
  messages_.push_back(std::move(message));
  return given + 1 == count;
}

void Conversation::remove_last() {
  if (!messages_.empty()) messages_.erase(messages_.size() - 1);
}

void Conversation::clear() {
  const bool has_system = !messages_.empty() && messages_[0]["role"] == "system";
  messages_.erase(messages_.begin() + (has_system ? 1 : 0), messages_.end());
}

void Conversation::load(const Json& messages) {
  if (!messages.is_array())
    fail(ExitCode::bad_file, "a conversation is a JSON array of messages, found {}", messages.type_name());
  Json loaded = Json::array();
  for (const Json& message : messages) {
    if (!is_message(message)) {
      fail(ExitCode::bad_file,
           "message {} of the conversation: expected an object with a \"role\", and a \"content\" that is a text or a "
           "list "
           "of parts, or \"tool_calls\"",
           loaded.size());
    }
    loaded.push_back(clean_json(message, "a message"));
  }
  messages_ = std::move(loaded);
}

Conversation::Prompt Conversation::prompt(bool add_generation_prompt) const {
  const Tokenizer& tokenizer = language_model_.tokenizer();
  Marker marker(tokenizer);
  Json context = marker.mark(variables_);
  Json messages = messages_;
  if (has_tools() && tools_in_message_) give_tools_to_system_message(messages);
  context["messages"] = marker.mark(messages);
  context["tools"] = marker.mark(tools_);
  context["add_generation_prompt"] = add_generation_prompt;
  context["bos_token"] = token_text(tokenizer, tokenizer.bos());
  context["eos_token"] = token_text(tokenizer, tokenizer.eos());
  Prompt prompt;
  prompt.text = with_source(source_, [&] { return template_->render(context); });
  prompt.barred = marker.take_from(prompt.text);
  return prompt;
}

void Conversation::give_tools_to_system_message(Json& messages) const {
  if (messages.empty() || messages[0]["role"] != "system") {
    messages.insert(messages.begin(), Json{{"role", "system"}, {"content", ""}});
  }
  Json functions = Json::array();
  for (const Json& tool : tools_) functions.push_back(tool["function"]);
  messages[0]["tools"] = functions.dump();
}

std::string Conversation::render(bool add_generation_prompt) const { return prompt(add_generation_prompt).text; }

ChatPrompt Conversation::make_prompt() const {
  Prompt prompt = this->prompt(true);
  std::vector<TokenId> tokens = tokens_of(prompt);
  return {std::move(prompt.text), std::move(tokens)};
}

std::vector<TokenId> Conversation::whole_tokens() const { return tokens_of(prompt(false)); }

std::vector<TokenId> Conversation::tokens_of(const Prompt& prompt) const {
  if (prompt.text.empty()) fail(ExitCode::bad_file, "{}: the chat template wrote nothing", source_);
  const Tokenizer& tokenizer = language_model_.tokenizer();
  // Most templates write the BOS themselves; it must not stand there twice.
  const std::string bos = token_text(tokenizer, tokenizer.bos());
  const bool has_bos = !bos.empty() && prompt.text.starts_with(bos);
  return tokenizer.encode(prompt.text, {.add_special = !has_bos, .parse_special = true, .barred = prompt.barred});
}

size_t Conversation::system_tokens() const {
  if (messages_.empty()) return 0;
  // What a prompt shares with one whose question begins otherwise.
  const std::vector<TokenId> prompt = prompt_tokens();
  Conversation other = *this;
  other.clear();
  other.add("user", "?");
  const std::vector<TokenId> short_prompt = other.prompt_tokens();
  const auto end = std::mismatch(prompt.begin(), prompt.end(), short_prompt.begin(), short_prompt.end()).first;
  return static_cast<size_t>(end - prompt.begin());
}

// The control tokens among the tags of calls and reasoning, which are otherwise not shown.
std::vector<TokenId> Conversation::tag_tokens() const {
  const Tokenizer& tokenizer = language_model_.tokenizer();
  std::vector<TokenId> tokens;
  for (const std::string_view tag : syntax_.tags()) {
    for (const TokenId token : tokenizer.encode(tag, {.add_special = false, .parse_special = true})) {
      if (tokenizer.type(token) == TokenType::control) tokens.push_back(token);
    }
  }
  return tokens;
}

ChatAnswer Conversation::answer(Session& session, Sampler& sampler, const GenerateOptions& options,
                                const GenerateCallbacks& callbacks, const OnText& on_reasoning) {
  return answer(session, make_prompt(), sampler, options, callbacks, on_reasoning);
}

ChatAnswer Conversation::answer(Session& session, const ChatPrompt& prompt, Sampler& sampler,
                                const GenerateOptions& options, const GenerateCallbacks& callbacks,
                                const OnText& on_reasoning) {
  const Tokenizer& tokenizer = language_model_.tokenizer();
  if (!has_tools() && !on_reasoning) {
    ChatAnswer answer{generate(session, tokenizer, prompt.tokens, sampler, options, callbacks), {}};
    add("assistant", answer.text);
    return answer;
  }
  AnswerSyntax syntax = syntax_;
  if (!has_tools()) syntax.calls = nullptr;
  AnswerParser parser(std::move(syntax), tools_, prompt.text);
  AnswerParts parts;
  const auto take = [&](AnswerParts more) {
    if (on_reasoning && !more.reasoning.empty()) on_reasoning(more.reasoning);
    if (callbacks.on_text && !more.content.empty()) callbacks.on_text(more.content);
    parts.add(std::move(more));
  };
  GenerateOptions with_tags = options;
  with_tags.shown_tokens = tag_tokens();
  GenerateCallbacks apart = callbacks;
  apart.on_text = [&](std::string_view text) { take(parser.push(text)); };
  ChatAnswer answer{generate(session, tokenizer, prompt.tokens, sampler, with_tags, apart), {}};
  take(parser.finish());
  add_answer(parts);
  answer.parts = std::move(parts);
  return answer;
}

// Calls without an id get one: nine digits, which every family accepts.
void Conversation::add_answer(AnswerParts& parts) {
  Json message = {{"role", "assistant"}, {"content", clean_text(parts.content)}};
  if (!parts.reasoning.empty()) message["reasoning_content"] = clean_text(parts.reasoning);
  for (ToolCall& call : parts.calls) {
    if (call.id.empty()) call.id = fmt::format("{:09}", messages_.size() * kMaxCalls + message["tool_calls"].size());
    message["tool_calls"].push_back(clean_json(
        {{"id", call.id}, {"type", "function"}, {"function", {{"name", call.name}, {"arguments", call.arguments}}}},
        "a call"));
  }
  messages_.push_back(std::move(message));
}

}  // namespace thimble
