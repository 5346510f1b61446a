#include <fmt/ranges.h>

#include <algorithm>

#include "app/model_summary.h"
#include "app/option_groups.h"
#include "app/paths.h"
#include "app/safetensors_report.h"
#include "app/verbs.h"

namespace thimble {
namespace {

// Keys after "<architecture>." that say what shape the model has.
constexpr std::string_view kShapeKeys[] = {"context_length",      "embedding_length",     "block_count",
                                           "feed_forward_length", "attention.head_count", "attention.head_count_kv"};

class Info : public Command {
 public:
  void declare(OptionTable& options) override {
    options.heading("Model");
    options
        .text("MODEL", "MODEL", positional_,
              "GGUF or safetensors file, or a model in the cache by its name or as hf:owner/repository")
        .only_one_of("model")
        .path();
    options.text("-m,--model", "MODEL", model_, "The same").only_one_of("model").path();
    options.heading("Output");
    options.flag("--tensors", tensors_, "List the tensors");
    options.flag("--json", json_, "Print the result as JSON");
    options.flag("-v,--verbose", verbose_, "Show every metadata key");
  }

  ExitCode run(Console& console) override {
    if (!positional_ && !model_) fail(ExitCode::usage, "info: a model is required: thimble info MODEL");
    const std::string path = resolve_model(positional_ ? *positional_ : *model_);
    if (is_safetensors_file(path)) {
      print_safetensors(console, path, {.json = json_, .tensors = tensors_, .verbose = verbose_});
      return ExitCode::done;
    }
    const Gguf gguf = Gguf::open(path);
    if (json_) {
      console.print_json(report(gguf));
    } else {
      print(console, gguf);
    }
    return ExitCode::done;
  }

 private:
  nlohmann::ordered_json report(const Gguf& gguf) const {
    const ModelSummary summary = summarise(gguf);
    nlohmann::ordered_json json = {{"file", gguf.path()},
                                   {"format", "gguf"},
                                   {"version", gguf.version()},
                                   {"file_bytes", gguf.file_bytes()},
                                   {"parts", gguf.files().size()},
                                   {"name", summary.name},
                                   {"architecture", summary.architecture},
                                   {"file_type", summary.file_type},
                                   {"parameters", summary.parameters},
                                   {"tensor_bytes", summary.tensor_bytes},
                                   {"bits_per_weight", summary.bits_per_weight()},
                                   {"tensor_count", gguf.tensors().size()}};
    for (const std::string_view key : kShapeKeys) {
      const GgufValue* value = gguf.find(summary.architecture + "." + std::string(key));
      json[std::string(key.substr(key.find('.') + 1))] = value == nullptr ? nlohmann::ordered_json() : to_json(*value);
    }
    const GgufValue* vocabulary = gguf.find("tokenizer.ggml.tokens");
    json["vocabulary_size"] = vocabulary == nullptr ? 0 : vocabulary->count;
    json["chat_template"] = gguf.find("tokenizer.chat_template") != nullptr;
    for (const TypeUse& use : summary.types) {
      json["types"][std::string(use.type->name)] = {
          {"tensors", use.tensors}, {"parameters", use.parameters}, {"bytes", use.bytes}};
    }
    json["metadata"] = nlohmann::ordered_json::object();
    for (const GgufValue& value : gguf.values()) json["metadata"][std::string(value.key)] = to_json(value);
    if (tensors_) json["tensors"] = tensor_rows(gguf);
    return json;
  }

  static nlohmann::ordered_json tensor_rows(const Gguf& gguf) {
    nlohmann::ordered_json rows = nlohmann::ordered_json::array();
    for (const GgufTensor& tensor : gguf.tensors()) {
      rows.push_back({{"name", std::string(tensor.name)},
                      {"type", tensor.type->name},
                      {"shape", std::vector<uint64_t>(tensor.shape.begin(), tensor.shape.begin() + tensor.axes)},
                      {"bytes", tensor.data.size()}});
    }
    return rows;
  }

  void print(Console& console, const Gguf& gguf) const {
    const ModelSummary summary = summarise(gguf);
    const auto line = [&](std::string_view what, const std::string& text) {
      console.print(fmt::format("{:<24}{}\n", what, text));
    };
    line("file", printable(gguf.path(), 4000));
    const size_t parts = gguf.files().size();
    line("format", fmt::format("GGUF version {}, {}{}", gguf.version(), megabyte_text(gguf.file_bytes()),
                               parts == 1 ? "" : fmt::format(" in {} parts", parts)));
    line("name", printable(summary.name));
    line("architecture", printable(summary.architecture));
    line("parameters", parameter_text(summary.parameters));
    line("weights", fmt::format("{}, {}, {:.2f} bits a weight", printable(summary.file_type),
                                megabyte_text(summary.tensor_bytes), summary.bits_per_weight()));
    for (const std::string_view key : kShapeKeys) {
      if (const GgufValue* value = gguf.find(summary.architecture + "." + std::string(key))) {
        line(key.substr(key.find('.') + 1), display_text(*value));
      }
    }
    print_text_side(gguf, line);
    for (const TypeUse& use : summary.types) {
      line(fmt::format("  {}", use.type->name), fmt::format("{} tensors, {} parameters, {}", use.tensors,
                                                            parameter_text(use.parameters), megabyte_text(use.bytes)));
    }
    if (verbose_) {
      console.print("\n");
      for (const GgufValue& value : gguf.values())
        console.print(fmt::format("{} = {}\n", printable(value.key), display_text(value)));
    }
    if (tensors_) {
      console.print("\n");
      for (const GgufTensor& tensor : gguf.tensors()) {
        console.print(
            fmt::format("{:<40} {:<7} {:>24} {:>12}\n", printable(tensor.name), tensor.type->name,
                        fmt::format("[{}]", fmt::join(tensor.shape.begin(), tensor.shape.begin() + tensor.axes, ", ")),
                        megabyte_text(tensor.data.size())));
      }
    }
  }

  template <class Line>
  static void print_text_side(const Gguf& gguf, const Line& line) {
    const GgufValue* vocabulary = gguf.find("tokenizer.ggml.tokens");
    line("vocabulary", vocabulary == nullptr ? "none" : fmt::format("{} tokens", vocabulary->count));
    if (const GgufValue* value = gguf.find("tokenizer.ggml.model")) line("tokenizer", display_text(*value));
    if (const GgufValue* value = gguf.find("tokenizer.ggml.pre")) line("pre-tokenizer", display_text(*value));
    line("chat template", gguf.find("tokenizer.chat_template") == nullptr ? "no" : "yes");
    line("tensors", fmt::to_string(gguf.tensors().size()));
  }

  std::optional<std::string> positional_;
  std::optional<std::string> model_;
  bool tensors_ = false;
  bool json_ = false;
  bool verbose_ = false;
};

constexpr Example kExamples[] = {
    {"info model.gguf", "What the file holds, in short"},
    {"info model.gguf --tensors --json", "Everything but the data, for a program"},
};

}  // namespace

extern const Verb kInfo;
const Verb kInfo{"info", "Show what a model file holds", kExamples, make_command<Info>};

}  // namespace thimble
