#include <fmt/ranges.h>

#include <algorithm>

#include "app/interrupt.h"
#include "app/progress_bar.h"
#include "app/runtime.h"
#include "app/text_input.h"
#include "app/verbs.h"
#include "engine/embedder.h"
#include "format/npy.h"

namespace thimble {
namespace {

class Embed : public Command {
 public:
  void declare(OptionTable& options) override {
    model_.declare(options);
    options.heading("Texts");
    options.texts("TEXT", "TEXT", texts_, "A text; without one and without --file, each line of standard input");
    options.text("-f,--file", "FILE", file_, "File with a text on each line, - for standard input").path();
    options.flag("--truncate", truncate_, "Cut texts that are longer than the context");
    options.heading("Vectors");
    options.choice("--pooling", "HOW", pooling_, {"auto", "mean", "cls", "last"},
                   "How tokens become one vector; auto: as the file says");
    options.flag("--no-normalize", raw_, "Leave the vectors at their own length");
    options.text("-o,--out", "FILE", out_, "Write the vectors, float32 [texts, width], as .npy").path();
    options.heading("Context and memory");
    context_.declare_context(options);
    context_.declare_machine(options);
    context_.declare_memory_limit(options);
    output_.declare(options);
  }

  ExitCode run(Console& console) override {
    if (texts_.empty() && !file_ && input_is_terminal()) {
      fail(ExitCode::usage, "embed: a text is required: TEXT, --file FILE, or lines on standard input");
    }
    Preflight preflight(model_, context_);
    const Pooling pooling = pooling_ == "auto" ? pooling_of(preflight.model()) : named_pooling();
    preflight.set_embedding();
    preflight.require_fit();
    if (out_) preflight.require_no_input(*out_);
    const std::vector<std::string> texts = all_texts();
    Runtime runtime(std::move(preflight), model_, context_);
    runtime.note_setup(console, output_.verbose);
    const std::vector<std::vector<TokenId>> tokens = tokenize(runtime, texts);
    Embedder embedder(runtime.language_model().model(), runtime.kernels(), runtime.team(), runtime.session_options(),
                      pooling);
    ProgressBar progress(console, "embedding", "texts");
    std::vector<float> vectors = embedder.embed(tokens, [&](size_t done) {
      stop_if_interrupted();
      progress.update(done, texts.size());
      return true;
    });
    progress.finish();
    const size_t width = embedder.width();
    for (size_t i = 0; !raw_ && i < texts.size(); ++i) normalise(std::span(vectors).subspan(i * width, width));
    write(console, runtime, tokens, vectors, width);
    return ExitCode::done;
  }

 private:
  Pooling named_pooling() const {
    if (pooling_ == "mean") return Pooling::mean;
    return pooling_ == "cls" ? Pooling::cls : Pooling::last;
  }

  std::vector<std::string> all_texts() const {
    std::vector<std::string> texts = texts_;
    if (!file_ && !texts.empty()) return texts;
    const std::string lines = read_text(file_.value_or("-"));
    for (size_t at = 0; at < lines.size();) {
      const size_t end = std::min(lines.find('\n', at), lines.size());
      texts.push_back(lines.substr(at, end - at));
      if (texts.back().ends_with('\r')) texts.back().pop_back();
      at = end + 1;
    }
    if (texts.empty()) fail(ExitCode::usage, "embed: {} holds no text", printable(file_.value_or("standard input")));
    return texts;
  }

  // What ends every text stays at the end of one that is cut.
  std::vector<std::vector<TokenId>> tokenize(const Runtime& runtime, const std::vector<std::string>& texts) const {
    const Tokenizer& tokenizer = runtime.tokenizer();
    const size_t limit = runtime.session_options().kv.context_length;
    std::vector<std::vector<TokenId>> tokens;
    for (const std::string& text : texts) {
      tokens.push_back(tokenizer.encode(text));
      std::vector<TokenId>& ids = tokens.back();
      if (!truncate_ || ids.size() <= limit) continue;
      const TokenId last = ids.back();
      ids.resize(limit);
      if (tokenizer.adds_eos()) ids.back() = last;
    }
    return tokens;
  }

  void write(Console& console, const Runtime& runtime, const std::vector<std::vector<TokenId>>& tokens,
             std::span<const float> vectors, size_t width) const {
    if (out_) {
      NpyWriter writer(*out_, tokens.size(), width);
      for (size_t i = 0; i < tokens.size(); ++i) writer.write_row(vectors.subspan(i * width, width));
      writer.commit();
    }
    if (output_.json) return print_json(console, runtime, tokens, vectors, width);
    if (out_) return;
    for (size_t i = 0; i < tokens.size(); ++i) {
      console.print(fmt::format("{:.6f}\n", fmt::join(vectors.subspan(i * width, width), " ")));
    }
  }

  // As the reply of OpenAI's endpoint.
  static void print_json(Console& console, const Runtime& runtime, const std::vector<std::vector<TokenId>>& tokens,
                         std::span<const float> vectors, size_t width) {
    nlohmann::ordered_json json = {{"object", "list"}, {"data", nlohmann::ordered_json::array()}};
    size_t count = 0;
    for (size_t i = 0; i < tokens.size(); ++i) {
      const auto vector = vectors.subspan(i * width, width);
      json["data"].push_back({{"object", "embedding"},
                              {"index", i},
                              {"embedding", std::vector<float>(vector.begin(), vector.end())},
                              {"tokens", tokens[i].size()}});
      count += tokens[i].size();
    }
    json["model"] = runtime.language_model().gguf().path();
    json["usage"] = {{"prompt_tokens", count}, {"total_tokens", count}};
    json["peak_rss_bytes"] = peak_resident_bytes();
    console.print_json(json);
  }

  ModelOptions model_;
  ContextOptions context_;
  OutputOptions output_;
  std::vector<std::string> texts_;
  std::optional<std::string> file_;
  std::optional<std::string> out_;
  std::string pooling_ = "auto";
  bool truncate_ = false;
  bool raw_ = false;
};

constexpr Example kExamples[] = {
    {"embed -m minilm.gguf \"Bleed the pump before starting it.\"", "The vector of one text, normalised"},
    {"embed -m minilm.gguf --file questions.txt --out vectors.npy", "A vector for each line, as a NumPy array"},
    {"embed -m minilm.gguf \"pump\" \"valve\" --json", "In the form of OpenAI's endpoint"},
};

}  // namespace

extern const Verb kEmbed;
const Verb kEmbed{"embed", "Make sentence embeddings with an encoder", kExamples, make_command<Embed>};

}  // namespace thimble
