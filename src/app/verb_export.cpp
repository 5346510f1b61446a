#include "app/interrupt.h"
#include "app/model_summary.h"
#include "app/option_groups.h"
#include "app/paths.h"
#include "app/progress_bar.h"
#include "app/verbs.h"
#include "base/memory.h"
#include "compress/export.h"
#include "quant/type_list.h"

namespace thimble {
namespace {

class Export : public Command {
 public:
  void declare(OptionTable& options) override {
    options.heading("Model");
    options.text("MODEL", "MODEL", input_, "GGUF file, or a model in the cache by its name").required().path();
    options.heading("Output");
    options
        .text("FOLDER", "FOLDER", folder_, "The new folder to write: config.json, safetensors, the tokenizer's files")
        .required()
        .path();
    options.choice("--outtype", "TYPE", type_, {"auto", "f32", "f16", "bf16"},
                   "Number format of the matrices; auto: the file's own, f16 of a quantized one");
    options.size("--shard-size", shard_bytes_, "Most bytes of weights in a file").by_default("4GB");
    output_.declare(options);
  }

  ExitCode run(Console& console) override {
    ExportOptions options;
    if (type_ != "auto") options.type = find_type_named(type_)->type;
    if (shard_bytes_) options.shard_bytes = *shard_bytes_;
    ProgressBar progress(console, "exporting", "bytes");
    options.report = [&](uint64_t done, uint64_t total) {
      stop_if_interrupted();
      progress.update(done, total);
    };
    const ExportResult result = export_model(resolve_model(input_), folder_, options);
    progress.finish();
    report(console, result);
    return ExitCode::done;
  }

 private:
  void report(Console& console, const ExportResult& result) const {
    const std::string_view type = type_info(result.type).name;
    if (output_.json) {
      console.print_json({{"folder", folder_},
                          {"outtype", type},
                          {"tensors", result.tensors},
                          {"shards", result.shards},
                          {"data_bytes", result.data_bytes},
                          {"peak_rss_bytes", peak_resident_bytes()}});
      return;
    }
    console.print(fmt::format("{}: {} tensors in {} file{}, {}, {}\n", printable(folder_, 4000), result.tensors,
                              result.shards, result.shards == 1 ? "" : "s", type, megabyte_text(result.data_bytes)));
  }

  std::string input_;
  std::string folder_;
  std::string type_ = "auto";
  std::optional<uint64_t> shard_bytes_;
  OutputOptions output_;
};

constexpr Example kExamples[] = {
    {"export model.gguf model-hf", "For transformers and what is built on it"},
    {"export model-q4_k_m.gguf model-hf --outtype f32", "Every weight of a quantized file exactly"},
};

}  // namespace

extern const Verb kExport;
const Verb kExport{"export", "Make a Hugging Face folder of a GGUF file", kExamples, make_command<Export>};

}  // namespace thimble
