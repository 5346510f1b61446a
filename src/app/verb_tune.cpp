#include <filesystem>

#include "app/help_text.h"
#include "app/interrupt.h"
#include "app/preflight.h"
#include "app/progress_bar.h"
#include "app/run_folder.h"
#include "app/text_input.h"
#include "app/training_log.h"
#include "app/training_size_options.h"
#include "app/verbs.h"
#include "base/atomic_file.h"
#include "measure/kept_rows.h"
#include "tune/peft_folder.h"
#include "tune/trainer.h"
#include "tune/training_plan.h"

namespace thimble {
namespace {

// A model ready to be trained on, with what is read off its data.
struct Loaded {
  LanguageModel language_model;
  Model model;  // of its own, for the adapter
  std::vector<TrainingExample> training, validation;
  RunIdentity identity;
};

class TuneVerb : public Command {
 public:
  void declare(OptionTable& options) override {
    model_.declare_model(options);
    model_.declare_pre_tokenizer(options);
    declare_data(options);
    declare_adapter(options);
    declare_optimizer(options);
    declare_run(options);
    options.heading("Machine");
    context_.declare_machine(options);
    context_.declare_memory_limit(options);
    output_.declare(options);
  }

  ExitCode run(Console& console) override {
    Preflight preflight(model_, context_);
    require_trainable(preflight.model());
    settle(preflight.model());
    const uint64_t planned = require_fit(preflight);
    if (output_.verbose) console.note("{:.0f} MB planned", static_cast<double>(planned) / 1e6);
    require_outputs(preflight);
    Team team(preflight.threads());
    Loaded loaded = load(preflight);
    Trainer trainer(loaded.model, select_kernels(context_.isa), team, options_, std::move(loaded.training),
                    std::move(loaded.validation));
    begin(console, loaded, trainer);
    if (run_dir_) RunFolder(*run_dir_).write_recipe(full_recipe(loaded, preflight.threads()));
    const StepReport last = train(console, loaded, trainer);
    finish(console, loaded, trainer, last);
    return ExitCode::done;
  }

 private:
  void declare_data(OptionTable& options) {
    options.heading("Data");
    options
        .text("--data", "FILE", data_,
              "Examples, a JSON object a line: messages, prompt and completion, text, or ids and labels")
        .path()
        .required();
    options.text("--val", "FILE", validation_data_, "Examples to measure the loss on; the best adapter is kept").path();
    options.text("--chat-template", "FILE", chat_template_, "Chat template of conversations, instead of the model's")
        .path();
    size_.declare_length(options);
    options.flag("--no-shuffle", no_shuffle_, "Take the examples in the order of the file");
  }

  void declare_adapter(OptionTable& options) {
    options.heading("Adapter");
    options.text("-o,--output", "OUT", out_, "The adapter to write, in llama.cpp's GGUF form").path().required();
    options.text("--peft-out", "DIR", peft_out_, "Write it as a folder of peft too").path();
    options
        .text("--init", "ADAPTER", init_,
              "Begin with this adapter: a folder of peft, which says rank, alpha and targets, or a GGUF file")
        .path();
    size_.declare_factors(options);
    options.real("--alpha", alpha_, 1e-6, 1e6, "What the adapter adds is scaled by alpha / rank");
    options.real("--dropout", dropout_, 0, 0.99, "Share of what the factors read that is dropped in training");
  }

  void declare_optimizer(OptionTable& options) {
    options.heading("Optimiser");
    size_.declare_optimizer(options);
    options.real("--lr", learning_rate_, 0, 10, "Learning rate");
    options.choice("--schedule", "NAME", schedule_, {"cosine", "constant"}, "What becomes of it over the run");
    options.integer("--warmup", warmup_, 0, INT32_MAX, "Steps over which it rises from 0");
    options.real("--weight-decay", weight_decay_, 0, 10, "Weight decay");
    options.real("--clip", clip_, 0, 1e6, "Most that the gradient's norm may be, 0 for no limit");
  }

  void declare_run(OptionTable& options) {
    options.heading("Run");
    options.integer("--steps", steps_, 1, INT32_MAX, "Steps of the optimiser").only_one_of("length");
    options.real("--epochs", epochs_, 0.001, 1e6, "Passes through the examples").only_one_of("length");
    size_.declare_batch(options);
    size_.declare_precision(options);
    options.integer("--grad-accum", grad_accum_, 1, 65536, "Batches a step");
    options.integer("--seed", seed_, 0, INT64_MAX, "Seed of the first factors and of the order of the examples");
    options.integer("--eval-every", eval_every_, 0, INT32_MAX, "Steps between measurements with --val, 0 for an epoch");
    options.integer("--patience", patience_, 0, INT32_MAX,
                    "End after N measurements without a better one, 0 for never");
    options.integer("--save-every", save_every_, 0, INT32_MAX,
                    "Write the checkpoint OUT.checkpoint every N steps; 0 for Ctrl-C alone");
    options.flag("--resume", resume_, "Go on from OUT.checkpoint where it is there");
    options
        .text("--log", "FILE", log_,
              "Write a JSON object a step: step, loss, lr, tokens, tps; or columns, where the name ends in .csv")
        .path();
    options
        .text("--run-dir", "DIR", run_dir_,
              "Keep the run's recipe (options, hashes of model and data), its log and a plot of its losses there")
        .path();
  }

  std::string checkpoint_path() const { return out_ + ".checkpoint"; }

  // What can be said before the data is read.
  void settle(const Model& model) {
    size_.apply(options_);
    options_.lora.alpha = static_cast<float>(alpha_);
    if (init_ && is_peft_folder(*init_)) options_.lora = read_peft_options(*init_, model);
    options_.lora.dropout = static_cast<float>(dropout_);
    options_.optimizer.learning_rate = learning_rate_;
    options_.optimizer.weight_decay = weight_decay_;
    options_.optimizer.clip = clip_;
    options_.optimizer.schedule = schedule_ == "cosine" ? Schedule::cosine : Schedule::constant;
    options_.optimizer.warmup = static_cast<uint64_t>(warmup_);
    options_.grad_accum = static_cast<size_t>(grad_accum_);
    options_.seed = static_cast<uint64_t>(seed_);
    options_.shuffle = !no_shuffle_;
    options_.eval_every = static_cast<uint64_t>(eval_every_);
    options_.patience = static_cast<uint64_t>(patience_);
    Lora::plan(model, options_.lora);  // refuses targets that the model lacks, and a rank that is too high
  }

  // What it will take, at most.
  uint64_t require_fit(const Preflight& preflight) const {
    const MemoryPlan loaded = preflight.plan();
    require_training_fit(preflight.model(), loaded, options_, preflight.threads(), preflight.limit().bytes,
                         preflight.limit().source);
    return plan_training(preflight.model(), loaded, options_, preflight.threads()).total();
  }

  // What cannot be written is refused now, not after hours.
  void require_outputs(const Preflight& preflight) const {
    for (const std::string& output : {out_, checkpoint_path()}) {
      preflight.require_no_input(output);
      require_different_files(data_, output);
      if (validation_data_) require_different_files(*validation_data_, output);
      AtomicFile{output};
    }
    std::error_code error;
    if (!resume_ && std::filesystem::exists(checkpoint_path(), error)) {
      fail(ExitCode::usage, "{}: a run that was ended left it; go on with --resume, or remove it",
           printable(checkpoint_path()));
    }
  }

  Loaded load(Preflight& preflight) {
    LanguageModel language_model =
        LanguageModel::load(preflight.take_gguf(), {model_.pre_tokenizer, model_.check_tensors});
    DataOptions data_options;
    data_options.max_length = options_.max_length;
    if (chat_template_) data_options.template_source = read_file(*chat_template_);
    const std::string text = read_text(data_);
    Loaded loaded{std::move(language_model), {}, {}, {}, {}};
    loaded.model = Model::bind(loaded.language_model.gguf());
    loaded.training = read_training_data(loaded.language_model, data_options, data_, text);
    std::string all = text + data_options.template_source;
    if (validation_data_) {
      const std::string validation = read_text(*validation_data_);
      loaded.validation = read_training_data(loaded.language_model, data_options, *validation_data_, validation);
      require_apart(loaded.training, loaded.validation, *validation_data_);
      all += validation;
    }
    options_.optimizer.steps =
        steps_ ? static_cast<uint64_t>(*steps_) : steps_of_epochs(options_, loaded.training.size(), epochs_);
    loaded.identity = {fmt::format("{:016x}", identity_of(loaded.language_model.gguf())),
                       fmt::format("{:016x}", hash_of(std::as_bytes(std::span(all)))), recipe()};
    return loaded;
  }

  // Every option that results depend on.
  std::string recipe() const {
    return fmt::format(
        "rank {} alpha {} dropout {} targets {} init {} {} lr {} {} warmup {} weight decay {} clip {} steps {} "
        "batch {} x {} length {} seed {} {} eval {} patience {} {}",
        options_.lora.rank, options_.lora.alpha, dropout_, size_.targets, init_.value_or("-"), size_.optimizer,
        learning_rate_, schedule_, warmup_, weight_decay_, clip_, options_.optimizer.steps, size_.batch_size,
        grad_accum_, size_.max_length, seed_, no_shuffle_ ? "in order" : "shuffled", eval_every_, patience_,
        size_.precision);
  }

  // All that is needed to do the run again, and to see that it is the same.
  nlohmann::ordered_json full_recipe(const Loaded& loaded, unsigned threads) const {
    nlohmann::ordered_json json = {{"version", version_text()},
                                   {"model", loaded.language_model.gguf().path()},
                                   {"model_hash", loaded.identity.model},
                                   {"data", data_},
                                   {"data_hash", loaded.identity.data},
                                   {"out", out_},
                                   {"recipe", loaded.identity.options},
                                   {"threads", threads},
                                   {"isa", select_kernels(context_.isa).isa}};
    if (validation_data_) json["val"] = *validation_data_;
    if (chat_template_) json["chat_template"] = *chat_template_;
    nlohmann::ordered_json& options = json["options"];
    options = {{"rank", options_.lora.rank},
               {"alpha", options_.lora.alpha},
               {"dropout", dropout_},
               {"targets", size_.targets},
               {"optimizer", size_.optimizer},
               {"precision", size_.precision},
               {"lr", learning_rate_},
               {"schedule", schedule_},
               {"warmup", warmup_},
               {"weight_decay", weight_decay_},
               {"clip", clip_},
               {"steps", options_.optimizer.steps},
               {"batch_size", size_.batch_size},
               {"grad_accum", grad_accum_},
               {"max_length", size_.max_length},
               {"seed", seed_},
               {"no_shuffle", no_shuffle_},
               {"eval_every", eval_every_},
               {"patience", patience_}};
    if (init_) options["init"] = *init_;
    return json;
  }

  void begin(const Console& console, const Loaded& loaded, Trainer& trainer) const {
    std::error_code error;
    if (resume_ && std::filesystem::exists(checkpoint_path(), error)) {
      trainer.read_checkpoint(checkpoint_path(), loaded.identity);
      console.note("going on after step {} of the checkpoint", trainer.done());
      return;
    }
    trainer.lora().initialize(options_.seed);
    if (!init_) return;
    if (is_peft_folder(*init_)) {
      read_peft_factors(*init_, loaded.model, trainer.lora());
    } else {
      trainer.lora().read_gguf(*init_);
    }
  }

  void write_adapter(const Loaded& loaded, const Trainer& trainer) const {
    trainer.lora().write_gguf(out_);
    if (peft_out_) write_peft_folder(*peft_out_, loaded.model, trainer.lora());
  }

  StepReport train(const Console& console, const Loaded& loaded, Trainer& trainer) const {
    TrainingLog log(log_, trainer.done());
    const std::optional<RunFolder> folder = run_dir_ ? std::optional<RunFolder>(*run_dir_) : std::nullopt;
    TrainingLog folder_log(folder ? std::optional(folder->log_path()) : std::nullopt, trainer.done());
    ProgressBar bar(console, "tuning", "steps");
    const uint64_t kept = trainer.done();
    StepReport report;
    while (!trainer.is_finished()) {
      report = trainer.step();
      log.write(report);
      folder_log.write(report);
      if (report.is_best) write_adapter(loaded, trainer);
      bar.set_result(fmt::format("loss {:.4f}, {:.0f} tokens/s", report.loss,
                                 static_cast<double>(report.tokens) / report.seconds));
      bar.update(report.step, options_.optimizer.steps, kept);
      const bool is_due = save_every_ != 0 && report.step % static_cast<uint64_t>(save_every_) == 0;
      if ((is_due || interrupted()) && !trainer.is_finished())
        trainer.write_checkpoint(checkpoint_path(), loaded.identity);
      if (folder && (is_due || interrupted() || trainer.is_finished())) folder->write_plot();
      if (!interrupted()) continue;
      bar.finish();
      console.note("stopped after step {} of {}; the same command with --resume goes on", report.step,
                   options_.optimizer.steps);
      stop_if_interrupted();
    }
    return report;
  }

  void finish(Console& console, const Loaded& loaded, const Trainer& trainer, const StepReport& last) const {
    if (!validation_data_) write_adapter(loaded, trainer);
    std::error_code error;
    std::filesystem::remove(checkpoint_path(), error);
    if (output_.json) {
      nlohmann::ordered_json json = {{"out", out_}, {"steps", trainer.done()}, {"loss", last.loss}};
      if (last.validation_loss) json["val_loss"] = *last.validation_loss;
      console.print_json(json);
      return;
    }
    console.print(
        fmt::format("{}: {} steps, loss {:.4f} in the last one\n", printable(out_), trainer.done(), last.loss));
  }

  ModelOptions model_;
  ContextOptions context_;
  OutputOptions output_;
  std::string data_, out_;
  std::optional<std::string> validation_data_, chat_template_, peft_out_, init_, log_, run_dir_;
  TrainingSizeOptions size_;
  int64_t warmup_ = 0, grad_accum_ = 1, seed_ = 1;
  int64_t eval_every_ = 0, patience_ = 0, save_every_ = 100;
  double alpha_ = 32, dropout_ = 0, learning_rate_ = 1e-4, weight_decay_ = 0, clip_ = 1, epochs_ = 1;
  std::string schedule_ = "cosine";
  std::optional<int64_t> steps_;
  bool no_shuffle_ = false, resume_ = false;
  TrainerOptions options_;
};

constexpr Example kExamples[] = {
    {"tune -m model.gguf --data train.jsonl --val val.jsonl -o adapter.gguf",
     "An adapter for a task; the one with the best loss on the validation data is kept"},
    {"tune -m model.gguf --data train.jsonl -o adapter.gguf --steps 500 --save-every 50 --resume --log log.jsonl",
     "A long run: the same command goes on where it was ended"},
    {"tune -m model.gguf --data train.jsonl -o next.gguf --init adapter.gguf --peft-out next",
     "On from an adapter, for peft too"},
};

}  // namespace

extern const Verb kTune;
const Verb kTune{"tune", "Train a LoRA adapter on your task's examples", kExamples, make_command<TuneVerb>};

}  // namespace thimble
