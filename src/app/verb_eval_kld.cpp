#include "app/interrupt.h"
#include "app/kld_report.h"
#include "app/progress_bar.h"
#include "app/runtime.h"
#include "app/text_input.h"
#include "app/verbs.h"
#include "measure/kld.h"
#include "measure/log_prob_record.h"

namespace thimble {
namespace {

constexpr int64_t kDefaultChunk = 512;
constexpr size_t kLogitRows = 16;

// Ids mean the same tokens in both files.
void require_same_tokens(const Tokenizer& reference, const Tokenizer& candidate) {
  bool same = reference.vocabulary_size() == candidate.vocabulary_size();
  for (TokenId id = 0; same && static_cast<uint32_t>(id) < reference.vocabulary_size(); ++id) {
    same = reference.token_text(id) == candidate.token_text(id);
  }
  if (!same) fail(ExitCode::usage, "--reference and -m have different vocabularies: they cannot be compared");
}

// Both models are held at once; `plan` is of one of them, `reference` of the other.
void require_both_fit(const Preflight& candidate, const Preflight& reference, size_t chunk_tokens) {
  const MemoryPlan plan = candidate.plan(), other = reference.plan();
  const uint64_t records = held_record_bytes(candidate.model().hyper().vocabulary_size, chunk_tokens);
  const uint64_t total = plan.total() + other.total() - other.program + records;
  if (total <= candidate.limit().bytes) return;
  fail(ExitCode::does_not_fit,
       "both models together need {:.0f} MB of memory, but the limit is {:.0f} MB ({}); write what the reference says "
       "first: thimble eval perplexity -m {} -f TEXT --kl-divergence-base FILE, then: eval kld --kl-divergence-base "
       "FILE",
       static_cast<double>(total) / 1e6, static_cast<double>(candidate.limit().bytes) / 1e6, candidate.limit().source,
       printable(reference.gguf().path()));
}

class EvalKld : public Command {
 public:
  EvalKld() {
    context_.ctx_size = kDefaultChunk;
    context_.cache_type_k = context_.cache_type_v = "f16";
  }

  void declare(OptionTable& options) override {
    model_.declare(options);
    options.heading("Reference");
    options.text("--reference", "MODEL", reference_, "The model to compare with, run beside it on the text of -f")
        .only_one_of("reference")
        .path();
    options
        .text("--kl-divergence-base", "FILE", records_,
              "What the reference said of a text, written by eval perplexity or by llama-perplexity; the text is in it")
        .only_one_of("reference")
        .path();
    options.text("-f,--file", "FILE", file_, "The text, - for standard input").path();
    options.integer("--chunks", chunks_, 0, INT32_MAX, "Chunks to measure, 0 for all");
    resume_.declare(options);
    context_.declare(options);
    output_.declare(options);
  }

  ExitCode run(Console& console) override {
    if (reference_.has_value() == records_.has_value()) {
      fail(ExitCode::usage, "eval kld: give --reference MODEL with -f TEXT, or --kl-divergence-base FILE");
    }
    if (reference_ && !file_) fail(ExitCode::usage, "eval kld: --reference needs a text: -f FILE");
    if (records_ && file_) fail(ExitCode::usage, "eval kld: --kl-divergence-base has its text in it: leave out -f");
    Preflight preflight(model_, context_);
    preflight.session.logit_rows = kLogitRows;
    const KldResult result =
        records_ ? run_records(console, std::move(preflight)) : run_both(console, std::move(preflight));
    stop_if_interrupted();
    if (output_.json) {
      console.print_json(kld_json(result));
    } else {
      console.print(kld_text(result));
    }
    return ExitCode::done;
  }

 private:
  static uint64_t source(const Runtime& runtime, const Chunks& chunks, uint64_t reference) {
    const uint64_t text = hash_of(std::as_bytes(chunks.whole_text()));
    return combine_hashes(combine_hashes(combine_hashes(runtime.identity(), reference), text), chunks.chunk_tokens());
  }

  KldProgress report(ProgressBar& progress) const {
    return [&progress](const KldResult& so_far, size_t total) {
      progress.set_result(fmt::format("KLD {:.6f} +/- {:.6f}", so_far.kld.mean.value, so_far.kld.mean.error));
      progress.update(so_far.chunks, total);
      return !interrupted();
    };
  }

  KldResult run_records(Console& console, Preflight preflight) const {
    const LogProbFile reference = LogProbFile::open(*records_);
    preflight.set_context_length(reference.chunk_tokens());
    preflight.require_fit(held_record_bytes(reference.vocabulary(), reference.chunk_tokens()));
    Runtime runtime(std::move(preflight), model_, context_);
    runtime.note_setup(console, output_.verbose);
    const Chunks chunks(runtime.tokenizer(), reference.tokens(), reference.chunk_tokens(), static_cast<size_t>(chunks_),
                        1);
    const std::unique_ptr<Session> session = runtime.make_session();
    ProgressBar progress(console, "measuring", "chunks");
    return measure_kld(reference, *session, chunks, report(progress),
                       resume_.open(source(runtime, chunks, reference.identity())));
  }

  KldResult run_both(Console& console, Preflight preflight) const {
    ModelOptions reference_options;
    reference_options.model = *reference_;
    reference_options.pre_tokenizer = model_.pre_tokenizer;
    reference_options.check_tensors = model_.check_tensors;
    Preflight reference_preflight(reference_options, context_);
    reference_preflight.session.logit_rows = kLogitRows;
    const size_t chunk_tokens = preflight.session.kv.context_length;
    reference_preflight.set_context_length(chunk_tokens);
    require_both_fit(preflight, reference_preflight, chunk_tokens);
    const std::string text = without_last_newline(read_text(*file_));
    Runtime runtime(std::move(preflight), model_, context_);
    Runtime reference(std::move(reference_preflight), reference_options, context_);
    require_same_tokens(reference.tokenizer(), runtime.tokenizer());
    runtime.note_setup(console, output_.verbose);
    const std::vector<TokenId> tokens = reference.tokenizer().encode(text);
    const Chunks chunks(reference.tokenizer(), tokens, chunk_tokens, static_cast<size_t>(chunks_));
    const std::unique_ptr<Session> reference_session = reference.make_session();
    const std::unique_ptr<Session> session = runtime.make_session();
    ProgressBar progress(console, "measuring", "chunks");
    return measure_kld(*reference_session, *session, chunks, report(progress),
                       resume_.open(source(runtime, chunks, reference.identity())));
  }

  ModelOptions model_;
  std::optional<std::string> reference_, records_, file_;
  int64_t chunks_ = 0;
  ResumeOption resume_;
  ContextOptions context_;
  OutputOptions output_;
};

constexpr Example kExamples[] = {
    {"eval kld -m q4.gguf --reference f16.gguf -f handbook.txt --chunks 32",
     "How far a smaller file is from the original"},
    {"eval kld -m q4.gguf --kl-divergence-base f16.kld", "The same with what eval perplexity -m f16.gguf wrote"},
};

}  // namespace

extern const Verb kEvalKld;
const Verb kEvalKld{"eval kld", "Measure how far a model is from a reference (KL divergence)", kExamples,
                    make_command<EvalKld>};

}  // namespace thimble
