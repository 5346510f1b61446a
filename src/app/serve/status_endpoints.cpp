#include <fmt/format.h>

#include "app/help_text.h"
#include "app/serve/answer_settings.h"
#include "app/serve/endpoints.h"
#include "app/serve/event_stream.h"
#include "base/memory.h"

namespace thimble {
namespace {

using Json = nlohmann::ordered_json;

Json model_json(const std::string& name, const Service& service, const Model& model, size_t context) {
  const auto created = std::chrono::duration_cast<std::chrono::seconds>(service.started.time_since_epoch()).count();
  return {{"id", name},
          {"object", "model"},
          {"created", created},
          {"owned_by", "thimble"},
          {"meta",
           {{"n_vocab", model.hyper().vocabulary_size},
            {"n_ctx", context},
            {"n_ctx_train", model.hyper().context_length},
            {"n_embd", model.hyper().embedding_length}}}};
}

}  // namespace

void reply_json(httplib::Response& reply, const Json& value) {
  reply.set_content(json_text(value), "application/json");
}

void health(Service&, const httplib::Request&, httplib::Response& reply, const HttpPeer&) {
  reply_json(reply, {{"status", "ok"}});
}

void list_models(Service& service, const httplib::Request&, httplib::Response& reply, const HttpPeer&) {
  Json data = Json::array();
  if (service.has_model()) {
    Runtime& runtime = service.runtime();
    data.push_back(model_json(service.name(), service, runtime.language_model().model(),
                              runtime.session_options().kv.context_length));
  }
  if (service.has_encoder()) {
    const EmbeddingModel& encoder = service.encoder();
    data.push_back(model_json(service.encoder_name(), service, encoder.runtime().language_model().model(),
                              encoder.runtime().session_options().kv.context_length));
  }
  reply_json(reply, {{"object", "list"}, {"data", std::move(data)}});
}

void properties(Service& service, const httplib::Request&, httplib::Response& reply, const HttpPeer&) {
  Json json = {{"model", service.name()}, {"version", version_text()}};
  const Runtime& runtime = service.has_model() ? service.runtime() : service.encoder().runtime();
  json["context_length"] = runtime.session_options().kv.context_length;
  if (service.has_model()) {
    json["slots"] = service.slots().size();
    json["busy_slots"] = service.slots().busy();
    json["queued"] = service.slots().waiting();
  }
  json["memory"] = {{"planned_bytes", service.options().planned_bytes},
                    {"limit_bytes", service.options().limit_bytes},
                    {"resident_bytes", resident_bytes()}};
  json["speed"] = {{"prompt_tps", service.tally.prompt_speed.load()},
                   {"decode_tps", service.tally.decode_speed.load()}};
  json["features"] = {{"chat", service.has_model()},
                      {"ask", service.has_knowledge()},
                      {"command", service.tools() != nullptr},
                      {"summarize", service.has_model()},
                      {"embeddings", service.has_encoder()}};
  json["tools"] = Json::array();
  if (const ToolList* tools = service.tools()) {
    for (const Tool& tool : tools->tools())
      json["tools"].push_back({{"name", tool.name}, {"description", tool.description}});
  }
  json["max_body_bytes"] = service.options().body_bytes;
  reply_json(reply, json);
}

void metrics(Service& service, const httplib::Request&, httplib::Response& reply, const HttpPeer&) {
  std::string text;
  const auto add = [&](std::string_view name, std::string_view type, std::string_view help, auto value) {
    text += fmt::format("# HELP thimble_{0} {1}\n# TYPE thimble_{0} {2}\nthimble_{0} {3}\n", name, help, type, value);
  };
  const ServiceTally& tally = service.tally;
  add("requests_total", "counter", "Requests answered.", tally.requests.load());
  add("request_failures_total", "counter", "Of them, answered by an error.", tally.failures.load());
  add("prompt_tokens_total", "counter", "Tokens of prompts.", tally.prompt_tokens.load());
  add("prompt_tokens_cached_total", "counter", "Of them, found in a cache.", tally.cached_tokens.load());
  add("prompt_seconds_total", "counter", "Time spent on reading prompts.",
      static_cast<double>(tally.prompt_microseconds) / 1e6);
  add("generated_tokens_total", "counter", "Tokens of answers.", tally.answer_tokens.load());
  add("generated_seconds_total", "counter", "Time spent on writing answers.",
      static_cast<double>(tally.decode_microseconds) / 1e6);
  add("drafted_tokens_total", "counter", "Tokens proposed by speculation.", tally.drafted_tokens.load());
  add("accepted_tokens_total", "counter", "Of them, right.", tally.accepted_tokens.load());
  add("resident_memory_bytes", "gauge", "Memory that the process has resident.", resident_bytes());
  add("planned_memory_bytes", "gauge", "Memory that was planned before loading.", service.options().planned_bytes);
  if (service.has_model()) {
    add("slots", "gauge", "Answers that can be made at once.", service.slots().size());
    add("slots_busy", "gauge", "Of them, being made.", service.slots().busy());
    add("requests_waiting", "gauge", "Requests that wait for a slot.", service.slots().waiting());
  }
  reply.set_content(text, "text/plain; version=0.0.4");
}

}  // namespace thimble
