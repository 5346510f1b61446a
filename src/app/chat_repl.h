// The conversation at a terminal: lines in, answers out, and the commands that begin with a slash.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "app/console.h"
#include "app/line_editor.h"
#include "app/runtime.h"
#include "engine/conversation.h"

namespace thimble {

class ChatRepl {
 public:
  ChatRepl(Console& console, const Runtime& runtime, Session& session, Conversation& conversation,
           const SamplerOptions& sampling, const GenerateOptions& options);

  // Until /exit, Ctrl-D or a second Ctrl-C.
  ExitCode run();

 private:
  enum class Next { go_on, leave };
  // One message, several lines where they end with a backslash.
  LineEditor::Input read_message();
  Next obey(std::string_view line);
  void answer(const std::string& message);
  void answer_result(const std::string& result);
  // Answers what was added behind the first `before` messages, or takes it back where that fails.
  void answer_messages(size_t before);
  size_t drop_oldest_turns();  // returns how many messages went
  void save(const std::string& path) const;
  void load(const std::string& path);
  void print_stats() const;
  void say(std::string_view text) const { console_.write_error(std::string(text) + "\n"); }

  Console& console_;
  const Runtime& runtime_;
  Session& session_;
  Conversation& conversation_;
  Sampler sampler_;
  GenerateOptions options_;
  LineEditor editor_;
  std::optional<Generation> last_;
};

}  // namespace thimble
