// A request for text: read and checked whole by its constructor, then answered on a slot, at once or as a stream. What chat and plain
// completions have in common.
#pragma once

#include <nlohmann/json.hpp>

#include <httplib.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "app/serve/answer_settings.h"
#include "app/serve/event_stream.h"
#include "app/serve/request_fields.h"
#include "app/serve/service.h"
#include "app/serve/token_logprobs.h"

namespace thimble {

class AnswerJob {
 public:
  virtual ~AnswerJob() = default;
  AnswerJob(const AnswerJob&) = delete;
  AnswerJob& operator=(const AnswerJob&) = delete;

  bool is_stream() const { return settings_.is_stream; }
  nlohmann::ordered_json answer_whole();
  void answer_stream(EventStream& events);

 protected:
  static constexpr int64_t kMostTopLogprobs = 20;
  struct Shape {
    std::string_view id_prefix;
    const char* object;  // of a whole reply
    const char* chunk;   // of a part of a stream
  };

  // Throws ApiError 400 and 404. `service` and `client` must outlive it.
  AnswerJob(Service& service, const std::string& body, const HttpPeer& client, const Shape& shape);

  virtual size_t choice_count() const = 0;
  // One of "choices".
  virtual nlohmann::ordered_json answer_choice(size_t index) = 0;
  virtual void stream_choice(size_t index, EventStream& events) = 0;

  void send(EventStream& events, nlohmann::ordered_json choice) const;  // a chunk with it
  void keep_to_schema(const nlohmann::ordered_json& schema);
  // What each run has: it ends when its client leaves, and where log probabilities are wanted `logprobs` sees its choices.
  GenerateCallbacks callbacks(LogprobRecorder& logprobs, EventStream* events) const;
  // Of the answer to a prompt, of which it may be one of several choices.
  void count(const Generation& run, bool is_new_prompt);

  Service& service_;
  const nlohmann::ordered_json body_;
  const RequestFields fields_;
  const HttpPeer& client_;
  AnswerSettings settings_;
  std::optional<size_t> top_logprobs_;  // nullopt: none are wanted
  std::unique_ptr<TokenConstraint> constraint_;
  std::optional<SlotLease> lease_;

 private:
  nlohmann::ordered_json frame(const char* object) const;
  void add_usage(nlohmann::ordered_json& reply) const;

  const Shape shape_;
  Usage usage_;
  const std::string id_;
  const int64_t created_;
};

// Fills the reply, of a stream with what makes it while it goes out.
void reply_with(const std::shared_ptr<AnswerJob>& job, httplib::Response& reply);

}  // namespace thimble
