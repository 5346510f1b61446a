#include "app/answer_view.h"
#include "app/command_setup.h"
#include "app/interrupt.h"
#include "app/line_reader.h"
#include "app/runtime.h"
#include "app/text_input.h"
#include "app/verbs.h"
#include "assist/commander.h"

namespace thimble {
namespace {

using Json = nlohmann::ordered_json;

Json command_json(const CommandAnswer& answer, size_t tool_count) {
  const Generation& run = answer.generation;
  const CommandPrompt& prompt = answer.prompt;
  Json out = to_json(answer);
  out["probabilities"] = {{"none", answer.probabilities.none},
                          {"name", answer.probabilities.name},
                          {"arguments", answer.probabilities.arguments}};
  out["prompt"] = {{"tokens", run.prompt_tokens}, {"kept_tokens", run.reused_tokens}, {"tools", prompt.tools.size()},
                   {"tools_given", tool_count},   {"detail", name_of(prompt.detail)}, {"shots", prompt.shots}};
  out["generated_tokens"] = run.tokens.size();
  out["prompt_seconds"] = run.prompt_seconds;
  out["decode_seconds"] = run.decode_seconds;
  return out;
}

std::string command_text(const CommandAnswer& answer) {
  std::string text = answer.name.value_or("none") + '(';
  bool is_first = true;
  for (const auto& [key, value] : answer.arguments.items()) {
    text += (is_first ? "" : ", ") + key + ": " + spaced_json(value);
    is_first = false;
  }
  text += fmt::format(")  confidence {:.2f}", answer.confidence.value_or(0));
  if (answer.confirm) text += ", to be confirmed";
  if (answer.is_withheld) text += ", withheld: less sure than --min-confidence";
  return text;
}

// A line of --jsonl: plain words, or JSON where it begins like JSON: a string, or an object with the command as "prompt".
struct CommandLine {
  std::string prompt;
  Json id;  // of an object that has one; null otherwise
};

CommandLine read_command_line(const InputLine& line) {
  if (line.is_too_long()) {
    fail(ExitCode::usage, "a line has at most {} bytes, found {}", Commander::kMostCommandBytes, line.bytes);
  }
  const size_t begin = line.text.find_first_not_of(" \t");
  if (line.text[begin] != '{' && line.text[begin] != '"') return {line.text, nullptr};
  const Json value = Json::parse(line.text, nullptr, false);
  if (value.is_string()) return {value, nullptr};
  if (!value.is_object() || !value.contains("prompt") || !value["prompt"].is_string()) {
    fail(ExitCode::usage, "a line that begins with {} is JSON: a string, or an object with \"prompt\"; found '{}'",
         line.text[begin], printable(line.text, 60));
  }
  return {value["prompt"], value.contains("id") ? value["id"] : Json()};
}

class CommandVerb : public Command {
 public:
  void declare(OptionTable& options) override {
    model_.declare(options);
    prompt_.declare(options);
    options.flag(
        "--jsonl", lines_,
        "Every line of the input is a command, in words or as JSON; an answer as JSON on a line for each, at once");
    options.heading("Commands");
    options.text("--tools", "FILE", tools_, "Tools that may be called, as a JSON array in OpenAI's form")
        .required()
        .path();
    setup_.declare(options);
    context_.declare(options);
    output_.declare(options);
  }

  ExitCode run(Console& console) override {
    const CommandOptions options = setup_.resolve();
    const ToolList tools = ToolList::parse(read_file(tools_), tools_);
    const CommandExamples examples = setup_.read_examples(tools);
    if (lines_ && prompt_.prompt)
      fail(ExitCode::usage, "--jsonl: reads lines from -f FILE or standard input, not from -p");
    if (!prompt_.is_given() && !lines_) prompt_.require("command");
    Preflight preflight(model_, context_);
    preflight.require_fit();  // before standard input is waited for
    const std::string command = lines_ ? std::string() : prompt_.text();
    if (!lines_) Commander::check(command);
    Runtime runtime(std::move(preflight), model_, context_);
    runtime.note_setup(console, output_.verbose);
    const std::unique_ptr<Session> session = runtime.make_session();
    Commander commander(runtime.language_model(), *session, tools, examples, options);
    if (output_.verbose) note_prompt(console, commander, tools);
    return lines_ ? answer_lines(console, commander, tools) : answer_one(console, commander, tools, command);
  }

 private:
  static void note_prompt(const Console& console, const Commander& commander, const ToolList& tools) {
    const CommandPrompter& prompter = commander.prompter();
    if (prompter.shows_all_tools()) {
      console.note("{} tools in the prompt, descriptions: {}", tools.tools().size(), name_of(prompter.detail()));
    } else {
      console.note("{} tools are too many for the context: each prompt has those that are most like the command",
                   tools.tools().size());
    }
  }

  CommandAnswer answer(Console& console, Commander& commander, const std::string& command) const {
    AnswerView view(console, false);
    CommandAnswer answer = commander.answer(command, view.callbacks());
    stop_if_interrupted();
    if (!answer.is_valid) {
      fail(ExitCode::failed,
           "the call did not end within {} tokens: raise -c, or give texts of the tools a maxLength; '{}'",
           answer.generation.tokens.size(), printable(answer.generation.text, 100));
    }
    if (output_.verbose) {
      console.note("{} tokens of prompt, {} of them kept; {}", answer.generation.prompt_tokens,
                   answer.generation.reused_tokens, speed_text(answer.generation));
    }
    return answer;
  }

  ExitCode answer_one(Console& console, Commander& commander, const ToolList& tools, const std::string& command) const {
    const CommandAnswer found = answer(console, commander, command);
    if (output_.json) {
      console.print_json(command_json(found, tools.tools().size()));
    } else {
      console.print_model_text(command_text(found) + '\n');
    }
    return ExitCode::done;
  }

  // A line that is no command costs its own answer only.
  ExitCode answer_lines(Console& console, Commander& commander, const ToolList& tools) const {
    LineReader reader(prompt_.file.value_or("-"), Commander::kMostCommandBytes);
    ExitCode code = ExitCode::done;
    while (const auto line = reader.next()) {
      if (line->text.find_first_not_of(" \t") == std::string::npos) continue;
      Json out = Json::object();
      try {
        const CommandLine given = read_command_line(*line);
        if (!given.id.is_null()) out["id"] = given.id;
        out.update(command_json(answer(console, commander, given.prompt), tools.tools().size()));
      } catch (const Error& error) {
        if (error.code() != ExitCode::usage && error.code() != ExitCode::failed) throw;
        out["error"] = fmt::format("line {}: {}", line->number, error.what());
        console.note("line {}: {}", line->number, error.what());
        code = ExitCode::failed;
      }
      console.print(out.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n');
      console.flush();
    }
    return code;
  }

  ModelOptions model_;
  PromptOptions prompt_;
  bool lines_ = false;
  std::string tools_;
  CommandSetup setup_;
  ContextOptions context_;
  OutputOptions output_;
};

constexpr Example kExamples[] = {
    {"command -m model.gguf --tools tools.json -p \"open valve 12 halfway\" --json",
     "Which tool, with which arguments?"},
    {"command -m model.gguf --tools tools.json --examples commands.jsonl --shots 8 -p \"pump off\"",
     "The same with examples that are like the command"},
    {"command -m model.gguf --tools tools.json --jsonl", "A command a line on standard input, an answer for each"},
};

}  // namespace

extern const Verb kCommand;
const Verb kCommand{"command", "Turn what somebody says into a call of a tool", kExamples, make_command<CommandVerb>};

}  // namespace thimble
