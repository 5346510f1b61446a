// eval hellaswag, winogrande and multiple-choice: the same but for the file that holds the tasks.
#include "app/interrupt.h"
#include "app/progress_bar.h"
#include "app/runtime.h"
#include "app/text_input.h"
#include "app/verbs.h"
#include "measure/choices.h"

namespace thimble {
namespace {

constexpr int64_t kDefaultContext = 512;
constexpr size_t kLogitRows = 16;

struct TaskKind {
  std::string_view name;
  std::string_view file_option;   // beside --file
  std::string_view count_option;  // beside --tasks, as llama.cpp has it
  std::string_view file_help;
  int64_t default_count;
  ChoiceTasks (*parse)(const std::string& name, std::string_view text, size_t count);
};

constexpr TaskKind kHellaswag = {"hellaswag",
                                 "-f,--file",
                                 "--tasks,--hellaswag-tasks",
                                 "Six lines a task: context, number of the right ending from 0, four endings",
                                 400,
                                 parse_hellaswag};
constexpr TaskKind kWinogrande = {"winogrande",
                                  "-f,--file",
                                  "--tasks,--winogrande-tasks",
                                  "CSV: index,sentence with a _,first filling,second filling,1 or 2",
                                  0,
                                  parse_winogrande};
constexpr TaskKind kMultipleChoice = {"multiple-choice",
                                      "-f,--file,-bf,--binary-file",
                                      "--tasks,--multiple-choice-tasks",
                                      "llama.cpp's binary form of questions and answers",
                                      0,
                                      parse_multiple_choice};

template <const TaskKind& kKind>
class EvalTasks : public Command {
 public:
  EvalTasks() {
    context_.ctx_size = kDefaultContext;
    context_.cache_type_k = context_.cache_type_v = "f16";
  }

  void declare(OptionTable& options) override {
    model_.declare(options);
    options.heading("Tasks");
    options.text(kKind.file_option, "FILE", file_, std::string(kKind.file_help)).required().path();
    options.integer(kKind.count_option, count_, 0, INT32_MAX, "Tasks to draw, the same every time; 0 for all");
    resume_.declare(options);
    context_.declare(options);
    output_.declare(options);
  }

  ExitCode run(Console& console) override {
    Preflight preflight(model_, context_);
    preflight.session.logit_rows = kLogitRows;
    preflight.require_fit();
    const ChoiceTasks tasks = kKind.parse(file_, read_text(file_), static_cast<size_t>(count_));
    if (tasks.lines_left_out > 0) {
      console.note("{}: {} lines are no tasks and are left out, the first is line {}", printable(file_),
                   tasks.lines_left_out, tasks.first_line_left_out);
    }
    Runtime runtime(std::move(preflight), model_, context_);
    runtime.note_setup(console, output_.verbose);
    const std::unique_ptr<Session> session = runtime.make_session();
    ProgressBar progress(console, "measuring", "tasks");
    const auto report = [&](const ChoiceResult& so_far, size_t total) {
      const auto [low, high] = so_far.interval();
      progress.set_result(fmt::format("{:.2f}% [{:.2f}, {:.2f}]", so_far.score() * 100, low * 100, high * 100));
      progress.update(so_far.tasks, total);
      return !interrupted();
    };
    const ChoiceResult result =
        measure_choices(*session, runtime.tokenizer(), tasks.tasks, report, resume_.open(source(runtime, tasks.tasks)));
    progress.finish();
    stop_if_interrupted();
    print(console, result);
    return ExitCode::done;
  }

 private:
  static uint64_t source(const Runtime& runtime, const std::vector<ChoiceTask>& tasks) {
    uint64_t source = runtime.identity();
    for (const ChoiceTask& task : tasks) {
      for (size_t i = 0; i < task.texts.size(); ++i) {
        source = combine_hashes(source, hash_of(std::as_bytes(std::span(task.texts[i]))));
        source = combine_hashes(source, task.correct[i] ? 1 : 0);
      }
    }
    return source;
  }

  void print(Console& console, const ChoiceResult& result) const {
    const auto [low, high] = result.interval();
    if (output_.json) {
      console.print_json({{"task", kKind.name},
                          {"score", result.score()},
                          {"error", result.error()},
                          {"interval_95", {low, high}},
                          {"chance", result.chance()},
                          {"correct", result.correct},
                          {"tasks", result.tasks}});
    } else {
      console.print(fmt::format(
          "{}: {:.4f}% +/- {:.4f}, 95% interval [{:.4f}%, {:.4f}%], {} of {} tasks right (by chance {:.1f}%)\n",
          kKind.name, result.score() * 100, result.error() * 100, low * 100, high * 100, result.correct, result.tasks,
          result.chance() * 100));
    }
  }

  ModelOptions model_;
  std::string file_;
  int64_t count_ = kKind.default_count;
  ResumeOption resume_;
  ContextOptions context_;
  OutputOptions output_;
};

constexpr Example kHellaswagExamples[] = {
    {"eval hellaswag -m model.gguf -f hellaswag_val_full.txt", "400 tasks, the ones that llama-perplexity draws"},
};
constexpr Example kWinograndeExamples[] = {
    {"eval winogrande -m model.gguf -f winogrande-debiased-eval.csv", "All tasks of the file"},
};
constexpr Example kMultipleChoiceExamples[] = {
    {"eval multiple-choice -m model.gguf -f mmlu-validation.bin --tasks 500", "500 tasks of the file"},
};

}  // namespace

extern const Verb kEvalHellaswag, kEvalWinogrande, kEvalMultipleChoice;
const Verb kEvalHellaswag{"eval hellaswag", "Measure how often a model finds the sensible ending", kHellaswagExamples,
                          make_command<EvalTasks<kHellaswag>>};
const Verb kEvalWinogrande{"eval winogrande", "Measure how often a model fills a gap with the right word",
                           kWinograndeExamples, make_command<EvalTasks<kWinogrande>>};
const Verb kEvalMultipleChoice{"eval multiple-choice", "Measure how often a model finds the right answer",
                               kMultipleChoiceExamples, make_command<EvalTasks<kMultipleChoice>>};

}  // namespace thimble
