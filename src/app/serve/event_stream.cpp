#include "app/serve/event_stream.h"

#include <string>

namespace thimble {

using namespace std::chrono_literals;

std::string json_text(const nlohmann::ordered_json& value) {
  return value.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

void EventStream::send(const nlohmann::ordered_json& value) { write("data: " + json_text(value) + "\n\n"); }

void EventStream::keep_alive() {
  if (Clock::now() - last_ > 2s) write(": the prompt is being read\n\n");
}

void EventStream::finish() {
  write("data: [DONE]\n\n");
  if (!is_broken_) sink_.done();
}

void EventStream::write(std::string_view text) {
  if (!is_broken_ && !sink_.write(text.data(), text.size())) is_broken_ = true;
  last_ = Clock::now();
}

}  // namespace thimble
