#include <filesystem>

#include "app/calibration_input.h"
#include "app/imatrix_report.h"
#include "app/interrupt.h"
#include "app/progress_bar.h"
#include "app/runtime.h"
#include "app/text_input.h"
#include "app/verbs.h"
#include "base/atomic_file.h"
#include "compress/calibrate.h"

namespace thimble {
namespace {

constexpr int64_t kDefaultChunk = 512;
constexpr size_t kLogitRows = 16;

class ImatrixVerb : public Command {
 public:
  ImatrixVerb() {
    context_.ctx_size = kDefaultChunk;
    context_.cache_type_k = context_.cache_type_v = "f16";
  }

  void declare(OptionTable& options) override {
    model_.declare_model(options, false);
    model_.declare_adapters(options);
    model_.declare_pre_tokenizer(options);
    declare_text(options);
    options.heading("Result");
    options.text("-o,--output,--output-file", "OUT", out_, "The file to write, in llama.cpp's GGUF form").path();
    options.texts("--in-file", "FILE", in_files_,
                  "Statistics made before, to add to; may be given several times, alone to merge them");
    options.integer("-ofreq,--output-frequency", output_frequency_, 0, INT32_MAX,
                    "Write a checkpoint every N chunks, from which a run that was ended goes on; 0 for none");
    options.integer("--save-frequency", save_frequency_, 0, INT32_MAX,
                    "Keep a copy OUT.at_N of the statistics every N chunks, 0 for none");
    options.flag("--show-statistics", show_statistics_, "Print what the one --in-file says of each tensor");
    context_.declare(options);
    output_.declare(options);
  }

  ExitCode run(Console& console) override {
    if (show_statistics_) return print_statistics(console);
    if (out_.empty()) fail(ExitCode::usage, "imatrix: -o OUT is required");
    for (const std::string& path : in_files_) {
      merged_.merge(Imatrix::read(path),
                    static_cast<uint32_t>(*context_.ctx_size == 0 ? kDefaultChunk : *context_.ctx_size));
    }
    if (file_ || chat_data_) return calibrate_on_text(console);
    if (in_files_.empty()) {
      fail(ExitCode::usage,
           "imatrix: nothing to do: give a text with -f, conversations with --chat-data, or --in-file");
    }
    if (!model_.model.empty()) merged_.require_match(Preflight(model_, context_).gguf());
    merged_.write(out_);
    print_summary(console, {merged_.chunk_count, {}}, false);
    return ExitCode::done;
  }

 private:
  void declare_text(OptionTable& options) {
    options.heading("Text");
    options.text("-f,--file", "FILE", file_, "The calibration text, - for standard input").path();
    options
        .text("--chat-data", "FILE", chat_data_,
              "Conversations of your task, a JSON object with \"messages\" a line, rendered with the model's template")
        .path();
    options.text("--eval-file", "FILE", eval_file_, "Text that will be measured on: say how much of it stands in both")
        .path();
    options.integer("--chunks", chunks_, 0, INT32_MAX, "Chunks to run, 0 for all");
    options.integer("--from-chunk,--chunk", from_chunk_, 0, INT32_MAX, "Leave out the first N chunks");
    options.flag("--parse-special", parse_special_, "Read control tokens that the text spells out as such");
    options.flag("--process-output", process_output_, "Statistics of the head output.weight too");
    options.flag("--no-ppl", no_ppl_, "Do not measure the perplexity on the way, which is faster");
  }

  ExitCode print_statistics(Console& console) const {
    if (in_files_.size() != 1) fail(ExitCode::usage, "imatrix: --show-statistics needs one --in-file");
    const Imatrix imatrix = Imatrix::read(in_files_[0]);
    if (output_.json) {
      console.print_json(statistics_json(imatrix));
    } else {
      console.print(statistics_text(imatrix));
    }
    return ExitCode::done;
  }

  Preflight preflight() const {
    if (model_.model.empty()) fail(ExitCode::usage, "imatrix: -m MODEL is required");
    Preflight preflight(model_, context_);
    preflight.session.logit_rows = no_ppl_ && !process_output_ ? 1 : kLogitRows;
    const Model& model = preflight.model();
    preflight.require_fit(ImatrixCollector::bytes(model, preflight.session.kv.batch_tokens, process_output_));
    preflight.require_no_input(out_);
    AtomicFile{out_};  // what cannot be written is refused now, not after hours
    for (const auto* input : {&file_, &chat_data_, &eval_file_}) {
      if (*input && **input != "-") require_different_files(**input, out_);
    }
    if (!in_files_.empty()) merged_.require_match(preflight.gguf());
    return preflight;
  }

  // Plain text first, then the conversations.
  CalibrationInput read_input(const Runtime& runtime) const {
    CalibrationInput input(runtime.language_model());
    if (file_) input.add_text(*file_, parse_special_);
    if (chat_data_) input.add_chats(*chat_data_);
    return input;
  }

  std::span<const TokenId> without_first_chunks(const std::vector<TokenId>& tokens, size_t chunk_tokens) const {
    const auto left_out = static_cast<size_t>(from_chunk_) * chunk_tokens;
    if (left_out != 0 && left_out + 2 * chunk_tokens > tokens.size()) {
      fail(ExitCode::usage, "--from-chunk {}: the text has {} chunks of {} tokens; two must be left", from_chunk_,
           tokens.size() / chunk_tokens, chunk_tokens);
    }
    return std::span(tokens).subspan(left_out);
  }

  ExitCode calibrate_on_text(Console& console) {
    Runtime runtime(preflight(), model_, context_);
    runtime.note_setup(console, output_.verbose);
    const CalibrationInput input = read_input(runtime);
    const size_t chunk_tokens = runtime.session_options().kv.context_length;
    const Chunks chunks(runtime.tokenizer(), without_first_chunks(input.tokens(), chunk_tokens), chunk_tokens,
                        static_cast<size_t>(chunks_));
    input.warn(console, chunks.all().size(), eval_file_ ? read_text(*eval_file_) : std::string());
    CalibrationOptions options{process_output_, !no_ppl_, static_cast<size_t>(output_frequency_),
                               output_frequency_ == 0 ? std::string() : out_ + ".part", 0};
    const size_t batch = runtime.session_options().kv.batch_tokens;
    options.source = calibration_source(runtime.language_model().gguf(), chunks, batch, options, runtime.run_as());
    const std::unique_ptr<Session> session = runtime.make_session();
    Calibration calibration = run_chunks(console, *session, chunks, batch, options);
    if (!calibration.complete) {
      if (!options.checkpoint.empty()) {
        console.note("stopped after {} of {} chunks; the same command goes on from there", calibration.state.chunks,
                     chunks.count());
      }
      stop_if_interrupted();
    }
    with_datasets(calibration.imatrix).write(out_);
    std::error_code error;
    std::filesystem::remove(options.checkpoint, error);
    print_summary(console, calibration.state, options.with_perplexity);
    return ExitCode::done;
  }

  Calibration run_chunks(Console& console, Session& session, const Chunks& chunks, size_t batch,
                         const CalibrationOptions& options) {
    ProgressBar bar(console, "calibrating", "chunks");
    bool is_first = true;
    const auto report = [&](const CalibrationState& state, const std::function<Imatrix()>& statistics, size_t kept,
                            size_t total) {
      if (is_first && kept > 0) console.note("going on after {} chunks of the checkpoint", kept);
      is_first = false;
      if (options.with_perplexity) {
        const PerplexityResult result = state.scores.result(state.chunks);
        bar.set_result(fmt::format("ppl {:.4f} +/- {:.4f}", result.perplexity, result.error));
      }
      bar.update(state.chunks, total, kept);
      if (save_frequency_ != 0 && state.chunks % static_cast<size_t>(save_frequency_) == 0) {
        with_datasets(statistics()).write(fmt::format("{}.at_{}", out_, state.chunks));
      }
      return !interrupted();
    };
    return calibrate(session, chunks, batch, options, report);
  }

  // With what the --in-files have.
  Imatrix with_datasets(const Imatrix& own) {
    Imatrix added = own;
    for (const auto* name : {&file_, &chat_data_}) {
      if (*name) added.datasets.push_back(**name);
    }
    if (in_files_.empty()) return added;
    Imatrix sum = merged_;
    sum.merge(added, added.chunk_size);
    return sum;
  }

  void print_summary(Console& console, const CalibrationState& state, bool with_perplexity) const {
    const PerplexityResult ppl = with_perplexity ? state.scores.result(state.chunks) : PerplexityResult{};
    if (output_.json) {
      nlohmann::ordered_json json = {{"out", out_}, {"chunks", state.chunks}};
      if (with_perplexity) json.update({{"ppl", ppl.perplexity}, {"ppl_error", ppl.error}});
      console.print_json(json);
    } else if (with_perplexity) {
      console.print(fmt::format("{}: {} chunks, perplexity {:.4f} +/- {:.4f}\n", printable(out_), state.chunks,
                                ppl.perplexity, ppl.error));
    } else {
      console.print(fmt::format("{}: {} chunks\n", printable(out_), state.chunks));
    }
  }

  ModelOptions model_;
  std::optional<std::string> file_, chat_data_, eval_file_;
  std::string out_;
  std::vector<std::string> in_files_;
  Imatrix merged_;  // of them
  int64_t chunks_ = 0, from_chunk_ = 0, output_frequency_ = 10, save_frequency_ = 0;
  bool parse_special_ = false, process_output_ = false, no_ppl_ = false, show_statistics_ = false;
  ContextOptions context_;
  OutputOptions output_;
};

constexpr Example kExamples[] = {
    {"imatrix -m f16.gguf -f text.txt -o imatrix.gguf", "Importance matrix of a text, as llama-imatrix makes it"},
    {"imatrix -m f16.gguf --chat-data tasks.jsonl --eval-file held_out.txt -o imatrix.gguf",
     "Of your own conversations, checked against the text you will measure on"},
    {"imatrix --in-file a.gguf --in-file b.dat -o both.gguf", "Two of them added up"},
    {"imatrix --in-file imatrix.gguf --show-statistics", "What a file says of each tensor"},
};

}  // namespace

extern const Verb kImatrix;
const Verb kImatrix{"imatrix", "Measure what a model's matrices are given on a text, for quantize", kExamples,
                    make_command<ImatrixVerb>};

}  // namespace thimble
