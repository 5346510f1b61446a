#include "engine/conversation.h"

#include <algorithm>

#include "base/error.h"
#include "base/utf8.h"

namespace thimble {
namespace {

// Where a person's text spells a control token, this noncharacter is put inside it before rendering and taken out again
// afterwards; its place is then barred from matching, so the text stays text whatever the template does around it.
constexpr std::string_view kMark = "\xEF\xB7\x90";  // U+FDD0

std::string without_marks(std::string text) {
  for (size_t at; (at = text.find(kMark)) != std::string::npos;) text.replace(at, kMark.size(), "\xEF\xBF\xBD");
  return text;
}

std::string with_marks(const Tokenizer& tokenizer, const std::string& text) {
  std::string marked;
  size_t copied = 0;
  for (size_t at : tokenizer.control_token_starts(text)) {
    const size_t inside = at + decode_utf8(text, at).length;
    marked.append(text, copied, inside - copied).append(kMark);
    copied = inside;
  }
  return marked.append(text, copied);
}

// Removes the marks and returns where they were.
std::vector<size_t> take_marks(std::string& text) {
  std::vector<size_t> places;
  std::string clean;
  size_t copied = 0;
  for (size_t at; (at = text.find(kMark, copied)) != std::string::npos; copied = at + kMark.size()) {
    clean.append(text, copied, at - copied);
    places.push_back(clean.size());
  }
  text = clean.append(text, copied);
  return places;
}

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

nlohmann::ordered_json protect(const Tokenizer& tokenizer, const nlohmann::ordered_json& messages) {
  nlohmann::ordered_json marked = messages;
  for (auto& message : marked) {
    auto& content = message["content"];
    if (content.is_string()) content = with_marks(tokenizer, content.get<std::string>());
  }
  return marked;
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
}

void Conversation::set_system(std::string_view text) {
  if (!messages_.empty() && messages_[0]["role"] == "system") messages_.erase(0);
  if (text.empty()) return;
  nlohmann::ordered_json message = {{"role", "system"}, {"content", without_marks(to_valid_utf8(text))}};
  messages_.insert(messages_.begin(), std::move(message));
}

void Conversation::set_tools(nlohmann::ordered_json tools) { tools_ = std::move(tools); }

void Conversation::add(std::string role, std::string_view content) {
  messages_.push_back({{"role", std::move(role)}, {"content", without_marks(to_valid_utf8(content))}});
}

void Conversation::remove_last() {
  if (!messages_.empty()) messages_.erase(messages_.size() - 1);
}

void Conversation::clear() {
  const bool has_system = !messages_.empty() && messages_[0]["role"] == "system";
  messages_.erase(messages_.begin() + (has_system ? 1 : 0), messages_.end());
}

void Conversation::load(const nlohmann::ordered_json& messages) {
  if (!messages.is_array())
    fail(ExitCode::bad_file, "a conversation is a JSON array of messages, found {}", messages.type_name());
  nlohmann::ordered_json loaded = nlohmann::ordered_json::array();
  for (const auto& message : messages) {
    if (!message.is_object() || !message.contains("role") || !message["role"].is_string() ||
        !message.contains("content") || !message["content"].is_string()) {
      fail(ExitCode::bad_file,
           "message {} of the conversation: expected an object with \"role\" and \"content\" strings", loaded.size());
    }
    loaded.push_back({{"role", message["role"]}, {"content", without_marks(message["content"].get<std::string>())}});
  }
  messages_ = std::move(loaded);
}

std::string Conversation::render(bool add_generation_prompt) const {
  const Tokenizer& tokenizer = language_model_.tokenizer();
  nlohmann::ordered_json context;
  context["messages"] = protect(tokenizer, messages_);
  context["tools"] = tools_;
  context["add_generation_prompt"] = add_generation_prompt;
  context["bos_token"] = token_text(tokenizer, tokenizer.bos());
  context["eos_token"] = token_text(tokenizer, tokenizer.eos());
  return with_source(source_, [&] { return template_->render(context); });
}

std::vector<TokenId> Conversation::prompt_tokens() const {
  std::string text = render();
  if (text.empty()) fail(ExitCode::bad_file, "{}: the chat template wrote nothing", source_);
  const std::vector<size_t> barred = take_marks(text);
  const Tokenizer& tokenizer = language_model_.tokenizer();
  // Most templates write the BOS themselves; it must not stand there twice.
  const std::string bos = token_text(tokenizer, tokenizer.bos());
  const bool has_bos = !bos.empty() && text.starts_with(bos);
  return tokenizer.encode(text, {.add_special = !has_bos, .parse_special = true, .barred = barred});
}

size_t Conversation::system_tokens() const {
  if (messages_.empty() || messages_[0]["role"] != "system") return 0;
  // What a prompt shares with one whose question begins otherwise.
  const std::vector<TokenId> prompt = prompt_tokens();
  Conversation other = *this;
  other.clear();
  other.add("user", "?");
  const std::vector<TokenId> short_prompt = other.prompt_tokens();
  const auto end = std::mismatch(prompt.begin(), prompt.end(), short_prompt.begin(), short_prompt.end()).first;
  return static_cast<size_t>(end - prompt.begin());
}

Generation Conversation::answer(Session& session, Sampler& sampler, const GenerateOptions& options,
                                const GenerateCallbacks& callbacks) {
  Generation generation = generate(session, language_model_.tokenizer(), prompt_tokens(), sampler, options, callbacks);
  messages_.push_back({{"role", "assistant"}, {"content", without_marks(generation.text)}});
  return generation;
}

}  // namespace thimble
