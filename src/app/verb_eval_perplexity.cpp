#include "app/interrupt.h"
#include "app/progress_bar.h"
#include "app/runtime.h"
#include "app/text_input.h"
#include "app/verbs.h"
#include "measure/log_prob_record.h"
#include "measure/perplexity.h"

namespace thimble {
namespace {

constexpr int64_t kDefaultChunk = 512;
constexpr size_t kLogitRows = 16;

class EvalPerplexity : public Command {
 public:
  EvalPerplexity() { context_.ctx_size = kDefaultChunk; }

  void declare(OptionTable& options) override {
    model_.declare(options);
    options.heading("Text");
    options.text("-f,--file", "FILE", file_, "The text, - for standard input").required().path();
    options.integer("--chunks", chunks_, 0, INT32_MAX, "Chunks to measure, 0 for all");
    options
        .text("--kl-divergence-base,--save-all-logits", "OUT", records_,
              "Also write the log-probabilities of every scored position, which eval kld compares other files with")
        .only_one_of("kept")
        .path();
    resume_.declare(options);
    context_.declare(options);
    output_.declare(options);
  }

  ExitCode run(Console& console) override {
    if (records_) {
      // What other files are compared with is not to have the cache's rounding in it.
      for (std::string* type : {&context_.cache_type_k, &context_.cache_type_v}) {
        if (type->empty()) *type = "f16";
      }
    }
    Preflight preflight(model_, context_);
    preflight.session.logit_rows = kLogitRows;
    const size_t vocabulary = preflight.model().hyper().vocabulary_size;
    preflight.require_fit(records_ ? held_record_bytes(vocabulary, preflight.session.kv.context_length) : 0);
    if (records_) preflight.require_no_input(*records_);
    const std::string text = without_last_newline(read_text(file_));
    Runtime runtime(std::move(preflight), model_, context_);
    runtime.note_setup(console, output_.verbose);
    const std::vector<TokenId> tokens = runtime.tokenizer().encode(text);
    const std::unique_ptr<Session> session = runtime.make_session();
    ProgressBar progress(console, "measuring", "chunks");
    const auto report = [&](const PerplexityResult& so_far, size_t total) {
      progress.set_result(fmt::format("ppl {:.4f} +/- {:.4f}", so_far.perplexity, so_far.error));
      progress.update(so_far.chunks, total);
      return !interrupted();
    };
    const Chunks chunks(runtime.tokenizer(), tokens, session->context_length(), static_cast<size_t>(chunks_));
    std::optional<LogProbFileWriter> writer;
    if (records_) writer.emplace(*records_, chunks, session->model().hyper().vocabulary_size);
    const PerplexityResult result = measure_perplexity(*session, chunks, report, writer ? &*writer : nullptr,
                                                       resume_.open(source(runtime, chunks)));
    progress.finish();
    stop_if_interrupted();
    if (writer) writer->commit();
    print(console, result);
    return ExitCode::done;
  }

 private:
  static uint64_t source(const Runtime& runtime, const Chunks& chunks) {
    const uint64_t text = hash_of(std::as_bytes(chunks.whole_text()));
    return combine_hashes(combine_hashes(runtime.identity(), text), chunks.chunk_tokens());
  }

  void print(Console& console, const PerplexityResult& result) const {
    if (output_.json) {
      console.print_json({{"ppl", result.perplexity},
                          {"ppl_error", result.error},
                          {"chunks", result.chunks},
                          {"tokens", result.tokens}});
    } else {
      console.print(fmt::format("perplexity {:.4f} +/- {:.4f} ({} tokens scored in {} chunks)\n", result.perplexity,
                                result.error, result.tokens, result.chunks));
    }
  }

  ModelOptions model_;
  std::string file_;
  int64_t chunks_ = 0;
  std::optional<std::string> records_;
  ResumeOption resume_;
  ContextOptions context_;
  OutputOptions output_;
};

constexpr Example kExamples[] = {
    {"eval perplexity -m model.gguf -f handbook.txt -c 512", "Perplexity of a text in chunks of 512 tokens"},
    {"eval perplexity -m f16.gguf -f handbook.txt --kl-divergence-base f16.kld",
     "The same, and what eval kld compares other files with"},
};

}  // namespace

extern const Verb kEvalPerplexity;
const Verb kEvalPerplexity{"eval perplexity", "Measure how well a model predicts a text", kExamples,
                           make_command<EvalPerplexity>};

}  // namespace thimble
