#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <optional>

#include "app/calibration_input.h"
#include "app/interrupt.h"
#include "app/model_summary.h"
#include "app/option_groups.h"
#include "app/paths.h"
#include "app/progress_bar.h"
#include "app/verbs.h"
#include "base/atomic_file.h"
#include "base/cpu.h"
#include "compress/best_quantizer.h"
#include "compress/quantize_plan.h"
#include "tune/merge.h"

namespace thimble {
namespace {

// The two files that weights are rounded between with error feedback, and what the quantizer keeps there.
class MergeFolder {
 public:
  explicit MergeFolder(const std::string& output) : path(output + ".statistics") {
    std::error_code error;
    std::filesystem::create_directories(path, error);
    if (error) fail(ExitCode::failed, "{}: cannot be made: {}", printable(path), error.message());
  }
  std::string full() const { return path + "/full.gguf"; }
  std::string plain() const { return path + "/plain.gguf"; }
  void remove() const {
    std::error_code error;
    for (const std::string& file : {full(), plain(), path + "/statistics.jsonl"}) std::filesystem::remove(file, error);
    std::filesystem::remove(path, error);  // where nothing else is in it
  }

  const std::string path;
};

class MergeVerb : public Command {
 public:
  void declare(OptionTable& options) override {
    model_.declare_model(options);
    OptionSpec& lora = model_.declare_adapters(options).required();
    lora.help = "LoRA adapter, a GGUF file or a folder of peft, and how much of it; may be given several times";
    options.heading("Result");
    options.text("-o,--output", "OUT", out_, "The GGUF file to write").path().required();
    options.choice("--outtype", "TYPE", type_, {"same", "f16", "bf16", "f32"},
                   "Number format of the adapted tensors; all others stay as they are");
    options.flag("--dry-run", dry_run_, "Say what would come of it, and write nothing");
    options.heading("Into a quantized model");
    options.text("--original", "FILE", original_, "What it was quantized from, in F16, BF16 or F32: merge into that")
        .path();
    options.text("--imatrix", "FILE", imatrix_path_, "Importance matrix of the model, of imatrix or llama-imatrix")
        .path();
    options
        .texts(
            "--calibration", "FILE", calibration_,
            "Text like what the model will read, or conversations of your task: round as quantize --method best does; "
            "may be given several times")
        .path();
    options.integer("--calibration-chunks", chunks_, 8, 4096, "Chunks of 512 tokens to calibrate on at most");
    options.heading("Machine");
    context_.declare_machine(options);
    options.heading("Output");
    options.flag("--json", json_, "Print the result as JSON");
  }

  ExitCode run(Console& console) override {
    const Gguf base = Gguf::open(resolve_model(model_.model));
    if (original_) original_file_ = Gguf::open(resolve_model(*original_));
    if (imatrix_path_) imatrix_ = Imatrix::read(*imatrix_path_);
    require_no_input(base);
    MergeUpdates updates(base);
    add_adapters(updates);
    const MergePlan plan = plan_merge(updates, options());
    if (!calibration_.empty() && !plan.rounds()) {
      fail(ExitCode::usage, "--calibration: none of the adapted tensors is written in a format of fewer bits");
    }
    if (!calibration_.empty() && !updates.model().has_head()) {
      fail(ExitCode::usage, "--calibration: {} makes no text, so there is no divergence to measure; leave it out",
           printable(base.path()));
    }
    if (updates.unties_head()) {
      console.note(
          "the head is tied to the embedding and the adapter tells them apart: the file gets an output.weight");
    }
    if (dry_run_) {
      report(console, plan, {}, std::nullopt);
      return ExitCode::done;
    }
    std::vector<MergeResult> results;
    std::optional<BestResult> best;
    Team team(context_.threads ? static_cast<unsigned>(*context_.threads) : usable_cpus());
    if (calibration_.empty()) {
      results = merge_into(console, updates, plan, out_, team);
    } else {
      best = merge_by_measure(console, updates, plan, team, results);
    }
    warn(console, plan, results, best.has_value());
    report(console, plan, results, best);
    return ExitCode::done;
  }

 private:
  MergeOptions options() const {
    MergeOptions options;
    if (type_ != "same") options.type = find_type_named(type_)->type;
    if (original_file_) options.original = &*original_file_;
    if (imatrix_) options.imatrix = &*imatrix_;
    return options;
  }

  // Nothing that is read is written over.
  void require_no_input(const Gguf& base) const {
    for (const MappedFile& file : base.files()) require_different_files(file.path(), out_);
    if (original_file_) {
      for (const MappedFile& file : original_file_->files()) require_different_files(file.path(), out_);
    }
    for (const AdapterOption& adapter : model_.adapters) require_different_files(adapter.path, out_);
    for (const std::string& path : calibration_) require_different_files(path, out_);
    if (imatrix_path_) require_different_files(*imatrix_path_, out_);
  }

  void add_adapters(MergeUpdates& updates) const {
    for (const AdapterOption& adapter : model_.adapters) updates.add(adapter.path, static_cast<float>(adapter.scale));
  }

  std::vector<MergeResult> merge_into(const Console& console, const MergeUpdates& updates, const MergePlan& plan,
                                      const std::string& output, Team& team) const {
    ProgressBar bar(console, "merging", "bytes");
    return merge(updates, plan, output, team, select_kernels(context_.isa), [&](uint64_t done, uint64_t total) {
      stop_if_interrupted();
      bar.update(done, total);
    });
  }

  // The model in full precision, then the base's file with plainly rounded tensors, which are rounded anew from the first.
  BestResult merge_by_measure(const Console& console, const MergeUpdates& updates, const MergePlan& plan, Team& team,
                              std::vector<MergeResult>& results) const {
    const MergeFolder folder(out_);
    write_full(console, updates, folder.full(), team);
    results = merge_into(console, updates, plan, folder.plain(), team);
    const LanguageModel model = LanguageModel::load(std::make_unique<const Gguf>(Gguf::open(folder.full())), {});
    const Gguf frame = Gguf::open(folder.plain());
    CalibrationInput given(model);
    for (const std::string& path : calibration_) given.add_either(path);
    given.warn(console, given.tokens().size(), {});
    BestOptions options;
    options.chunks = static_cast<size_t>(chunks_);
    options.state_folder = folder.path;
    BestQuantizer quantizer(model, select_kernels(context_.isa), team, given.tokens(), options);
    std::vector<std::string> rounded;
    for (const MergedTensor& tensor : plan.tensors) {
      if (tensor.is_rounded()) rounded.emplace_back(tensor.name);
    }
    quantizer.follow(frame, rounded);
    std::optional<BestResult> best;
    {
      ProgressBar bar(console, "rounding", "tensors");
      best = quantizer.write(out_, [&](size_t done, size_t total, size_t kept) {
        bar.update(done, total, kept);
        return !interrupted();
      });
    }
    stop_if_interrupted();
    folder.remove();
    return *best;
  }

  void write_full(const Console& console, const MergeUpdates& updates, const std::string& path, Team& team) const {
    if (!original_file_) {
      MergeOptions options;
      options.type = NumberType::F16;
      merge_into(console, updates, plan_merge(updates, options), path, team);
      return;
    }
    MergeUpdates of_original(*original_file_);
    add_adapters(of_original);
    merge_into(console, of_original, plan_merge(of_original, {}), path, team);
  }

  // Root mean squares over the merged tensors of a type, by its name.
  struct TypeLoss {
    size_t tensors = 0;
    double change = 0, error = 0;
  };
  static std::map<std::string_view, TypeLoss> losses(const MergePlan& plan, const std::vector<MergeResult>& results) {
    std::map<std::string_view, TypeLoss> by_type;
    for (size_t i = 0; i < plan.tensors.size(); ++i) {
      if (!plan.tensors[i].is_merged) continue;
      TypeLoss& loss = by_type[type_info(plan.tensors[i].type).name];
      ++loss.tensors;
      if (results.empty()) continue;
      loss.change += results[i].change * results[i].change;
      loss.error += results[i].error * results[i].error;
    }
    for (auto& [type, loss] : by_type) {
      loss.change = std::sqrt(loss.change / static_cast<double>(loss.tensors));
      loss.error = std::sqrt(loss.error / static_cast<double>(loss.tensors));
    }
    return by_type;
  }

  // Weights that were rounded before and are rounded again.
  bool is_lossy(const MergePlan& plan) const { return !original_file_ && plan.rounds(); }

  void warn(const Console& console, const MergePlan& plan, const std::vector<MergeResult>& results,
            bool is_best) const {
    if (!is_lossy(plan)) return;
    std::string text;
    for (const auto& [type, loss] : losses(plan, results)) {
      if (find_type_named(type)->block_size == 1) continue;
      text += fmt::format("{}{} {:.2f}% where the adapter changes {:.2f}%", text.empty() ? "" : ", ", type,
                          100 * loss.error, 100 * loss.change);
    }
    console.note(
        "the adapter was merged into weights that were rounded before, and they were rounded again{}: relative error "
        "{}; "
        "--original with the file in F16 avoids the first rounding, --outtype f16 the second, chat --lora both",
        is_best ? " (before error feedback)" : "", text);
  }

  void report(Console& console, const MergePlan& plan, const std::vector<MergeResult>& results,
              const std::optional<BestResult>& best) const {
    if (json_) {
      print_report(console, plan, results, best);
      return;
    }
    console.print(fmt::format("{}: {}, {} of {} tensors merged\n", printable(out_), megabyte_text(plan.bytes()),
                              plan.merged(), plan.tensors.size()));
    for (const auto& [type, loss] : losses(plan, results)) {
      std::string text = fmt::format("{:<8} {:>4} tensors", type, loss.tensors);
      if (!results.empty()) {
        text += fmt::format(", changed by {:.2f}%, relative error of {}rounding {:.4f}%", 100 * loss.change,
                            best ? "plain " : "", 100 * loss.error);
      }
      console.print(text + "\n");
    }
    if (!best) return;
    console.print(fmt::format(
        "rounded with error feedback: KL divergence from the merged model in full precision {:.5f} nats over {} tokens "
        "of the text that were not calibrated on\n",
        best->divergence, best->scored_tokens));
  }

  void print_report(Console& console, const MergePlan& plan, const std::vector<MergeResult>& results,
                    const std::optional<BestResult>& best) const {
    nlohmann::ordered_json json = {{"out", out_}, {"bytes", plan.bytes()}, {"merged", plan.merged()}};
    json["copied"] = plan.tensors.size() - plan.merged();
    json["is_rounded_twice"] = is_lossy(plan);
    if (best) {
      json["kld"] = best->divergence;
      json["kld_tokens"] = best->scored_tokens;
    }
    for (const auto& [type, loss] : losses(plan, results)) {
      nlohmann::ordered_json& row = json["types"][std::string(type)];
      row["tensors"] = loss.tensors;
      if (!results.empty()) row.update({{"change", loss.change}, {best ? "plain_error" : "error", loss.error}});
    }
    json["tensors"] = nlohmann::ordered_json::array();
    for (size_t i = 0; i < plan.tensors.size(); ++i) {
      const MergedTensor& tensor = plan.tensors[i];
      if (!tensor.is_merged) continue;
      nlohmann::ordered_json row = {{"name", tensor.name},
                                    {"from", tensor.values->type->name},
                                    {"type", type_info(tensor.type).name},
                                    {"bytes", tensor.bytes()}};
      if (!results.empty())
        row.update({{"change", results[i].change}, {best ? "plain_error" : "error", results[i].error}});
      json["tensors"].push_back(std::move(row));
    }
    console.print_json(json);
  }

  ModelOptions model_;
  ContextOptions context_;
  std::string out_, type_ = "same";
  std::optional<std::string> original_, imatrix_path_;
  std::vector<std::string> calibration_;
  int64_t chunks_ = 128;
  std::optional<Gguf> original_file_;
  std::optional<Imatrix> imatrix_;
  bool dry_run_ = false, json_ = false;
};

constexpr Example kExamples[] = {
    {"merge -m model-f16.gguf --lora adapter.gguf -o tuned-f16.gguf", "One file with the adapter in its weights"},
    {"merge -m model-q4.gguf --original model-f16.gguf --lora adapter.gguf --calibration train.jsonl -o tuned-q4.gguf",
     "The same in the formats of a quantized model, rounded by measured loss"},
    {"merge -m model-q4.gguf --lora adapter:0.5 --lora peft-folder -o tuned-q4.gguf",
     "Two adapters, without the original: the loss is said"},
};

}  // namespace

extern const Verb kMerge;
const Verb kMerge{"merge", "Merge LoRA adapters into a model's weights", kExamples, make_command<MergeVerb>};

}  // namespace thimble
