// Server-sent events (HTML standard, 9.2) in the form of OpenAI's API, on the way to a client.
#pragma once

#include <httplib.h>

#include <nlohmann/json.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

namespace thimble {

std::string json_text(const nlohmann::ordered_json& value);  // on one line; what is no UTF-8 is replaced

class EventStream {
 public:
  explicit EventStream(httplib::DataSink& sink) : sink_(sink) {}

  bool is_broken() const { return is_broken_; }
  void send(const nlohmann::ordered_json& value);
  // A comment where nothing was sent for a while, so that nobody takes a long prompt for a dead connection.
  void keep_alive();
  void finish();  // [DONE]

 private:
  void write(std::string_view text);

  using Clock = std::chrono::steady_clock;
  httplib::DataSink& sink_;
  bool is_broken_ = false;
  Clock::time_point last_ = Clock::now();
};

// What `job` answers: whole, or as a stream that is made while it goes out. Job: is_stream(), answer_whole(), answer_stream(EventStream&).
template <class Job>
void reply_with(const std::shared_ptr<Job>& job, httplib::Response& reply) {
  if (!job->is_stream()) return reply.set_content(json_text(job->answer_whole()), "application/json");
  reply.set_chunked_content_provider("text/event-stream", [job](size_t, httplib::DataSink& sink) {
    EventStream events(sink);
    job->answer_stream(events);
    return !events.is_broken();
  });
}

}  // namespace thimble
