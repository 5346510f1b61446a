#include <fmt/format.h>

#include "app/serve/answer_job.h"
#include "app/serve/endpoints.h"
#include "base/utf8.h"
#include "text/gbnf.h"

namespace thimble {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMostPrompts = 256;
constexpr int64_t kDefaultLength = 16;  // OpenAI's

// In the older shape: texts or token ids are continued, and where asked for, given back with their own probabilities.
class CompletionJob : public AnswerJob {
 public:
  CompletionJob(Service& service, const std::string& body, const HttpPeer& client)
      : AnswerJob(service, body, client, {"cmpl-", "text_completion", "text_completion"}) {
    settings_.generate.max_tokens =
        static_cast<size_t>(fields_.integer("max_tokens", 0, INT32_MAX).value_or(kDefaultLength));
    if (const auto top = fields_.integer("logprobs", 0, kMostTopLogprobs)) top_logprobs_ = static_cast<size_t>(*top);
    echoes_ = fields_.flag("echo").value_or(false);
    if (fields_.find("suffix") != nullptr && !fields_.required_text("suffix").empty())
      fields_.refuse("suffix", "nothing: filling in is not supported");
    const int64_t best = fields_.integer("best_of", 1, INT32_MAX).value_or(1);
    if (best > 1 && best != static_cast<int64_t>(settings_.choices)) fields_.refuse("best_of", "the same as \"n\"");
    read_form();
    read_prompts();
    for (const std::vector<TokenId>& prompt : prompts_) service.require_room(prompt.size());
    // A slot lends what it has said it keeps: not where what it holds is read anew, or other prompts follow.
    const bool keeps = prompts_.size() == 1 && !(echoes_ && top_logprobs_);
    lease_.emplace(service.slots().acquire(keeps ? prompts_[0] : std::vector<TokenId>(), "completion", client));
  }

 protected:
  size_t choice_count() const override { return prompts_.size() * settings_.choices; }
  Json answer_choice(size_t index) override { return run(index, nullptr); }
  void stream_choice(size_t index, EventStream& events) override { send(events, run(index, &events)); }

 private:
  void read_form() {
    if (const auto text = fields_.text("grammar"); text && !text->empty()) {
      constraint_ = service_.constrain(service_.grammar("gbnf " + *text, [&] { return compile_gbnf(*text); }));
    } else if (const Json* schema = fields_.find("json_schema")) {
      keep_to_schema(*schema);
    }
  }

  void read_prompts() {
    prompts_ = token_lists(fields_, "prompt", kMostPrompts, service_.tokenizer(), {.parse_special = true});
    for (const std::vector<TokenId>& prompt : prompts_) {
      if (prompt.empty()) fields_.refuse("prompt", "prompts of one token at least");
    }
  }

  static Json choice_json(size_t index, std::string text, Json logprobs, Json finish) {
    return {{"text", std::move(text)},
            {"index", index},
            {"logprobs", std::move(logprobs)},
            {"finish_reason", std::move(finish)}};
  }

  // The last piece of a choice in a stream, else all of it.
  Json run(size_t index, EventStream* events) {
    const std::vector<TokenId>& prompt = prompts_[index / settings_.choices];
    LogprobRecorder logprobs(service_.tokenizer(), top_logprobs_.value_or(0));
    size_t offset = 0;
    std::string text;
    Json echoed;
    if (echoes_) {
      text = to_valid_utf8(service_.tokenizer().decode(prompt));
      if (top_logprobs_) {
        read_prompt(prompt, logprobs);
        echoed = logprobs.legacy_json(logprobs.entries(), 0, 1);
      }
      offset = text.size();
    }
    if (events != nullptr && echoes_) {
      send(*events, choice_json(index, std::exchange(text, {}), std::exchange(echoed, nullptr), nullptr));
    }
    LogprobRecorder answered(service_.tokenizer(), top_logprobs_.value_or(0));
    const auto fresh = [&] { return top_logprobs_ ? answered.legacy_json(answered.take_new(), offset) : Json(); };
    GenerateCallbacks callbacks = AnswerJob::callbacks(answered, events);
    if (events != nullptr) {
      callbacks.on_text = [&](std::string_view piece) {
        send(*events, choice_json(index, std::string(piece), fresh(), nullptr));
        offset += piece.size();
      };
    }
    Generation answer;
    answer.prompt_tokens = prompt.size();
    if (settings_.generate.max_tokens > 0) {
      Sampler sampler(settings_.sampling_of(index));
      GenerateOptions options = settings_.generate;
      options.constraint = constraint_.get();
      answer = generate(*(*lease_)->session, service_.tokenizer(), prompt, sampler, options, callbacks);
      answered.fill(answer.tokens);
    }
    count(answer, index % settings_.choices == 0);
    Json finish = finish_reason(answer.stop_reason);
    if (events != nullptr) return choice_json(index, {}, fresh(), std::move(finish));
    Json all = nullptr;
    if (top_logprobs_) {
      all = answered.legacy_json(answered.entries(), offset);
      if (!echoed.is_null()) {
        for (auto& [key, list] : all.items()) echoed[key].insert(echoed[key].end(), list.begin(), list.end());
        all = std::move(echoed);
      }
    }
    return choice_json(index, text + answer.text, std::move(all), std::move(finish));
  }

  // Each token of a prompt behind those in front of it; the first one has none.
  void read_prompt(const std::vector<TokenId>& prompt, LogprobRecorder& logprobs) {
    Session& session = *(*lease_)->session;
    session.rewind(0);
    logprobs.add({prompt[0]});
    session.append_all(prompt, 0, [&](size_t index, std::span<const float> logits) {
      if (index + 1 < prompt.size()) logprobs.add(logprob_of(logits, prompt[index + 1], top_logprobs_.value_or(0)));
    });
  }

  bool echoes_ = false;
  std::vector<std::vector<TokenId>> prompts_;
};

}  // namespace

void completions(Service& service, const httplib::Request& request, httplib::Response& reply, const HttpPeer& client) {
  reply_with(std::make_shared<CompletionJob>(service, request.body, client), reply);
}

}  // namespace thimble
