#include "app/answer_view.h"
#include "app/grammar_options.h"
#include "app/prefix_cache.h"
#include "app/runtime.h"
#include "app/verbs.h"

namespace thimble {
namespace {

class Generate : public Command {
 public:
  void declare(OptionTable& options) override {
    model_.declare(options);
    prompt_.declare_raw(options);
    answer_.declare(options);
    grammar_.declare(options);
    sampling_.declare(options);
    context_.declare(options);
    prefix_cache_.declare(options);
    output_.declare(options);
  }

  ExitCode run(Console& console) override {
    GenerateOptions options = answer_.resolve();
    const SamplerOptions sampling = sampling_.resolve();
    std::shared_ptr<const Grammar> grammar = grammar_.compile();
    prompt_.require("generate");
    Preflight preflight(model_, context_);
    preflight.session.logit_rows = 1 + options.draft_tokens;
    preflight.require_fit();  // before standard input is waited for
    const std::string text = prompt_.text();
    Runtime runtime(std::move(preflight), model_, context_);
    runtime.note_setup(console, output_.verbose);
    const Tokenizer& tokenizer = runtime.tokenizer();
    const std::unique_ptr<TokenConstraint> constraint = make_constraint(std::move(grammar), tokenizer);
    options.constraint = constraint.get();
    options.keep = tokenizer.adds_bos() ? 1 : 0;
    const std::unique_ptr<Session> session = runtime.make_session();
    Sampler sampler(sampling);
    const std::vector<TokenId> prompt = prompt_.tokens(tokenizer, text);
    prefix_cache_.prepare(console, runtime, *session,
                          std::span(prompt).first(prompt.size() - std::min<size_t>(prompt.size(), 1)), output_.verbose);
    AnswerView view(console, !output_.json);
    const Generation answer = generate(*session, tokenizer, prompt, sampler, options, view.callbacks());
    return finish_answer(console, answer, sampling, output_);
  }

 private:
  ModelOptions model_;
  PromptOptions prompt_;
  AnswerOptions answer_;
  GrammarOptions grammar_;
  SamplingOptions sampling_;
  ContextOptions context_;
  PrefixCacheOption prefix_cache_;
  OutputOptions output_;
};

constexpr Example kExamples[] = {
    {"generate -m model.gguf -p \"The capital of France is\" -n 16 --temp 0",
     "Continue a text, always with the likeliest token"},
    {"generate -m model.gguf --ids 1,450,7483 -n 8 --json", "The same from token ids, reported as JSON"},
};

}  // namespace

extern const Verb kGenerate;
const Verb kGenerate{"generate", "Continue a text as it is, without a chat template", kExamples,
                     make_command<Generate>};

}  // namespace thimble
