#include "compress/calibrate.h"

#include <array>
#include <filesystem>
#include <numeric>
#include <vector>

#include "base/error.h"
#include "format/gguf_writer.h"
#include "measure/kept_rows.h"
#include "measure/log_prob_record.h"
#include "text/hash.h"

namespace thimble {
namespace {

// Of a checkpoint, beside what an imatrix has.
constexpr std::string_view kSource = "thimble.checkpoint.source";
constexpr std::string_view kChunks = "thimble.checkpoint.chunks";
constexpr std::string_view kSum = "thimble.checkpoint.nll_sum";
constexpr std::string_view kSquares = "thimble.checkpoint.nll_squares";
constexpr std::string_view kCount = "thimble.checkpoint.nll_count";

class Run {
 public:
  Run(Session& session, const Chunks& chunks, size_t batch_tokens, const CalibrationOptions& options)
      : session_(session),
        chunks_(chunks),
        options_(options),
        collector_(session.model(), batch_tokens, options.with_output) {
    session_.set_probe(&collector_);
  }
  ~Run() { session_.set_probe(nullptr); }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  const CalibrationState& state() const { return state_; }

  Imatrix imatrix() const {
    Imatrix result;
    result.entries = collector_.entries();
    result.chunk_count = static_cast<uint32_t>(state_.chunks);
    result.chunk_size = static_cast<uint32_t>(chunks_.chunk_tokens());
    return result;
  }

  void run_chunk() {
    const std::span<const TokenId> text = chunks_.text(state_.chunks);
    const std::vector<TokenId> ids = chunks_.input(state_.chunks);
    session_.rewind(0);
    if (options_.with_perplexity || options_.with_output) {
      score(text, ids);
    } else {
      session_.append_rows(ids, ids.size(), {});
    }
    ++state_.chunks;
  }

  void save() const {
    GgufWriter writer(options_.checkpoint);
    writer.set(kSource, options_.source);
    writer.set(kChunks, static_cast<uint64_t>(state_.chunks));
    writer.set(kSum, state_.scores.sum);
    writer.set(kSquares, state_.scores.squares);
    writer.set(kCount, static_cast<uint64_t>(state_.scores.count));
    imatrix().write(writer);
    writer.commit();
  }

  // Nothing happens where there is no checkpoint of this run: another one's is no use and no fault.
  void restore() {
    std::error_code error;
    if (options_.checkpoint.empty() || !std::filesystem::exists(options_.checkpoint, error)) return;
    try {
      const Gguf gguf = Gguf::open(options_.checkpoint);
      const uint64_t chunks = gguf.unsigned_integer(kChunks).value_or(0);
      if (gguf.unsigned_integer(kSource) != options_.source || chunks > chunks_.count()) return;
      collector_.restore(Imatrix::read(gguf), chunks * chunks_.chunk_tokens());
      state_.chunks = chunks;
      state_.scores.sum = gguf.real(kSum).value_or(0);
      state_.scores.squares = gguf.real(kSquares).value_or(0);
      state_.scores.count = gguf.unsigned_integer(kCount).value_or(0);
    } catch (const Error& fault) {
      if (fault.code() != ExitCode::bad_file) throw;
    }
  }

 private:
  // The head is asked for every row where its input is wanted, as llama-imatrix does, otherwise for those that are scored.
  void score(std::span<const TokenId> text, const std::vector<TokenId>& ids) {
    const size_t first = chunks_.first_scored();
    std::vector<double> nll(chunks_.scored());
    score_rows(session_, ids, options_.with_output ? 0 : first, text.size() - 1,
               [&](size_t index, std::span<const float> logits) {
                 if (index >= first) nll[index - first] = negative_log_probability(logits, text[index + 1]);
               });
    if (!options_.with_perplexity) return;
    for (const double value : nll) state_.scores.add(value);
  }

  Session& session_;
  const Chunks& chunks_;
  const CalibrationOptions& options_;
  ImatrixCollector collector_;
  CalibrationState state_;
};

}  // namespace

Calibration calibrate(Session& session, const Chunks& chunks, size_t batch_tokens, const CalibrationOptions& options,
                      const CalibrationProgress& progress) {
  Run run(session, chunks, batch_tokens, options);
  run.restore();
  const size_t kept = run.state().chunks;
  const bool saves = !options.checkpoint.empty();
  while (run.state().chunks < chunks.count()) {
    run.run_chunk();
    const bool goes_on = !progress || progress(
                                          run.state(), [&] { return run.imatrix(); }, kept, chunks.count());
    const bool is_due = options.checkpoint_chunks != 0 && run.state().chunks % options.checkpoint_chunks == 0;
    if (saves && (is_due || !goes_on)) run.save();
    if (!goes_on) return {run.imatrix(), run.state(), run.state().chunks == chunks.count()};
  }
  return {run.imatrix(), run.state(), true};
}

uint64_t calibration_source(const Gguf& model, const Chunks& chunks, size_t batch_tokens,
                            const CalibrationOptions& options, std::string_view run_as) {
  const uint64_t flags = (options.with_output ? 2u : 0u) + (options.with_perplexity ? 1u : 0u);
  // Of the whole text: how many of its chunks are run may differ.
  const std::array<uint64_t, 6> parts = {identity_of(model),
                                         hash_text(run_as),
                                         chunks.chunk_tokens(),
                                         batch_tokens,
                                         flags,
                                         hash_of(std::as_bytes(chunks.whole_text()))};
  return std::accumulate(parts.begin(), parts.end(), uint64_t{0}, combine_hashes);
}

}  // namespace thimble
