#include <algorithm>
#include <filesystem>

#include "app/command_setup.h"
#include "app/embedding_model.h"
#include "app/interrupt.h"
#include "app/progress_bar.h"
#include "app/runtime.h"
#include "app/task_models.h"
#include "app/temporary_folder.h"
#include "app/text_input.h"
#include "app/verbs.h"
#include "base/atomic_file.h"
#include "base/memory.h"
#include "measure/task_page.h"
#include "measure/task_report.h"

namespace thimble {
namespace {

class EvalTask : public Command {
 public:
  void declare(OptionTable& options) override {
    options.heading("Model");
    options
        .texts("-m,--model", "MODEL", models_,
               "GGUF file, or a model in the cache; given several times, models are compared")
        .path();
    model_.declare_adapters(options);
    options.heading("Tasks");
    options.text("FILE", "FILE", file_, "Task file, a case as JSON on every line").required().path();
    options.integer("--limit", limit_, 1, INT32_MAX, "Only the first N cases").by_default("all");
    options.text("--category", "NAME", category_, "Only cases of this category");
    options.flag("--no-constraint", is_free_, "Let answers be what the model says, not only what a case can take");
    options.integer("-n,--predict", predict_, 1, INT32_MAX, "Tokens of an answer to a text at most");
    setup_.declare(options);
    options.heading("Questions");
    options.flag("--no-retrieval", no_retrieval_, "Ask the model alone, without the manuals");
    options
        .text("--kb", "FILE", base_,
              "Knowledge base of the documents; without one the cases' documents are indexed first")
        .path();
    embedding_.declare(options, "Encoder to search with besides words");
    options.heading("Answers");
    options
        .texts("--answers", "FILE", answers_,
               "Keep the answers in FILE, from which the same command goes on after a break; one for each model")
        .path();
    options
        .texts("--from-answers", "FILE", from_answers_,
               "Run no model: score the answers of FILE, which anything may have written; several files are compared")
        .path();
    options
        .text("--fit-calibration", "FILE", fit_, "Write how confident which probability makes, fitted on these answers")
        .path();
    options.text("--html", "FILE", html_, "Write the report as a page that needs nothing else").path();
    context_.declare(options);
    output_.declare(options);
  }

  ExitCode run(Console& console) override {
    check_options();
    const TaskFile file = TaskFile::read(file_, read_file(file_));
    std::vector<TaskCase> cases = chosen_cases(file);
    std::optional<AtomicFile> fitted, page;  // what cannot be written is found out before hours of work
    if (fit_) fitted.emplace(*fit_);
    if (html_) page.emplace(*html_);
    std::vector<TaskRun> runs = from_answers_.empty() ? ask_models(console, file, cases) : read_runs(file);
    // Answers that are there are seen in the light of a calibration only where one is asked for.
    CommandOptions command = setup_.resolve();
    if (fit_) {
      command.calibration = fit_to_answers(cases, runs.front().records, command_options().calibration);
      fitted->write(command.calibration.to_json().dump(2) + '\n');
      fitted->commit();
    }
    if (fit_ || (setup_.calibration && !from_answers_.empty())) {
      for (TaskRun& run : runs) recalibrate(run.records, command.calibration, command.min_confidence);
    }
    const TaskReport report = make_task_report(file_, std::move(cases), std::move(runs));
    if (page) {
      page->write(task_page(report));
      page->commit();
    }
    if (output_.json) {
      console.print_json(task_report_json(report));
    } else {
      console.print(task_report_text(report));
    }
    return ExitCode::done;
  }

 private:
  void check_options() const {
    if (models_.empty() == from_answers_.empty()) {
      fail(ExitCode::usage, "eval task: give -m MODEL, or --from-answers FILE to score answers that are there");
    }
    if (!answers_.empty() && answers_.size() != models_.size()) {
      fail(ExitCode::usage, "--answers: {} models, {} files for their answers: give one for each", models_.size(),
           answers_.size());
    }
    if (fit_ && models_.size() + from_answers_.size() > 1) {
      fail(ExitCode::usage, "--fit-calibration: is of one model, found {}", models_.size() + from_answers_.size());
    }
    for (const auto& output : {fit_, html_}) {
      if (output) require_different_files(file_, *output);
    }
    for (const std::string& output : answers_) require_different_files(file_, output);
  }

  std::vector<TaskCase> chosen_cases(const TaskFile& file) const {
    std::vector<TaskCase> cases;
    for (const TaskCase& task : file.cases) {
      if (limit_ && cases.size() == static_cast<size_t>(*limit_)) break;
      if (!category_ || task.category == *category_) cases.push_back(task);
    }
    if (cases.empty()) fail(ExitCode::usage, "--category {}: no case has it", printable(*category_));
    return cases;
  }

  // The best threshold of none is found from answers without none.
  CommandOptions command_options() const {
    CommandOptions options = setup_.resolve();
    if (fit_) options.calibration.none_threshold = 1;
    return options;
  }

  TaskModelOptions model_options() const {
    TaskModelOptions options{.command = {.command = command_options()}, .question = {}, .text = {}};
    options.command.command.is_constrained = options.text.is_constrained = !is_free_;
    options.text.max_tokens = static_cast<size_t>(predict_);
    options.question.ask.with_retrieval = !no_retrieval_;
    options.question.base_path = base_.value_or("");
    if (setup_.examples) {
      options.command.examples_path = *setup_.examples;
      options.command.examples = read_file(*setup_.examples);
    }
    return options;
  }

  std::vector<TaskRun> ask_models(Console& console, const TaskFile& file, const std::vector<TaskCase>& cases) {
    TaskModelOptions options = model_options();
    require_examples(cases);
    const TemporaryFolder folder;
    options.question.folder = folder.path();
    const bool has_questions = std::ranges::find(cases, TaskKind::question, &TaskCase::kind) != cases.end();
    std::optional<EmbeddingModel> embedding;
    if (embedding_.path && has_questions && !no_retrieval_) {
      embedding.emplace(EmbeddingModel::preflight(*embedding_.path, context_), context_);
      options.question.embedder = &embedding->embedder();
    }
    const auto plan_of = [&](const ModelOptions& model) {
      Preflight preflight(model, context_);
      preflight.require_fit(has_questions && !no_retrieval_ ? kKnowledgeBaseBytes : 0);
      return preflight;
    };
    for (const std::string& name : models_) plan_of(model_named(name));  // all of them before the first is run
    std::vector<TaskRun> runs;
    for (size_t i = 0; i < models_.size(); ++i) {
      const ModelOptions model = model_named(models_[i]);
      reset_peak_resident_bytes();
      Preflight preflight = plan_of(model);
      Runtime runtime(std::move(preflight), model, context_);
      runtime.note_setup(console, output_.verbose);
      TaskRun run{.name = std::filesystem::path(models_[i]).filename().string()};
      AnswersFile kept =
          answers_.empty() ? AnswersFile() : AnswersFile(answers_[i], run_json(runtime, file, options), file);
      run.records = ask_model(console, runtime, cases, options, kept);
      run.peak_bytes = peak_resident_bytes();
      runs.push_back(std::move(run));
    }
    return runs;
  }

  ModelOptions model_named(const std::string& name) const {
    ModelOptions model = model_;
    model.model = name;
    return model;
  }

  // Before a model is loaded.
  void require_examples(const std::vector<TaskCase>& cases) const {
    const auto command = std::ranges::find(cases, TaskKind::command, &TaskCase::kind);
    if (setup_.examples && command != cases.end()) setup_.read_examples(*command->tools);
  }

  // What answers depend on. Which cases are asked is no part of it.
  nlohmann::ordered_json run_json(const Runtime& runtime, const TaskFile& file, const TaskModelOptions& options) const {
    uint64_t hash = runtime.identity();
    const std::string how = fmt::format(
        "{} {} {} {} {} {} {} {} {} {}", is_free_, no_retrieval_, base_.value_or(""), embedding_.path.value_or(""),
        predict_, runtime.session_options().kv.context_length, options.command.command.shots, setup_.shot_choice,
        options.command.command.min_confidence, options.command.command.calibration.to_json().dump());
    for (const std::string& text : {read_file(file.path), how, options.command.examples, setup_.system}) {
      hash = combine_hashes(hash, hash_of(std::as_bytes(std::span(text))));
    }
    return {{"model", std::filesystem::path(runtime.language_model().gguf().path()).filename().string()},
            {"file", std::filesystem::path(file.path).filename().string()},
            {"source", fmt::format("{:016x}", hash)}};
  }

  TaskRecords ask_model(Console& console, Runtime& runtime, const std::vector<TaskCase>& cases,
                        const TaskModelOptions& options, AnswersFile& kept) const {
    const std::unique_ptr<Session> session = runtime.make_session();
    TaskRunners runners(runtime.language_model(), *session, options);
    ProgressBar progress(console, "asking", "cases");
    TaskRecords records = kept.kept();
    const size_t kept_count = records.size();
    size_t done = 0;
    for (const TaskCase& task : cases) {
      if (!records.contains(task.id)) {
        if (const auto record = ask(console, runners, task)) {
          kept.append(task, *record);
          records.emplace(task.id, *record);
        }
      }
      progress.update(++done, cases.size(), std::min(kept_count, done));
    }
    progress.finish();
    return records;
  }

  // A case that cannot be put to this model, as one too long for its context, is not answered.
  static std::optional<TaskRecord> ask(Console& console, TaskRunners& runners, const TaskCase& task) {
    try {
      TaskRecord record = runners.of(task.kind).answer(task, {.interrupted = interrupted});
      stop_if_interrupted();
      return record;
    } catch (const Error& error) {
      if (error.code() != ExitCode::failed && error.code() != ExitCode::usage) throw;
      console.note("line {}: {}", task.line, error.what());
      return std::nullopt;
    }
  }

  std::vector<TaskRun> read_runs(const TaskFile& file) const {
    std::vector<TaskRun> runs;
    for (const std::string& path : from_answers_) {
      runs.push_back({.name = path, .records = read_task_records(path, read_file(path), file)});
    }
    return runs;
  }

  std::vector<std::string> models_;
  ModelOptions model_;
  std::string file_;
  std::optional<int64_t> limit_;
  std::optional<std::string> category_;
  bool is_free_ = false;
  int64_t predict_ = 256;
  CommandSetup setup_;
  bool no_retrieval_ = false;
  std::optional<std::string> base_;
  EmbeddingOption embedding_;
  std::vector<std::string> answers_;
  std::vector<std::string> from_answers_;
  std::optional<std::string> fit_;
  std::optional<std::string> html_;
  ContextOptions context_;
  OutputOptions output_;
};

constexpr Example kExamples[] = {
    {"eval task commands.jsonl -m model.gguf", "How often a model is right, by category"},
    {"eval task commands.jsonl -m small.gguf -m large.gguf --html report.html",
     "Two models compared, as a page with plots"},
    {"eval task commands.jsonl -m model.gguf --examples train.jsonl --shots 8 --answers out.jsonl",
     "With examples; goes on from out.jsonl after a break"},
    {"eval task commands.jsonl --from-answers other.jsonl --json", "Answers of anything else, scored alike"},
};

}  // namespace

extern const Verb kEvalTask;
const Verb kEvalTask{"eval task", "Measure how well a model does your own tasks", kExamples, make_command<EvalTask>};

}  // namespace thimble
