#include <algorithm>
#include <cmath>
#include <numeric>

#include "app/interrupt.h"
#include "app/progress_bar.h"
#include "app/runtime.h"
#include "app/verbs.h"
#include "format/npy.h"
#include "measure/log_prob_record.h"

namespace thimble {
namespace {

constexpr size_t kLogitRows = 8;

class Logits : public Command {
 public:
  void declare(OptionTable& options) override {
    model_.declare(options);
    prompt_.declare_raw(options);
    options.heading("Result");
    options.text("-o,--out", "FILE", out_, "Write the logits of every position, float32 [tokens, vocabulary], as .npy")
        .path();
    options.integer("--top", top_, 0, 1000, "Print the N most probable tokens after the last position");
    context_.declare(options);
    output_.declare(options);
  }

  ExitCode run(Console& console) override {
    if (!out_ && !top_) fail(ExitCode::usage, "logits: nothing to do: give --out FILE, --top N, or both");
    prompt_.require("logits");
    Preflight preflight(model_, context_);
    preflight.session.logit_rows = kLogitRows;
    if (!context_.ctx_size && prompt_.ids) preflight.set_context_length(std::max<size_t>(prompt_.ids->size(), 1));
    preflight.require_fit();
    if (out_) preflight.require_no_input(*out_);
    const std::string text = prompt_.text();
    Runtime runtime(std::move(preflight), model_, context_);
    runtime.note_setup(console, output_.verbose);
    const std::vector<TokenId> tokens = prompt_.tokens(runtime.tokenizer(), text);
    if (tokens.empty()) fail(ExitCode::usage, "logits: the prompt is empty: there is no token to start from");
    const std::vector<float> last = compute(console, runtime, tokens);
    if (top_) print_top(console, runtime.tokenizer(), last);
    return ExitCode::done;
  }

 private:
  // Writes the file and returns the last row.
  std::vector<float> compute(const Console& console, Runtime& runtime, const std::vector<TokenId>& tokens) const {
    const std::unique_ptr<Session> session = runtime.make_session();
    std::optional<NpyWriter> writer;
    if (out_) writer.emplace(*out_, tokens.size(), runtime.tokenizer().vocabulary_size());
    ProgressBar progress(console, "computing logits", "tokens");
    std::vector<float> last;
    session->append_all(tokens, out_ ? 0 : tokens.size() - 1, [&](size_t index, std::span<const float> logits) {
      stop_if_interrupted();
      if (writer) writer->write_row(logits);
      if (index + 1 == tokens.size()) last.assign(logits.begin(), logits.end());
      progress.update(index + 1, tokens.size());
    });
    if (writer) writer->commit();
    return last;
  }

  void print_top(Console& console, const Tokenizer& tokenizer, const std::vector<float>& logits) const {
    std::vector<TokenId> ids(logits.size());
    std::iota(ids.begin(), ids.end(), 0);
    const auto count = std::min(static_cast<size_t>(*top_), ids.size());
    const auto logit = [&](TokenId id) { return logits[static_cast<size_t>(id)]; };
    std::partial_sort(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(count), ids.end(),
                      [&](TokenId a, TokenId b) { return logit(a) > logit(b) || (logit(a) == logit(b) && a < b); });
    nlohmann::ordered_json rows = nlohmann::ordered_json::array();
    for (size_t i = 0; i < count; ++i) {
      const double probability = std::exp(-negative_log_probability(logits, ids[i]));
      const std::string piece = tokenizer.piece(ids[i], true);
      rows.push_back({{"id", ids[i]}, {"piece", piece}, {"logit", logit(ids[i])}, {"probability", probability}});
      if (!output_.json) {
        console.print(
            fmt::format("{:>7}  {:>10.5f}  {:>8.5f}  '{}'\n", ids[i], logit(ids[i]), probability, printable(piece)));
      }
    }
    if (output_.json) console.print_json({{"top", std::move(rows)}});
  }

  ModelOptions model_;
  PromptOptions prompt_;
  std::optional<std::string> out_;
  std::optional<int64_t> top_;
  ContextOptions context_;
  OutputOptions output_;
};

constexpr Example kExamples[] = {
    {"logits -m model.gguf --ids 1,450,7483 --out logits.npy", "The logits of three positions for NumPy"},
    {"logits -m model.gguf -p \"The capital of France is\" --top 5", "The five likeliest next tokens"},
};

}  // namespace

extern const Verb kLogits;
const Verb kLogits{"logits", "Compute the logits of every position", kExamples, make_command<Logits>};

}  // namespace thimble
