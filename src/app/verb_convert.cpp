#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>

#include "app/interrupt.h"
#include "app/model_summary.h"
#include "app/option_groups.h"
#include "app/paths.h"
#include "app/progress_bar.h"
#include "app/verbs.h"
#include "base/memory.h"
#include "compress/convert.h"
#include "quant/type_list.h"

namespace thimble {
namespace {

class Convert : public Command {
 public:
  void declare(OptionTable& options) override {
    options.heading("Model");
    options
        .text("MODEL", "MODEL", input_,
              "Folder of a Hugging Face checkpoint (config.json, safetensors, the tokenizer's files), or a GGUF file "
              "of any "
              "type")
        .required()
        .path();
    options.text("--pre-tokenizer", "NAME", pre_tokenizer_,
                 "How text is split before byte pairs are merged, where it is not recognised");
    options.heading("Output");
    options.text("-o,--outfile", "FILE", output_path_, "The GGUF file to write").required().path();
    options.choice("--outtype", "TYPE", type_, {"f32", "f16", "bf16", "q8_0"}, "Number format of the matrices");
    output_.declare(options);
  }

  ExitCode run(Console& console) override {
    ConvertOptions options;
    options.type = find_type_named(type_)->type;
    options.pre_tokenizer = pre_tokenizer_;
    ProgressBar progress(console, "converting", "bytes");
    options.report = [&](uint64_t done, uint64_t total) {
      stop_if_interrupted();
      progress.update(done, total);
    };
    const bool is_folder = std::filesystem::is_directory(input_);
    const std::string input = is_folder ? input_ : resolve_model(input_);
    if (!is_folder && !pre_tokenizer_.empty()) {
      fail(ExitCode::usage, "convert: --pre-tokenizer is for checkpoints; {} is a file", printable(input_));
    }
    const ConvertResult result =
        is_folder ? convert_checkpoint(input, output_path_, options) : convert_gguf(input, output_path_, options);
    progress.finish();
    report(console, result);
    return ExitCode::done;
  }

 private:
  void report(Console& console, const ConvertResult& result) const {
    if (output_.json) {
      console.print_json({{"file", output_path_},
                          {"outtype", type_},
                          {"tensors", result.tensors},
                          {"parameters", result.parameters},
                          {"file_bytes", result.file_bytes},
                          {"peak_rss_bytes", peak_resident_bytes()}});
      return;
    }
    console.print(fmt::format("{}: {} tensors, {} parameters, {}, {}\n", printable(output_path_, 4000), result.tensors,
                              parameter_text(result.parameters), type_, megabyte_text(result.file_bytes)));
  }

  std::string input_;
  std::string output_path_;
  std::string type_ = "f16";
  std::string pre_tokenizer_;
  OutputOptions output_;
};

constexpr Example kExamples[] = {
    {"convert SmolLM2-135M-Instruct --outfile smollm2.gguf --outtype bf16", "A checkpoint, its numbers as they are"},
    {"convert minilm --outfile minilm.gguf --outtype f32", "A sentence encoder"},
    {"convert model-q4_k_m.gguf --outfile model-f16.gguf", "A quantized file back to 16 bits"},
};

}  // namespace

extern const Verb kConvert;
const Verb kConvert{"convert", "Make a GGUF file of a checkpoint, or of another GGUF file", kExamples,
                    make_command<Convert>};

}  // namespace thimble
