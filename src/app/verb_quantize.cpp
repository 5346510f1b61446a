#include <charconv>
#include <filesystem>
#include <fstream>
#include <optional>

#include "app/best_quantization.h"
#include "app/interrupt.h"
#include "app/model_summary.h"
#include "app/paths.h"
#include "app/preflight.h"
#include "app/progress_bar.h"
#include "app/verbs.h"
#include "base/cpu.h"
#include "compress/quantize.h"

namespace thimble {
namespace {

constexpr int64_t kMostThreads = 256;

class Quantize : public Command {
 public:
  void declare(OptionTable& options) override {
    options.heading("Files");
    options.texts("IN", "IN", arguments_,
                  "IN [OUT] TYPE [THREADS]: a GGUF file, the one to write (ggml-model-TYPE.gguf beside IN), a type");
    declare_importance(options);
    declare_types(options);
    best_.declare(options);
    options.heading("Files and machine");
    options.flag("--keep-split", options_.keep_split, "Write as many parts as the input has");
    options
        .value(
            "--override-kv", "KEY=TYPE:VALUE",
            [this](const std::string& text) { overrides_.push_back(parse_override(text)); },
            "Metadata of the output that differs; TYPE is int, float, bool or str")
        .is_repeatable = true;
    options.flag("--dry-run", dry_run_, "Say what would come of it, and write nothing");
    context_.declare_machine(options);
    options.heading("Output");
    options.flag("--json", json_, "Print the result as JSON");
  }

  ExitCode run(Console& console) override {
    if (best_.is_wanted(method_)) return run_best(console);
    read_arguments();
    const Gguf gguf = Gguf::open(resolve_model(input_));
    read_imatrix();
    const QuantizePlan plan = plan_quantization(gguf, options_);
    for (const std::string& warning : plan.warnings) console.note("{}", warning);
    std::vector<TensorResult> results;
    if (!dry_run_) {
      ProgressBar progress(console, "quantizing", "bytes");
      const auto report = [&](uint64_t done, uint64_t total) {
        stop_if_interrupted();
        progress.update(done, total);
      };
      Team team(context_.threads ? static_cast<unsigned>(*context_.threads) : usable_cpus());
      results = quantize({gguf, options_, plan, overrides_, report}, output_, team, select_kernels(context_.isa));
    }
    if (json_) {
      print_report(console, gguf, plan, results);
    } else {
      print_table(console, gguf, plan, results);
    }
    return ExitCode::done;
  }

 private:
  ExitCode run_best(Console& console) {
    if (arguments_.size() != 2) {
      fail(ExitCode::usage,
           "quantize --method best: expected IN OUT, found {} names; the size is --budget or --like TYPE",
           arguments_.size());
    }
    if (dry_run_ || imatrix_path_ || options_.pure || !options_.tensor_types.empty() || options_.output_tensor_type ||
        options_.token_embedding_type || options_.keep_split || !overrides_.empty()) {
      fail(
          ExitCode::usage,
          "quantize --method best chooses the types itself: it takes no --imatrix, --tensor-type and the like, --pure, "
          "--keep-split, --override-kv or --dry-run");
    }
    const unsigned threads = context_.threads ? static_cast<unsigned>(*context_.threads) : usable_cpus();
    best_.run(console, resolve_model(arguments_[0]), arguments_[1], threads, context_.isa, json_);
    return ExitCode::done;
  }

  void declare_importance(OptionTable& options) {
    options.heading("What matters");
    options.choice(
        "--method", "HOW", method_, {"rtn", "best"},
        "rtn: each weight to its nearest level; best: formats chosen and weights rounded by measured loss (default "
        "with --budget or --like)");
    options.text("--imatrix", "FILE", imatrix_path_, "Importance matrix of the model, of imatrix or llama-imatrix")
        .path();
    options.texts("--include-weights", "NAME", options_.include_weights,
                  "Use it for tensors with this in their name only");
    options.texts("--exclude-weights", "NAME", options_.exclude_weights, "Do not use it for these");
  }

  void declare_types(OptionTable& options) {
    options.heading("Types");
    options.flag("--allow-requantize", options_.allow_requantize, "Take tensors that are quantized already");
    options.flag("--leave-output-tensor", options_.leave_output_tensor, "Leave output.weight as it is");
    options.flag("--pure", options_.pure, "All tensors the same type");
    const auto type = [&](std::string_view name, std::optional<NumberType>& target, std::string help) {
      options.value(
          name, "TYPE", [&target](const std::string& text) { target = parse_written_type(text); }, std::move(help));
    };
    type("--output-tensor-type", options_.output_tensor_type, "Type of output.weight");
    type("--token-embedding-type", options_.token_embedding_type, "Type of the token embeddings");
    const auto add = [this](const std::string& text) { options_.tensor_types.push_back(parse_tensor_type(text)); };
    options.value("--tensor-type", "REGEX=TYPE", add, "Type of the tensors with this in their name; the first counts")
        .is_repeatable = true;
    options
        .value(
            "--tensor-type-file", "FILE", [this](const std::string& path) { read_tensor_types(path); },
            "The same from a file, separated by blanks or lines")
        .path();
  }

  void read_tensor_types(const std::string& path) {
    std::ifstream file(path);
    if (!file) fail(ExitCode::bad_file, "{}: cannot be read; expected lines such as attn_v=q8_0", printable(path));
    for (std::string word; file >> word;) options_.tensor_types.push_back(parse_tensor_type(word));
  }

  // As llama-quantize has them: IN [OUT] TYPE [THREADS].
  void read_arguments() {
    constexpr std::string_view kUsage = "quantize: expected IN [OUT] TYPE [THREADS]";
    if (arguments_.size() < 2 || arguments_.size() > 4) {
      fail(ExitCode::usage, "{}, found {} of them", kUsage, arguments_.size());
    }
    input_ = arguments_[0];
    const bool has_output = find_mix(arguments_[1]) == nullptr;
    const size_t type_at = has_output ? 2 : 1;
    if (type_at >= arguments_.size()) {
      fail(ExitCode::usage, "{}: '{}' is no type; there are {}", kUsage, printable(arguments_[1]), mix_names());
    }
    options_.mix = find_mix(arguments_[type_at]);
    if (options_.mix == nullptr) {
      fail(ExitCode::usage, "quantize: '{}' is no type; there are {}", printable(arguments_[type_at]), mix_names());
    }
    output_ = has_output ? arguments_[1] : default_output();
    if (arguments_.size() > type_at + 2) fail(ExitCode::usage, "{}", kUsage);
    if (arguments_.size() == type_at + 2) context_.threads = parse_threads(arguments_.back());
    if (!options_.include_weights.empty() && !options_.exclude_weights.empty()) {
      fail(ExitCode::usage, "quantize: --include-weights and --exclude-weights cannot be given together");
    }
  }

  std::string default_output() const {
    const std::filesystem::path folder = std::filesystem::path(input_).parent_path();
    return (folder / fmt::format("ggml-model-{}.gguf", options_.mix->name)).string();
  }

  static int64_t parse_threads(const std::string& text) {
    int64_t threads = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), threads);
    if (error != std::errc() || end != text.data() + text.size() || threads < 1 || threads > kMostThreads) {
      fail(ExitCode::usage, "quantize: expected a number of threads from 1 to {}, found '{}'", kMostThreads,
           printable(text));
    }
    return threads;
  }

  void read_imatrix() {
    if (!imatrix_path_) return;
    imatrix_ = Imatrix::read(*imatrix_path_);
    options_.imatrix = &*imatrix_;
  }

  // Of the result, where this program can run the model: the input's with other weights, of which the rows of an embedding that is
  // not the output matrix too are read one by one and not counted.
  std::optional<MemoryPlan> memory_plan(const Gguf& gguf, const QuantizePlan& plan) const {
    ModelOptions model;
    model.model = gguf.path();
    try {
      MemoryPlan memory = Preflight(model, context_).plan();
      const bool is_tied = gguf.find_tensor("output.weight") == nullptr;
      for (const PlannedTensor& planned : plan.tensors) {
        if (!is_tied && planned.tensor->name == "token_embd.weight") continue;
        memory.weights = memory.weights - planned.tensor->data.size() + planned.bytes();
      }
      return memory;
    } catch (const Error&) {
      return std::nullopt;
    }
  }

  void print_report(Console& console, const Gguf& gguf, const QuantizePlan& plan,
                    const std::vector<TensorResult>& results) const {
    nlohmann::ordered_json json = {{"input", gguf.path()}, {"type", options_.mix->name}, {"method", "rtn"}};
    if (!dry_run_) json["output"] = output_files(gguf, options_, output_);
    json["bytes"] = plan.bytes();
    json["parameters"] = plan.parameters();
    json["bits_per_weight"] = plan.bits_per_weight();
    json["warnings"] = plan.warnings;
    for (size_t i = 0; i < plan.tensors.size(); ++i) {
      const PlannedTensor& planned = plan.tensors[i];
      const GgufTensor& tensor = *planned.tensor;
      nlohmann::ordered_json row = {
          {"name", tensor.name},       {"shape", std::vector(tensor.shape.begin(), tensor.shape.begin() + tensor.axes)},
          {"from", tensor.type->name}, {"type", type_info(planned.type).name},
          {"bytes", planned.bytes()},  {"has_importance", planned.importance != nullptr}};
      if (!results.empty()) row["error"] = results[i].error;
      json["tensors"].push_back(std::move(row));
    }
    if (const auto memory = dry_run_ ? memory_plan(gguf, plan) : std::nullopt) {
      for (const auto& [name, bytes] : memory->parts()) json["memory"]["parts"][std::string(name)] = bytes;
      json["memory"]["total_bytes"] = memory->total();
    }
    console.print_json(json);
  }

  void print_table(Console& console, const Gguf& gguf, const QuantizePlan& plan,
                   const std::vector<TensorResult>& results) const {
    for (size_t i = 0; i < plan.tensors.size(); ++i) {
      const PlannedTensor& planned = plan.tensors[i];
      const std::string error =
          results.empty() || planned.is_copied() ? "" : fmt::format("{:>10.2e}", results[i].error);
      console.print(fmt::format("{:<32} {:>7} -> {:<7} {:>12} {}\n", printable(planned.tensor->name),
                                planned.tensor->type->name, type_info(planned.type).name,
                                megabyte_text(planned.bytes()), error));
    }
    console.print(fmt::format("{}: {}, {:.2f} bits a weight (the input has {})\n", options_.mix->name,
                              megabyte_text(plan.bytes()), plan.bits_per_weight(), megabyte_text(gguf.file_bytes())));
    if (!dry_run_) {
      for (const std::string& path : output_files(gguf, options_, output_))
        console.print(fmt::format("{}\n", printable(path)));
      return;
    }
    if (const auto memory = memory_plan(gguf, plan)) {
      console.print(fmt::format("It will take {} of memory: weights {}, keys and values {}, the rest {}\n",
                                megabyte_text(memory->total()), megabyte_text(memory->weights),
                                megabyte_text(memory->kv),
                                megabyte_text(memory->total() - memory->weights - memory->kv)));
    }
  }

  std::vector<std::string> arguments_;
  std::string input_;
  std::string output_;
  std::string method_;
  std::optional<std::string> imatrix_path_;
  std::optional<Imatrix> imatrix_;
  QuantizeOptions options_;
  BestQuantization best_;
  std::vector<MetadataOverride> overrides_;
  ContextOptions context_;
  bool dry_run_ = false;
  bool json_ = false;
};

constexpr Example kExamples[] = {
    {"quantize --imatrix model.imatrix.gguf model-f16.gguf model-q4.gguf Q4_K_M", "The usual mix of 4 to 6 bits"},
    {"quantize --method best --calibration text.txt --like Q4_K_M model-f16.gguf model-best.gguf",
     "The closest file of at most those bytes, by measured loss"},
    {"quantize --dry-run model-f16.gguf Q5_K_S", "What it would take, tensor by tensor"},
};

}  // namespace

extern const Verb kQuantize;
const Verb kQuantize{"quantize", "Make a model smaller: its weights in formats of fewer bits", kExamples,
                     make_command<Quantize>};

}  // namespace thimble
