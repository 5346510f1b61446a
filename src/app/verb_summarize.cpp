#include "app/interrupt.h"
#include "app/option_values.h"
#include "app/progress_bar.h"
#include "app/runtime.h"
#include "app/text_input.h"
#include "app/verbs.h"
#include "assist/log_report.h"
#include "assist/log_summary.h"

namespace thimble {
namespace {

constexpr int64_t kDefaultContext = 2048;
constexpr uint64_t kAnalysisBytes = 64 << 20;  // what the analysis may take at most beside the model

// "20-50", "20-", "20"
LogWindow parse_window(const std::string& text) {
  const size_t dash = text.find('-');
  LogWindow window;
  window.first_line = static_cast<uint64_t>(parse_integer(text.substr(0, dash), 1, INT64_MAX));
  window.last_line = window.first_line;
  if (dash == text.size() - 1) {
    window.last_line = UINT64_MAX;
  } else if (dash != std::string::npos) {
    window.last_line =
        static_cast<uint64_t>(parse_integer(text.substr(dash + 1), static_cast<int64_t>(window.first_line), INT64_MAX));
  }
  return window;
}

// What a model takes, and its session.
struct LoadedModel {
  LoadedModel(Preflight preflight, const ModelOptions& model_options, const ContextOptions& context_options)
      : runtime(std::move(preflight), model_options, context_options), session(runtime.make_session()) {}

  Runtime runtime;
  std::unique_ptr<Session> session;
};

class Summarize : public Command {
 public:
  Summarize() { context_.ctx_size = kDefaultContext; }

  void declare(OptionTable& options) override {
    model_.declare_model(options, false);
    model_.declare_adapters(options);
    model_.declare_pre_tokenizer(options);
    options.heading("Log");
    options.texts("-f,--file", "FILE", files_, "A log, - for standard input; several give a summary each").path();
    options.value(
        "--lines", "A-B", [this](const std::string& value) { window_ = parse_window(value); },
        "Only these lines of it; they keep their numbers");
    options.text("--chat-template-file", "FILE", template_file_, "Chat template in place of the model's own").path();
    context_.declare(options);
    output_.declare(options);
    options.flag("--jsonl", jsonl_, "Report as JSON, on one line for each log");
    options.flag("--facts", facts_, "With JSON also the log's levels, templates and rate over time");
  }

  ExitCode run(Console& console) override {
    if (files_.empty() && input_is_terminal()) {
      fail(ExitCode::usage, "summarize: a log is required: --file FILE, or - and lines on standard input");
    }
    if (files_.empty()) files_.push_back("-");
    if (std::ranges::count(files_, "-") > 1) fail(ExitCode::usage, "--file: standard input can be read once only");
    LogSummarizer summarizer;
    const std::unique_ptr<LoadedModel> model = load_model(console);
    if (model) {
      const std::string chat_template = template_file_ ? read_text(*template_file_) : std::string();
      summarizer = LogSummarizer(model->runtime.language_model(), *model->session, chat_template);
    }
    summarizer.set_interrupted(interrupted);
    nlohmann::ordered_json all = nlohmann::ordered_json::array();
    for (const std::string& file : files_) {
      const LogSummary summary = summarize(console, summarizer, file);
      if (!output_.json && !jsonl_) {
        print_text(console, summary, file);
        continue;
      }
      nlohmann::ordered_json json = to_json(summary);
      if (files_.size() > 1) json["file"] = file;
      if (facts_) json["facts"] = to_json(summary.facts);
      if (jsonl_) {
        console.print(json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
        console.flush();
      } else {
        all.push_back(std::move(json));
      }
    }
    if (output_.json && !jsonl_) console.print_json(all.size() == 1 ? all[0] : all);
    return ExitCode::done;
  }

 private:
  std::unique_ptr<LoadedModel> load_model(Console& console) {
    if (model_.model.empty()) return nullptr;
    Preflight preflight(model_, context_);
    preflight.require_fit(kAnalysisBytes);
    auto loaded = std::make_unique<LoadedModel>(std::move(preflight), model_, context_);
    loaded->runtime.note_setup(console, output_.verbose);
    return loaded;
  }

  LogSummary summarize(Console& console, LogSummarizer& summarizer, const std::string& file) const {
    LogFacts facts;
    {
      ProgressBar progress(console, "reading", "bytes");
      facts = analyze_log_file(file, window_, [&](uint64_t done, uint64_t total) {
        progress.update(done, total);
        return !interrupted();
      });
      progress.finish();
    }
    ProgressBar progress(console, "writing", "events");
    summarizer.set_progress([&](size_t done, size_t total) { progress.update(done, total); });
    LogSummary summary = summarizer.summarize(std::move(facts));
    summarizer.set_progress({});
    progress.finish();
    return summary;
  }

  void print_text(Console& console, const LogSummary& summary, const std::string& file) const {
    const LogFacts& facts = summary.facts;
    if (files_.size() > 1) console.print(fmt::format("{}\n", printable(file)));
    const std::string span =
        facts.first_time ? fmt::format(", {} to {}", log_time_text(*facts.first_time), log_time_text(*facts.last_time))
                         : "";
    console.print(fmt::format("{}\n\n{} lines{}, {} events\n", summary.text, facts.lines, span, facts.events.size()));
    for (const LogEvent& event : facts.events) {
      console.print(fmt::format("{:>8}  {:<8}  {}\n", name_of(event.severity),
                                line_reference(event.first_line, event.last_line), event.what));
    }
    if (files_.size() > 1) console.print("\n");
  }

  ModelOptions model_;
  ContextOptions context_;
  OutputOptions output_;
  std::vector<std::string> files_;
  LogWindow window_;
  std::optional<std::string> template_file_;
  bool jsonl_ = false;
  bool facts_ = false;
};

constexpr Example kExamples[] = {
    {"summarize -f pump.log", "What happened, without a model: events with their lines"},
    {"summarize -m model.gguf -f pump.log --json", "The same with sentences by a model, as JSON"},
    {"summarize -f pump.log --lines 200-400", "Only a part of the log"},
    {"summarize --jsonl < pump.log", "From standard input, on one line"},
};

}  // namespace

extern const Verb kSummarize;
const Verb kSummarize{"summarize", "Sum up a log: what happened, with the lines that say so", kExamples,
                      make_command<Summarize>};

}  // namespace thimble
