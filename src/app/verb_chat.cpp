#include <filesystem>

#include "app/answer_view.h"
#include "app/chat_repl.h"
#include "app/grammar_options.h"
#include "app/prefix_cache.h"
#include "app/text_input.h"
#include "app/verbs.h"

namespace thimble {
namespace {

class Chat : public Command {
 public:
  void declare(OptionTable& options) override {
    model_.declare(options);
    prompt_.declare(options);
    options.text("-sys,--system-prompt", "TEXT", system_, "What the model is told before the conversation");
    options
        .text("--chat-template", "TEMPLATE", template_,
              "Chat template in place of the file's own: Jinja text, or a file with it")
        .only_one_of("template");
    options.text("--chat-template-file", "FILE", template_file_, "The same, always a file")
        .only_one_of("template")
        .path();
    options
        .text("--tools", "FILE", tools_,
              "Tools that the model may call, as a JSON array in OpenAI's form; calls are shown, not run")
        .path();
    options.text("--chat-template-kwargs", "JSON", variables_,
                 "What the chat template sees besides, such as {\"enable_thinking\": false}");
    answer_.declare(options);
    grammar_.declare(options);
    sampling_.declare(options);
    context_.declare(options);
    prefix_cache_.declare(options);
    output_.declare(options);
  }

  ExitCode run(Console& console) override {
    GenerateOptions options = answer_.resolve();
    const SamplerOptions sampling = sampling_.resolve();
    std::shared_ptr<const Grammar> grammar = grammar_.compile();
    const bool is_interactive = !prompt_.is_given() && input_is_terminal();
    if (is_interactive && output_.json) fail(ExitCode::usage, "--json: one answer only: give -p TEXT or -f FILE");
    const std::string template_text = chat_template();
    Preflight preflight(model_, context_);
    preflight.session.logit_rows = 1 + options.draft_tokens;
    preflight.require_fit();  // before standard input is waited for
    const std::string message = is_interactive ? std::string() : prompt_.text();
    if (!is_interactive && message.find_first_not_of(" \t\r\n") == std::string::npos) {
      fail(ExitCode::usage, "chat: the prompt is empty");
    }
    Runtime runtime(std::move(preflight), model_, context_);
    runtime.note_setup(console, output_.verbose);
    const std::unique_ptr<TokenConstraint> constraint = make_constraint(std::move(grammar), runtime.tokenizer());
    options.constraint = constraint.get();
    Conversation conversation(runtime.language_model(), template_text);
    conversation.set_system(system_);
    if (variables_) conversation.set_variables(parse_json(*variables_, "--chat-template-kwargs"));
    if (tools_) conversation.set_tools(parse_json(read_text(*tools_), "--tools"));
    const std::unique_ptr<Session> session = runtime.make_session();
    prefix_cache_.prepare(console, runtime, *session, fixed_beginning(conversation), output_.verbose);
    if (is_interactive) return ChatRepl(console, runtime, *session, conversation, sampling, options).run();
    return answer_once(console, *session, conversation, sampling, message, options);
  }

 private:
  static nlohmann::ordered_json parse_json(const std::string& text, std::string_view option) {
    nlohmann::ordered_json value = nlohmann::ordered_json::parse(text, nullptr, false);
    if (value.is_discarded()) fail(ExitCode::usage, "{}: expected JSON, found something else", option);
    return value;
  }

  std::string chat_template() const {
    if (template_file_) return read_text(*template_file_);
    if (!template_) return {};
    if (template_->find('{') != std::string::npos) return *template_;
    std::error_code error;
    if (!std::filesystem::exists(*template_, error)) {
      fail(ExitCode::usage, "--chat-template: expected Jinja text or a file with it, found '{}'",
           printable(*template_));
    }
    return read_text(*template_);
  }

  static std::vector<TokenId> fixed_beginning(Conversation conversation) {
    conversation.add("user", "a");
    std::vector<TokenId> tokens = conversation.prompt_tokens();
    tokens.resize(conversation.system_tokens());
    return tokens;
  }

  ExitCode answer_once(Console& console, Session& session, Conversation& conversation, const SamplerOptions& sampling,
                       const std::string& message, GenerateOptions options) const {
    conversation.add("user", message);
    options.keep = conversation.system_tokens();
    Sampler sampler(sampling);
    AnswerView view(console, !output_.json);
    const ChatAnswer answer = conversation.answer(session, sampler, options, view.callbacks());
    if (!conversation.has_tools()) return finish_answer(console, answer, sampling, output_);
    Generation shown = answer;
    if (!output_.json) {
      if (!answer.parts.calls.empty() && !answer.parts.content.empty()) console.print("\n");
      show_calls(console, answer.parts);
      shown.text = answer.parts.calls.empty() ? answer.parts.content : "\n";
    }
    return finish_answer(console, shown, sampling, output_, parts_json(answer.parts));
  }

  ModelOptions model_;
  PromptOptions prompt_;
  std::string system_;
  std::optional<std::string> template_;
  std::optional<std::string> template_file_;
  std::optional<std::string> tools_;
  std::optional<std::string> variables_;
  AnswerOptions answer_;
  GrammarOptions grammar_;
  SamplingOptions sampling_;
  ContextOptions context_;
  PrefixCacheOption prefix_cache_;
  OutputOptions output_;
};

constexpr Example kExamples[] = {
    {"chat -m model.gguf", "Talk with a model"},
    {"chat -m model.gguf -p \"How do I bleed a hydraulic pump?\"", "One question, one answer"},
    {"chat -m model.gguf -sys \"Answer in one sentence.\" -f question.txt --json",
     "The same from a file, reported as JSON"},
    {"chat -m model.gguf --tools tools.json -p \"What is the weather in Rome?\" --json",
     "Which tool would the model call?"},
};

}  // namespace

extern const Verb kChat;
const Verb kChat{"chat", "Talk with a model, or ask it one question", kExamples, make_command<Chat>};

}  // namespace thimble
