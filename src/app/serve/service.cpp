#include "app/serve/service.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/serve/api_error.h"
#include "base/error.h"

namespace thimble {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kKeptGrammars = 16;
constexpr size_t kMostMessages = 4096;
constexpr std::array<std::string_view, 6> kRoles = {"system", "developer", "user", "assistant", "tool", "function"};

[[noreturn]] void refuse_message(size_t index, std::string_view expected) {
  throw ApiError(400, fmt::format("messages[{}]: expected {}", index, expected));
}

// Parts of a content in one text, as templates of small models want it.
Json joined_parts(const Json& parts, size_t index) {
  std::string text;
  for (const Json& part : parts) {
    const bool is_object = part.is_object() && part.contains("type") && part["type"].is_string();
    if (!is_object) refuse_message(index, "content whose parts have a \"type\"");
    if (part["type"] != "text" || !part.contains("text") || !part["text"].is_string()) {
      throw ApiError(400, fmt::format("messages[{}]: parts of type '{}' are not supported, only text", index,
                                      printable(part["type"].get<std::string>(), 40)));
    }
    if (!text.empty()) text += '\n';
    text += part["text"].get<std::string>();
  }
  return text;
}

// OpenAI's API has the arguments of a call as a text, templates want the object.
void open_arguments(Json& call, size_t index) {
  if (!call.is_object() || !call.contains("function") || !call["function"].is_object()) {
    refuse_message(index, "tool_calls with a \"function\" each");
  }
  Json& function = call["function"];
  if (!function.contains("name") || !function["name"].is_string())
    refuse_message(index, "tool_calls whose functions have a \"name\"");
  if (!function.contains("arguments")) function["arguments"] = Json::object();
  Json& arguments = function["arguments"];
  if (!arguments.is_string()) return;
  if (arguments.get_ref<const std::string&>().empty()) {
    arguments = Json::object();
    return;
  }
  Json opened = parse_request(arguments.get_ref<const std::string&>());
  if (opened.is_object()) arguments = std::move(opened);
}

Json clean_message(const Json& given, size_t index) {
  if (!given.is_object()) refuse_message(index, "an object");
  Json message = given;
  const std::string role = given.contains("role") && given["role"].is_string() ? given["role"].get<std::string>() : "";
  if (std::ranges::find(kRoles, role) == kRoles.end()) {
    refuse_message(index, "a role that is system, developer, user, assistant or tool");
  }
  if (role == "developer") message["role"] = "system";
  if (role == "function") message["role"] = "tool";
  const bool has_calls =
      message.contains("tool_calls") && message["tool_calls"].is_array() && !message["tool_calls"].empty();
  if (has_calls) {
    for (Json& call : message["tool_calls"]) open_arguments(call, index);
  } else {
    message.erase("tool_calls");
  }
  if (!message.contains("content") || message["content"].is_null()) {
    if (!has_calls) refuse_message(index, "a content");
    message["content"] = "";
  }
  if (message["content"].is_array()) message["content"] = joined_parts(message["content"], index);
  if (!message["content"].is_string()) refuse_message(index, "a content that is a text or a list of parts");
  return message;
}

std::string absence(std::string_view what, std::string_view flag) {
  return fmt::format("{} is not served here: the server was started without {}", what, flag);
}

}  // namespace

void ServiceTally::add(const Generation& run) {
  prompt_tokens += run.prompt_tokens;
  cached_tokens += run.reused_tokens;
  answer_tokens += run.tokens.size();
  drafted_tokens += run.drafted_tokens;
  accepted_tokens += run.accepted_tokens;
  prompt_microseconds += static_cast<uint64_t>(run.prompt_seconds * 1e6);
  decode_microseconds += static_cast<uint64_t>(run.decode_seconds * 1e6);
  constexpr size_t kTelling = 8;  // tokens
  if (run.prompt_tokens - run.reused_tokens >= kTelling) prompt_speed = run.prompt_speed();
  if (run.tokens.size() >= kTelling) decode_speed = run.decode_speed();
}

Service::Service(Runtime& runtime, ServiceOptions options) : options_(std::move(options)), runtime_(&runtime) {
  const SessionOptions& session = runtime.session_options();
  runner_.emplace(runtime.language_model().model(), runtime.kernels(), runtime.team(),
                  session.workspace(runtime.threads()));
  slots_.emplace(*runner_, session, options_.most_waiting);
}

void Service::set_encoder(EmbeddingModel& encoder, std::string name) {
  encoder_ = &encoder;
  encoder_name_ = std::move(name);
}

void Service::set_knowledge(KnowledgeBase& base, EmbeddingModel* encoder) {
  base_ = &base;
  retriever_.emplace(base, encoder != nullptr ? &encoder->embedder() : nullptr);
}

void Service::set_tools(ToolList tools, const std::function<CommandExamples(const ToolList&)>& examples) {
  tools_ = std::move(tools);
  examples_ = examples(*tools_);
}

Runtime& Service::runtime() const {
  if (runtime_ == nullptr) throw ApiError(501, "this server's model is an encoder: it makes embeddings only");
  return *runtime_;
}

SlotPool& Service::slots() {
  runtime();
  return *slots_;
}

EmbeddingModel& Service::encoder() const {
  if (encoder_ == nullptr) throw ApiError(501, absence("embedding", "--embed-model"));
  return *encoder_;
}

void Service::require_knowledge() const {
  if (!retriever_) throw ApiError(501, absence("asking the manuals", "--kb"));
}

void Service::require_tools() const {
  if (!tools_) throw ApiError(501, absence("commanding", "--tools"));
}

ApiError Service::current_error() const {
  const ApiError error = current_api_error();
  std::string message = error.what();
  for (const auto& [text, shown] : options_.hidden) {
    for (size_t at = message.find(text); !text.empty() && at != message.npos;
         at = message.find(text, at + shown.size())) {
      message.replace(at, text.size(), shown);
    }
  }
  return error.saying(std::move(message));
}

Asker& Service::asker(Slot& slot) {
  if (!slot.asker) {
    AskOptions options;
    options.how = has_encoder() && base_->embedding() ? Retrieval::both : Retrieval::words;
    options.chat_template = options_.chat_template;
    slot.asker = std::make_unique<Asker>(runtime().language_model(), *slot.session, &*retriever_, std::move(options));
  }
  return *slot.asker;
}

Commander& Service::commander(Slot& slot) {
  if (!slot.commander) {
    slot.commander = std::make_unique<Commander>(runtime().language_model(), *slot.session, *tools_, examples_,
                                                 options_.command, trie());
  }
  return *slot.commander;
}

LogSummarizer& Service::summarizer(Slot& slot) {
  if (!slot.summarizer) {
    slot.summarizer =
        std::make_unique<LogSummarizer>(runtime().language_model(), *slot.session, options_.chat_template);
  }
  return *slot.summarizer;
}

void Service::require_model(const RequestFields& fields) const {
  const std::optional<std::string> asked = fields.text("model");
  if (!asked || std::ranges::find(options_.names, *asked) != options_.names.end()) return;
  throw ApiError(404, fmt::format("model '{}' is not served here; this is '{}'", printable(*asked, 100), name()),
                 "model_not_found");
}

void Service::require_encoder(const RequestFields& fields) const {
  encoder();
  if (const std::optional<std::string> asked = fields.text("model"); !asked || *asked == encoder_name_) return;
  require_model(fields);
}

Conversation Service::read_conversation(const RequestFields& fields, bool with_tools) const {
  Conversation conversation = blank_conversation();
  const Json& messages = fields.require("messages");
  if (!messages.is_array() || messages.empty() || messages.size() > kMostMessages) {
    fields.refuse("messages", fmt::format("a list of 1 to {} messages", kMostMessages));
  }
  Json clean = Json::array();
  for (const Json& message : messages) clean.push_back(clean_message(message, clean.size()));
  conversation.load(clean);
  if (const Json* tools = fields.find("tools"); tools != nullptr && with_tools) conversation.set_tools(*tools);
  if (const Json* variables = fields.find("chat_template_kwargs")) conversation.set_variables(*variables);
  return conversation;
}

// The template is read once; its copies share it.
Conversation Service::blank_conversation() const {
  const std::lock_guard lock(mutex_);
  if (!blank_) blank_.emplace(runtime().language_model(), options_.chat_template);
  return *blank_;
}

void Service::require_room(size_t prompt_tokens) const {
  const size_t context = runtime().session_options().kv.context_length;
  if (prompt_tokens < context) return;
  throw ApiError(
      400,
      fmt::format("the prompt has {} tokens, but the context holds {}, the answer included", prompt_tokens, context),
      "exceed_context_size_error")
      .with("n_prompt_tokens", prompt_tokens)
      .with("n_ctx", context);
}

std::shared_ptr<const Grammar> Service::grammar(const std::string& source, const std::function<Grammar()>& compile) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = std::ranges::find(grammars_, source, &decltype(grammars_)::value_type::first);
    if (found != grammars_.end()) {
      grammars_.splice(grammars_.begin(), grammars_, found);
      return found->second;
    }
  }
  auto made = std::make_shared<const Grammar>(compile());
  const std::lock_guard lock(mutex_);
  grammars_.emplace_front(source, made);
  if (grammars_.size() > kKeptGrammars) grammars_.pop_back();
  return made;
}

std::unique_ptr<TokenConstraint> Service::constrain(std::shared_ptr<const Grammar> grammar) {
  return std::make_unique<TokenConstraint>(std::move(grammar), trie(), tokenizer());
}

std::shared_ptr<const VocabularyTrie> Service::trie() {
  const std::lock_guard lock(mutex_);
  if (!trie_) trie_ = std::make_shared<const VocabularyTrie>(tokenizer());
  return trie_;
}

}  // namespace thimble
