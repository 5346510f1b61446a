#include "compress/chat_data.h"

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>

#include "base/error.h"
#include "engine/conversation.h"

namespace thimble {
namespace {

constexpr size_t kLinesNamed = 8;

bool is_blank(std::string_view line) { return line.find_first_not_of(" \t\r") == line.npos; }

// Takes the first line off, without its line feed.
std::string_view take_line(std::string_view& lines) {
  const size_t end = std::min(lines.find('\n'), lines.size());
  const std::string_view line = lines.substr(0, end);
  lines.remove_prefix(std::min(end + 1, lines.size()));
  return line;
}

void append_conversation(Conversation& conversation, std::string_view line, ChatData& data) {
  const auto json = nlohmann::ordered_json::parse(line, nullptr, false);
  if (json.is_discarded()) fail(ExitCode::bad_file, "no JSON");
  const bool is_object = json.is_object() && json.contains("messages");
  if (!is_object && !json.is_array()) {
    fail(ExitCode::bad_file, "expected an object with \"messages\", or an array of messages");
  }
  const nlohmann::ordered_json& messages = is_object ? json["messages"] : json;
  if (messages.empty()) fail(ExitCode::bad_file, "there are no messages");
  const bool has_tools = is_object && json.contains("tools") && !json["tools"].is_null();
  conversation.set_tools(has_tools ? json["tools"] : nlohmann::ordered_json::array());
  conversation.load(messages);
  const std::vector<TokenId> tokens = conversation.whole_tokens();
  data.tokens.insert(data.tokens.end(), tokens.begin(), tokens.end());
  data.text += conversation.render(false);
  ++data.conversations;
}

}  // namespace

ChatData read_chat_data(const LanguageModel& language_model, std::string_view template_source, const std::string& name,
                        std::string_view lines) {
  Conversation conversation(language_model, template_source);
  ChatData data;
  std::vector<size_t> broken;
  std::string fault;
  for (size_t number = 1; !lines.empty(); ++number) {
    const std::string_view line = take_line(lines);
    if (is_blank(line)) continue;
    try {
      append_conversation(conversation, line, data);
    } catch (const Error& error) {
      if (error.code() != ExitCode::bad_file) throw;
      if (broken.empty()) fault = error.what();
      broken.push_back(number);
    }
  }
  if (!broken.empty()) {
    const size_t all = broken.size();
    broken.resize(std::min(all, kLinesNamed));
    fail(ExitCode::bad_file, "{}: {} broken, line {}{}; line {}: {}", printable(name),
         all == 1 ? "a line is" : fmt::format("{} lines are", all), fmt::join(broken, ", "),
         all > kLinesNamed ? " and more" : "", broken[0], fault);
  }
  if (data.conversations == 0) fail(ExitCode::bad_file, "{}: there are no conversations", printable(name));
  return data;
}

bool begins_with_conversation(std::string_view lines) {
  std::string_view line;
  while (!lines.empty() && is_blank(line)) line = take_line(lines);
  const auto json = nlohmann::json::parse(line, nullptr, false);
  const auto is_message = [](const nlohmann::json& value) { return value.is_object() && value.contains("role"); };
  if (json.is_object()) return json.contains("messages");
  return json.is_array() && !json.empty() && is_message(json[0]);
}

}  // namespace thimble
