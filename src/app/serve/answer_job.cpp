#include "app/serve/answer_job.h"

#include "app/serve/api_error.h"
#include "app/serve/endpoints.h"
#include "text/json_schema.h"

namespace thimble {

using Json = nlohmann::ordered_json;

AnswerJob::AnswerJob(Service& service, const std::string& body, const HttpPeer& client, const Shape& shape)
    : service_(service),
      body_(parse_request(body)),
      fields_(body_),
      client_(client),
      settings_(AnswerSettings::read(fields_, service)),
      shape_(shape),
      id_(new_id(shape.id_prefix)),
      created_(unix_time()) {
  service.require_model(fields_);
}

Json AnswerJob::answer_whole() {
  Json reply = frame(shape_.object);
  reply["choices"] = Json::array();
  for (size_t i = 0; i < choice_count(); ++i) {
    reply["choices"].push_back(answer_choice(i));
    if (client_.is_gone()) throw ApiError(503, "the request was given up");
  }
  add_usage(reply);
  return reply;
}

void AnswerJob::answer_stream(EventStream& events) {
  try {
    for (size_t i = 0; i < choice_count() && !events.is_broken(); ++i) stream_choice(i, events);
    if (settings_.shows_usage) {
      Json last = frame(shape_.chunk);
      last["choices"] = Json::array();
      add_usage(last);
      events.send(last);
    }
    if (client_.is_gone()) throw ApiError(503, "the answer was given up");
  } catch (...) {  // the status has gone out already
    ++service_.tally.failures;
    events.send(service_.current_error().json());
  }
  lease_.reset();  // before the client can come with its next request
  events.finish();
}

void AnswerJob::send(EventStream& events, Json choice) const {
  Json chunk = frame(shape_.chunk);
  chunk["choices"] = Json::array({std::move(choice)});
  events.send(chunk);
}

void AnswerJob::keep_to_schema(const Json& schema) {
  const auto compile = [&] { return compile_json_schema(schema); };
  constraint_ = service_.constrain(service_.grammar("schema " + schema.dump(), compile));
}

GenerateCallbacks AnswerJob::callbacks(LogprobRecorder& logprobs, EventStream* events) const {
  GenerateCallbacks callbacks;
  callbacks.interrupted = [this, events] { return client_.is_gone() || (events != nullptr && events->is_broken()); };
  if (events != nullptr) callbacks.on_prompt_progress = [events](size_t, size_t) { events->keep_alive(); };
  if (!top_logprobs_) return callbacks;
  callbacks.on_choice = [&logprobs](std::span<const float> logits, std::span<const TokenId> answer, TokenId token) {
    logprobs.see(logits, answer, token);
    return token;
  };
  return callbacks;
}

void AnswerJob::count(const Generation& run, bool is_new_prompt) {
  usage_.add(run, is_new_prompt);
  service_.tally.add(run);
}

Json AnswerJob::frame(const char* object) const {
  return {{"id", id_}, {"object", object}, {"created", created_}, {"model", service_.name()}};
}

void AnswerJob::add_usage(Json& reply) const {
  reply["usage"] = usage_.json();
  reply["timings"] = usage_.timings();
}

void reply_with(const std::shared_ptr<AnswerJob>& job, httplib::Response& reply) {
  if (!job->is_stream()) return reply_json(reply, job->answer_whole());
  reply.set_chunked_content_provider("text/event-stream", [job](size_t, httplib::DataSink& sink) {
    EventStream events(sink);
    job->answer_stream(events);
    return !events.is_broken();
  });
}

}  // namespace thimble
