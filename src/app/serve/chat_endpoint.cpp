#include <fmt/format.h>

#include "app/serve/answer_job.h"
#include "app/serve/endpoints.h"
#include "text/tool_grammar.h"

namespace thimble {
namespace {

using Json = nlohmann::ordered_json;

enum class ToolChoice : uint8_t { none, free, forced };

class ChatJob : public AnswerJob {
 public:
  ChatJob(Service& service, const std::string& body, const HttpPeer& client)
      : AnswerJob(service, body, client, {"chatcmpl-", "chat.completion", "chat.completion.chunk"}) {
    read_length();
    read_logprobs();
    read_tools();
    read_form();
    conversation_.emplace(service.read_conversation(fields_, choice_ != ToolChoice::none));
    prompt_ = conversation_->make_prompt();
    service.require_room(prompt_.tokens.size());
    lease_.emplace(service.slots().acquire(prompt_.tokens, "chat", client));
  }

 protected:
  size_t choice_count() const override { return settings_.choices; }

  Json answer_choice(size_t index) override {
    const Choice choice = run(index, nullptr);
    Json message = {{"role", "assistant"}, {"content", choice.answer.parts.content}};
    if (!choice.answer.parts.reasoning.empty()) message["reasoning_content"] = choice.answer.parts.reasoning;
    if (!choice.calls.empty()) {
      message["tool_calls"] = choice.calls;
      if (choice.answer.parts.content.empty()) message["content"] = nullptr;
    }
    return {{"index", index},
            {"message", std::move(message)},
            {"logprobs", choice.logprobs},
            {"finish_reason", choice.finish}};
  }

  void stream_choice(size_t index, EventStream& events) override { run(index, &events); }

 private:
  struct Choice {
    ChatAnswer answer;
    Json calls = Json::array();
    Json logprobs = nullptr;
    std::string finish;
  };

  void read_length() {
    const auto most = fields_.integer("max_completion_tokens", 1, INT32_MAX);
    const auto older = fields_.integer("max_tokens", 1, INT32_MAX);
    if (most || older) settings_.generate.max_tokens = static_cast<size_t>(most ? *most : *older);
  }

  void read_logprobs() {
    const auto top = fields_.integer("top_logprobs", 0, kMostTopLogprobs);
    const bool are_wanted = fields_.flag("logprobs").value_or(false);
    if (top && !are_wanted) fields_.refuse("top_logprobs", "\"logprobs\": true beside it");
    if (are_wanted) top_logprobs_ = static_cast<size_t>(top.value_or(0));
  }

  void read_tools() {
    const Json* tools = fields_.find("tools");
    const Json* wish = fields_.find("tool_choice");
    one_call_ = !fields_.flag("parallel_tool_calls").value_or(true);
    if (tools != nullptr && !tools->is_array()) fields_.refuse("tools", "a list of tools");
    if (tools == nullptr || tools->empty()) {
      if (wish != nullptr && *wish != "none" && *wish != "auto") fields_.refuse("tool_choice", "\"tools\" beside it");
      return;
    }
    choice_ = ToolChoice::free;
    if (wish == nullptr || *wish == "auto") return;
    if (*wish == "none") {
      choice_ = ToolChoice::none;
      return;
    }
    choice_ = ToolChoice::forced;
    const Json chosen = *wish == "required" ? *tools : Json::array({named_tool(*tools, *wish)});
    const auto compile = [&] { return compile_tool_calls(chosen, false); };
    constraint_ = service_.constrain(service_.grammar("tools " + chosen.dump(), compile));
  }

  const Json& named_tool(const Json& tools, const Json& wish) const {
    const bool has_name = wish.is_object() && wish.contains("function") && wish["function"].is_object() &&
                          wish["function"].contains("name");
    for (const Json& tool : tools) {
      const Json& function = tool.is_object() && tool.contains("function") ? tool["function"] : tool;
      if (has_name && function.is_object() && function.contains("name") && function["name"] == wish["function"]["name"])
        return tool;
    }
    fields_.refuse("tool_choice",
                   "\"none\", \"auto\", \"required\" or {\"type\": \"function\", \"function\": {\"name\"}} with the "
                   "name of a tool");
  }

  void read_form() {
    const auto form = fields_.object("response_format");
    if (!form) return;
    const std::string type = form->required_text("type");
    if (type == "text") return;
    if (choice_ == ToolChoice::forced)
      fields_.refuse("response_format", "no other form beside a tool that must be called");
    Json schema;
    if (type == "json_object") {
      const Json* given = form->find("schema");  // llama-server's
      schema = given != nullptr ? *given : Json{{"type", "object"}};
    } else if (type == "json_schema") {
      const auto outer = form->object("json_schema");
      if (!outer) form->refuse("json_schema", "an object with a \"schema\"");
      schema = outer->require("schema");
    } else {
      form->refuse("type", "\"text\", \"json_object\" or \"json_schema\"");
    }
    keep_to_schema(schema);
  }

  void send_delta(EventStream& events, size_t index, Json delta, Json logprobs = nullptr, Json finish = nullptr) const {
    send(events, {{"index", index},
                  {"delta", std::move(delta)},
                  {"logprobs", std::move(logprobs)},
                  {"finish_reason", std::move(finish)}});
  }

  Choice run(size_t index, EventStream* events) {
    LogprobRecorder logprobs(service_.tokenizer(), top_logprobs_.value_or(0));
    const auto fresh_logprobs = [&] { return top_logprobs_ ? logprobs.chat_json(logprobs.take_new()) : Json(); };
    GenerateCallbacks callbacks = AnswerJob::callbacks(logprobs, events);
    Conversation::OnText on_reasoning = [](std::string_view) {};
    if (events != nullptr) {
      send_delta(*events, index, {{"role", "assistant"}, {"content", ""}});
      callbacks.on_text = [&](std::string_view text) {
        if (choice_ != ToolChoice::forced) send_delta(*events, index, {{"content", text}}, fresh_logprobs());
      };
      on_reasoning = [&](std::string_view text) {
        send_delta(*events, index, {{"reasoning_content", text}}, fresh_logprobs());
      };
    }
    Choice choice;
    choice.answer = generate_answer(index, callbacks, on_reasoning);
    count(choice.answer, index == 0);
    take_calls(choice, index);
    logprobs.fill(choice.answer.tokens);
    if (events == nullptr) {
      if (top_logprobs_) choice.logprobs = logprobs.chat_json(logprobs.entries());
      return choice;
    }
    if (choice.answer.stop_reason == StopReason::interrupted) return choice;
    if (choice_ == ToolChoice::forced && choice.calls.empty())
      send_delta(*events, index, {{"content", choice.answer.text}});
    for (size_t i = 0; i < choice.calls.size(); ++i) {
      Json call = {{"index", i}};
      call.update(choice.calls[i]);
      send_delta(*events, index, {{"tool_calls", Json::array({std::move(call)})}}, fresh_logprobs());
    }
    send_delta(*events, index, Json::object(), fresh_logprobs(), choice.finish);
    return choice;
  }

  ChatAnswer generate_answer(size_t index, const GenerateCallbacks& callbacks,
                             const Conversation::OnText& on_reasoning) {
    Sampler sampler(settings_.sampling_of(index));
    GenerateOptions options = settings_.generate;
    options.constraint = constraint_.get();
    Session& session = *(*lease_)->session;
    if (constraint_) {  // its text is what was asked for, with nothing around it
      ChatAnswer answer{generate(session, service_.tokenizer(), prompt_.tokens, sampler, options, callbacks), {}};
      answer.parts.content = answer.text;
      return answer;
    }
    Conversation conversation = *conversation_;
    return conversation.answer(session, prompt_, sampler, options, callbacks, on_reasoning);
  }

  void take_calls(Choice& choice, size_t index) const {
    AnswerParts& parts = choice.answer.parts;
    choice.finish = finish_reason(choice.answer.stop_reason);
    if (choice_ == ToolChoice::forced) {
      Json call = Json::parse(choice.answer.text, nullptr, false);
      if (!call.is_object()) return;  // cut off by its length
      parts.calls.push_back({call["name"], std::move(call["arguments"]), {}});
      parts.content.clear();
    }
    if (one_call_ && parts.calls.size() > 1) parts.calls.resize(1);
    for (const ToolCall& call : parts.calls) {
      const std::string id = call.id.empty() ? fmt::format("{:09}", index * kMaxCalls + choice.calls.size()) : call.id;
      choice.calls.push_back({{"id", id},
                              {"type", "function"},
                              {"function", {{"name", call.name}, {"arguments", json_text(call.arguments)}}}});
    }
    if (!parts.calls.empty() && choice.finish == "stop") choice.finish = "tool_calls";
  }

  ToolChoice choice_ = ToolChoice::none;
  bool one_call_ = false;
  std::optional<Conversation> conversation_;
  ChatPrompt prompt_;
};

}  // namespace

void chat_completions(Service& service, const httplib::Request& request, httplib::Response& reply,
                      const HttpPeer& client) {
  reply_with(std::make_shared<ChatJob>(service, request.body, client), reply);
}

}  // namespace thimble
