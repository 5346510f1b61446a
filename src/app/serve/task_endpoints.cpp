#include <fmt/format.h>

#include "app/serve/api_error.h"
#include "app/serve/endpoints.h"
#include "assist/log_report.h"
#include "base/error.h"

namespace thimble {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMostTurns = 64;

GenerateCallbacks until_gone(const HttpPeer& client) {
  GenerateCallbacks callbacks;
  callbacks.interrupted = [&client] { return client.is_gone(); };
  return callbacks;
}

void refuse_gone(const HttpPeer& client) {
  if (client.is_gone()) throw ApiError(503, "the request was given up");
}

std::vector<AskTurn> read_history(const RequestFields& fields) {
  const Json* given = fields.find("history");
  std::vector<AskTurn> turns;
  if (given == nullptr) return turns;
  if (!given->is_array() || given->size() > kMostTurns) {
    fields.refuse("history", fmt::format("a list of at most {} earlier questions with their answers", kMostTurns));
  }
  for (const Json& turn : *given) {
    const RequestFields members(turn, "history.");
    turns.push_back({members.required_text("question"), members.required_text("answer")});
  }
  return turns;
}

// What a person wants to read who opens a citation.
void add_texts(Json& json, const AskAnswer& answer) {
  for (size_t i = 0; i < answer.retrieved.size(); ++i)
    json["retrieved"][i]["text"] = answer.retrieved[i].retrieved.stored.chunk.text;
  for (size_t i = 0; i < answer.citations.size(); ++i) {
    const AskCitation& citation = answer.citations[i];
    for (const AskSource& source : answer.retrieved) {
      const StoredChunk& stored = source.retrieved.stored;
      if (stored.path != citation.path || stored.chunk.first != citation.first || stored.chunk.last != citation.last)
        continue;
      json["citations"][i]["text"] = stored.chunk.text;
      break;
    }
  }
}

// What fails with a tool list that was taken is that the command leaves no room.
CommandAnswer answer_command(Commander& commander, const std::string& text, const HttpPeer& client) {
  try {
    CommandAnswer answer = commander.answer(text, until_gone(client));
    refuse_gone(client);
    return answer;
  } catch (const Error& error) {
    if (error.code() != ExitCode::failed) throw;
    throw ApiError(400, error.what(), "exceed_context_size_error");
  }
}

Json command_reply(const CommandAnswer& answer) {
  Json json = to_json(answer);
  json["prompt_tokens"] = answer.generation.prompt_tokens;
  json["cached_tokens"] = answer.generation.reused_tokens;
  json["generated_tokens"] = answer.generation.tokens.size();
  return json;
}

}  // namespace

void ask_manuals(Service& service, const httplib::Request& request, httplib::Response& reply, const HttpPeer& client) {
  const Json body = parse_request(request.body);
  const RequestFields fields(body);
  service.require_model(fields);
  const std::string question = fields.required_text("question");
  const std::vector<AskTurn> history = read_history(fields);
  service.require_knowledge();
  const SlotLease lease = service.slots().acquire({}, "ask", client);
  const AskAnswer answer = service.asker(*lease).ask(question, history, until_gone(client));
  refuse_gone(client);
  service.tally.add(answer.generation);
  Json json = answer.json();
  add_texts(json, answer);
  reply_json(reply, json);
}

void parse_command(Service& service, const httplib::Request& request, httplib::Response& reply,
                   const HttpPeer& client) {
  const Json body = parse_request(request.body);
  const RequestFields fields(body);
  service.require_model(fields);
  const std::string text = fields.required_text("text");
  Commander::check(text);
  service.require_tools();
  const SlotLease lease = service.slots().acquire({}, "command", client);
  const CommandAnswer answer = answer_command(service.commander(*lease), text, client);
  service.tally.add(answer.generation);
  if (!answer.is_valid) throw ApiError(500, "the call did not end in the room there is for it");
  reply_json(reply, command_reply(answer));
}

void summarize_log(Service& service, const httplib::Request& request, httplib::Response& reply,
                   const HttpPeer& client) {
  const Json body = parse_request(request.body);
  const RequestFields fields(body);
  service.require_model(fields);
  const std::string log = fields.required_text("log"), name = fields.text("name").value_or("log");
  const bool shows_facts = fields.flag("facts").value_or(false);
  LogFacts facts = analyze_log_text(log, printable(name, 100));  // before a slot is taken
  const SlotLease lease = service.slots().acquire({}, "summarize", client);
  LogSummarizer& summarizer = service.summarizer(*lease);
  summarizer.set_interrupted([&client] { return client.is_gone(); });
  const LogSummary summary = summarizer.summarize(std::move(facts));
  refuse_gone(client);
  service.tally.prompt_tokens += summary.prompt_tokens;
  service.tally.cached_tokens += summary.reused_tokens;
  service.tally.answer_tokens += summary.generated_tokens;
  Json json = to_json(summary);
  if (shows_facts) json["facts"] = to_json(summary.facts);
  reply_json(reply, json);
}

}  // namespace thimble
