#include "app/best_quantization.h"

#include <filesystem>
#include <map>

#include "app/calibration_input.h"
#include "app/interrupt.h"
#include "app/model_summary.h"
#include "app/option_values.h"
#include "app/progress_bar.h"
#include "base/atomic_file.h"
#include "base/error.h"
#include "compress/quantize_plan.h"

namespace thimble {
namespace {

constexpr double kFewBits = 3.6;            // a weight: below, small models break
constexpr uint64_t kSmall = 4'000'000'000;  // parameters

uint64_t parameters(const BestResult& result) {
  uint64_t sum = 0;
  for (const RoundedTensor& tensor : result.tensors) sum += tensor.elements;
  return sum;
}

double bits_per_weight(const BestResult& result) {
  uint64_t bytes = 0;
  for (const RoundedTensor& tensor : result.tensors) bytes += tensor.bytes;
  return 8.0 * static_cast<double>(bytes) / static_cast<double>(parameters(result));
}

}  // namespace

void BestQuantization::declare(OptionTable& options) {
  options.heading("The closest file of a size (--method best)");
  options
      .texts(
          "--calibration", "FILE", calibration_,
          "Text like what the model will read, - for standard input; or conversations of your task, a JSON object with "
          "\"messages\" a line, rendered with the model's template; may be given several times")
      .path();
  options.value(
      "--budget", "SIZE", [this](const std::string& text) { budget_ = parse_size(text); },
      "Bytes of the file at most, such as 300MB");
  options.text("--like", "TYPE", like_, "At most the bytes of that mix, such as Q4_K_M");
  options.integer("--calibration-chunks", chunks_, 8, 4096, "Chunks of 512 tokens to calibrate on at most");
  options.text("--statistics", "FOLDER", statistics_,
               "Where measurements are kept, for a run that goes on or one of another size (default: OUT.statistics)");
}

void BestQuantization::run(Console& console, const std::string& input, const std::string& output, unsigned threads,
                           const std::string& isa, bool json) const {
  if (calibration_.empty())
    fail(ExitCode::usage, "quantize --method best: --calibration FILE is missing: the text to measure on");
  if (has_size() == (budget_ && !like_.empty())) {
    fail(ExitCode::usage, "quantize --method best: expected a size, either --budget SIZE or --like TYPE");
  }
  require_different_files(input, output);
  const LanguageModel model = LanguageModel::load(std::make_unique<const Gguf>(Gguf::open(input)), {});
  const uint64_t bytes = budget_bytes(model.gguf());
  CalibrationInput given(model);
  for (const std::string& path : calibration_) given.add_either(path);
  given.warn(console, given.tokens().size(), {});
  Team team(threads);
  BestOptions options;
  options.chunks = static_cast<size_t>(chunks_);
  options.state_folder = statistics_.empty() ? output + ".statistics" : statistics_;
  BestQuantizer quantizer(model, select_kernels(isa), team, given.tokens(), options);
  const auto go_on = [&](ProgressBar& bar) {
    return [&bar](size_t done, size_t total, size_t kept) {
      bar.update(done, total, kept);
      return !interrupted();
    };
  };
  {
    ProgressBar bar(console, "measuring", "tensors");
    quantizer.measure(go_on(bar));
  }
  stop_if_interrupted();
  quantizer.choose(bytes);
  std::optional<BestResult> result;
  {
    ProgressBar bar(console, "rounding", "tensors");
    result = quantizer.write(output, go_on(bar));
  }
  stop_if_interrupted();
  if (bits_per_weight(*result) < kFewBits && parameters(*result) < kSmall) {
    console.note(
        "{:.2f} bits a weight: models under 4B parameters lose much below 4 bits (here {:.3f} nats); a smaller model "
        "at 4 "
        "bits or more is often the better use of {}",
        bits_per_weight(*result), result->divergence, megabyte_text(result->bytes));
  }
  report(console, model.gguf(), output, *result, json);
}

uint64_t BestQuantization::budget_bytes(const Gguf& gguf) const {
  if (budget_) return *budget_;
  QuantizeOptions options;
  options.mix = find_mix(like_);
  if (options.mix == nullptr) {
    fail(ExitCode::usage, "--like {}: no such type; there are {}", printable(like_), mix_names());
  }
  options.allow_requantize = true;
  uint64_t header = gguf.file_bytes();
  for (const GgufTensor& tensor : gguf.tensors()) header -= tensor.data.size();
  return plan_quantization(gguf, options).bytes() + header;
}

void BestQuantization::report(Console& console, const Gguf& gguf, const std::string& output, const BestResult& result,
                              bool json) const {
  if (json) {
    nlohmann::ordered_json tensors = nlohmann::ordered_json::array();
    for (const RoundedTensor& tensor : result.tensors) {
      tensors.push_back({{"name", tensor.name},
                         {"from", type_info(tensor.from).name},
                         {"type", type_info(tensor.to).name},
                         {"bytes", tensor.bytes},
                         {"kld_predicted", tensor.cost}});
    }
    console.print_json({{"input", gguf.path()},
                        {"output", output},
                        {"method", "best"},
                        {"bytes", result.bytes},
                        {"bits_per_weight", bits_per_weight(result)},
                        {"kld_predicted", result.predicted_divergence},
                        {"kld", result.divergence},
                        {"kld_tokens", result.scored_tokens},
                        {"tensors", tensors}});
    return;
  }
  std::map<std::string, std::map<std::string_view, int>> table;
  for (const RoundedTensor& tensor : result.tensors) {
    const size_t dot = tensor.name.starts_with("blk.") ? tensor.name.find('.', 4) + 1 : 0;
    ++table[tensor.name.substr(dot)][type_info(tensor.to).name];
  }
  for (const auto& [name, types] : table) {
    std::string line;
    for (const auto& [type, count] : types) line += fmt::format("  {} {}", count, type);
    console.print(fmt::format("{:<24}{}\n", printable(name), line));
  }
  console.print(
      fmt::format("{}: {}, {:.2f} bits a weight; KL divergence {:.5f} nats over {} tokens of the text that were not "
                  "calibrated on\n",
                  printable(output), megabyte_text(result.bytes), bits_per_weight(result), result.divergence,
                  result.scored_tokens));
}

}  // namespace thimble
