#include "app/interrupt.h"
#include "app/progress_bar.h"
#include "app/runtime.h"
#include "app/text_input.h"
#include "app/verbs.h"
#include "assist/log_file.h"
#include "assist/log_report.h"

namespace thimble {
namespace {

class Summarize : public Command {
 public:
  void declare(OptionTable& options) override {
    options.heading("Log");
    options.texts("-f,--file", "FILE", files_, "A log, - for standard input").path();
    options.value(
        "--lines", "A-B", [this](const std::string& value) { window_ = parse_window(value); },
        "Only these lines of it; they keep their numbers");
    options.heading("Output");
    options.flag("--json", json_, "Report as JSON");
    options.flag("--jsonl", jsonl_, "Report as JSON, a line for each log");
    options.flag("--facts", facts_, "Also the log's templates, levels and rate");
  }

  ExitCode run(Console& console) override {
    if (files_.empty()) files_.push_back("-");
    for (const std::string& file : files_) {
      ProgressBar progress(console, "reading", "bytes");
      const LogFacts facts = analyze_log_file(file, window_, [&](uint64_t done, uint64_t total) {
        progress.update(done, total);
        return !interrupted();
      });
      progress.finish();
      nlohmann::ordered_json json = {{"summary", plain_summary(facts)}, {"events", nlohmann::ordered_json::array()}};
      for (const LogEvent& event : facts.events) json["events"].push_back(to_json(event));
      if (facts_) json["facts"] = to_json(facts);
      if (jsonl_)
        console.print(json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
      else
        console.print_json(json);
    }
    return ExitCode::done;
  }

 private:
  static LogWindow parse_window(const std::string& value) {
    LogWindow w;
    if (std::sscanf(value.c_str(), "%lu-%lu", &w.first_line, &w.last_line) != 2) fail(ExitCode::usage, "x");
    return w;
  }
  std::vector<std::string> files_;
  LogWindow window_;
  bool json_ = false;
  bool jsonl_ = false;
  bool facts_ = false;
};

constexpr Example kExamples[] = {{"summarize -f pump.log --json", "What happened"}};

}  // namespace

extern const Verb kSummarize;
const Verb kSummarize{"summarize", "Sum up a log: what happened, with the lines that say so", kExamples,
                      make_command<Summarize>};

}  // namespace thimble
