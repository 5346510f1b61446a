#include "app/chat_repl.h"

#include <array>

#include "app/answer_view.h"
#include "app/interrupt.h"
#include "app/paths.h"
#include "app/text_input.h"
#include "base/atomic_file.h"
#include "base/memory.h"

namespace thimble {
namespace {

struct ChatCommand {
  std::string_view name;
  std::string_view argument;
  std::string_view what;
};

constexpr std::array kCommands = {
    ChatCommand{"/help", "", "this list"},
    ChatCommand{"/clear", "", "forget the conversation, keep the system prompt"},
    ChatCommand{"/system", "TEXT", "set the system prompt; without text, remove it"},
    ChatCommand{"/result", "TEXT", "what the tool returned that the model called"},
    ChatCommand{"/save", "FILE", "write the conversation as JSON"},
    ChatCommand{"/load", "FILE", "go on with a conversation that was saved"},
    ChatCommand{"/stats", "", "speed, context and memory"},
    ChatCommand{"/exit", "", "leave; Ctrl-D does too"},
};

std::string history_file() {
  const std::string folder = state_folder();
  return folder.empty() ? folder : folder + "/history";
}

std::string help() {
  std::string out;
  for (const ChatCommand& command : kCommands) {
    out += fmt::format("  {:<14}{}\n", fmt::format("{} {}", command.name, command.argument), command.what);
  }
  return out + "A line that ends with \\ goes on in the next one. Ctrl-C stops the answer, a second one the program.";
}

// "/save  a.json " -> {"/save", "a.json"}
std::pair<std::string, std::string> split_command(std::string_view line) {
  const size_t blank = line.find_first_of(" \t");
  const std::string name(line.substr(0, blank));
  if (blank == std::string_view::npos) return {name, {}};
  std::string_view rest = line.substr(blank);
  const size_t begin = rest.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {name, {}};
  rest.remove_prefix(begin);
  return {name, std::string(rest.substr(0, rest.find_last_not_of(" \t") + 1))};
}

}  // namespace

ChatRepl::ChatRepl(Console& console, const Runtime& runtime, Session& session, Conversation& conversation,
                   const SamplerOptions& sampling, const GenerateOptions& options)
    : console_(console),
      runtime_(runtime),
      session_(session),
      conversation_(conversation),
      sampler_(sampling),
      options_(options),
      editor_(history_file()) {}

ExitCode ChatRepl::run() {
  say("Type a message; /help lists the commands, Ctrl-D leaves.");
  ExitCode code = ExitCode::done;
  for (;;) {
    const LineEditor::Input input = read_message();
    if (input.end == LineEditor::End::discarded) {
      say("");
      continue;
    }
    if (input.end != LineEditor::End::line) {
      say("");
      if (input.end == LineEditor::End::interrupted) code = ExitCode::interrupted;
      break;
    }
    if (input.text.find_first_not_of(" \t\n") == std::string::npos) continue;
    editor_.remember(input.text);
    try {
      if (input.text[0] != '/') {
        answer(input.text);
      } else if (obey(input.text) == Next::leave) {
        break;
      }
    } catch (const Error& error) {
      console_.note("{}", error.what());
    }
  }
  try {
    editor_.save_history();
  } catch (const Error& error) {
    console_.note("{}", error.what());
  }
  return code;
}

LineEditor::Input ChatRepl::read_message() {
  std::string message;
  for (;;) {
    LineEditor::Input input = editor_.read(message.empty() ? "> " : ". ");
    if (input.end != LineEditor::End::line) return input;
    message += input.text;
    if (!message.ends_with('\\')) return {LineEditor::End::line, std::move(message)};
    message.back() = '\n';
  }
}

ChatRepl::Next ChatRepl::obey(std::string_view line) {
  const auto [name, argument] = split_command(line);
  if (name == "/exit" || name == "/quit" || name == "/bye") return Next::leave;
  if (name == "/help" || name == "/?") {
    say(help());
  } else if (name == "/clear") {
    conversation_.clear();
    last_.reset();
  } else if (name == "/system") {
    conversation_.set_system(argument);
  } else if (name == "/result") {
    answer_result(argument);
  } else if (name == "/save") {
    save(argument);
  } else if (name == "/load") {
    load(argument);
  } else if (name == "/stats") {
    print_stats();
  } else {
    fail(ExitCode::usage, "no such command: {}; /help lists them", printable(name));
  }
  return Next::go_on;
}

void ChatRepl::answer(const std::string& message) {
  const size_t before = conversation_.messages().size();
  conversation_.add("user", message);
  answer_messages(before);
}

void ChatRepl::answer_result(const std::string& result) {
  const size_t before = conversation_.messages().size();
  if (conversation_.add_tool_result(result)) {
    answer_messages(before);
  } else {
    say("the next call waits for its result");
  }
}

void ChatRepl::answer_messages(size_t before) {
  clear_interruption();
  try {
    if (options_.context_full == ContextFull::shift) before -= drop_oldest_turns();
    options_.keep = conversation_.system_tokens();
    AnswerView view(console_, true);
    const ChatAnswer answer = conversation_.answer(session_, sampler_, options_, view.callbacks());
    last_ = answer;
    const std::string& shown = conversation_.has_tools() ? answer.parts.content : answer.text;
    console_.print(shown.ends_with('\n') || (shown.empty() && !answer.parts.calls.empty()) ? "" : "\n");
    show_calls(console_, answer.parts);
  } catch (...) {
    const bool is_answered = conversation_.messages().back()["role"] == "assistant";
    while (!is_answered && conversation_.messages().size() > before) conversation_.remove_last();
    throw;
  }
  console_.flush();
  note_early_end(console_, *last_);
}

// Makes room for the newest message and half a context of answer by forgetting turns, the oldest first.
size_t ChatRepl::drop_oldest_turns() {
  nlohmann::ordered_json messages = conversation_.messages();
  const size_t first = !messages.empty() && messages[0]["role"] == "system" ? 1 : 0;
  size_t dropped = 0;
  while (conversation_.prompt_tokens().size() > session_.context_length() / 2) {
    // A question goes with all that answers it, so that roles still take turns.
    size_t next = first + 1;
    while (next < messages.size() && messages[next]["role"] != "user") ++next;
    if (next >= messages.size()) break;
    messages.erase(messages.begin() + static_cast<ptrdiff_t>(first), messages.begin() + static_cast<ptrdiff_t>(next));
    dropped += next - first;
    conversation_.load(messages);
  }
  if (dropped > 0) console_.note("the context is full: the {} oldest messages are forgotten", dropped);
  return dropped;
}

void ChatRepl::save(const std::string& path) const {
  if (path.empty()) fail(ExitCode::usage, "/save: a file name is required");
  AtomicFile file(path);
  file.write(conversation_.messages().dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
  file.commit();
}

void ChatRepl::load(const std::string& path) {
  if (path.empty()) fail(ExitCode::usage, "/load: a file name is required");
  const nlohmann::ordered_json messages = nlohmann::ordered_json::parse(read_file(path), nullptr, false);
  if (messages.is_discarded())
    fail(ExitCode::bad_file, "{}: expected a conversation in JSON, found something else", printable(path));
  conversation_.load(messages);
  say(fmt::format("{} messages", messages.size()));
}

void ChatRepl::print_stats() const {
  say(fmt::format("context  {} of {} tokens used", session_.tokens().size(), session_.context_length()));
  say(fmt::format("memory   {:.0f} MB at most so far, {:.0f} MB planned",
                  static_cast<double>(peak_resident_bytes()) / 1e6,
                  static_cast<double>(runtime_.plan().total()) / 1e6));
  if (last_) say(fmt::format("last     {}", speed_text(*last_)));
}

}  // namespace thimble
