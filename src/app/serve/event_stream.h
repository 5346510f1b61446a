// Server-sent events (HTML standard, 9.2) in the form of OpenAI's API, on the way to a client.
#pragma once

#include <httplib.h>

#include <nlohmann/json.hpp>

#include <chrono>
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

}  // namespace thimble
