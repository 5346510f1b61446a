#include "compress/chat_data.h"

#include <nlohmann/json.hpp>

#include <algorithm>

#include "base/error.h"
#include "engine/conversation.h"
#include "measure/numbered_lines.h"

namespace thimble {
namespace {

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
  read_numbered_lines(name, lines,
                      [&](std::string_view line, size_t) { append_conversation(conversation, line, data); });
  if (data.conversations == 0) fail(ExitCode::bad_file, "{}: there are no conversations", printable(name));
  return data;
}

bool begins_with_conversation(std::string_view lines) {
  const size_t begin = std::min(lines.find_first_not_of(" \t\r\n"), lines.size());
  const std::string_view line = lines.substr(begin, lines.find('\n', begin) - begin);
  const auto json = nlohmann::json::parse(line, nullptr, false);
  const auto is_message = [](const nlohmann::json& value) { return value.is_object() && value.contains("role"); };
  if (json.is_object()) return json.contains("messages");
  return json.is_array() && !json.empty() && is_message(json[0]);
}

}  // namespace thimble
