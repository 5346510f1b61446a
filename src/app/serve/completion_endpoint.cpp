#include <fmt/format.h>

#include "app/serve/answer_settings.h"
#include "app/serve/api_error.h"
#include "app/serve/endpoints.h"
#include "app/serve/event_stream.h"
#include "app/serve/token_logprobs.h"
#include "base/utf8.h"
#include "text/gbnf.h"
#include "text/json_schema.h"

namespace thimble {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMostPrompts = 256;
constexpr int64_t kMostTopLogprobs = 20;
constexpr int64_t kDefaultLength = 16;  // OpenAI's

// One request in the older shape: texts or token ids are continued, and where asked for, given back with their own probabilities.
class CompletionJob {
 public:
  CompletionJob(Service& service, const std::string& body, const HttpPeer& client)
      : service_(service),
        body_(parse_request(body)),
        fields_(body_),
        client_(client),
        settings_(AnswerSettings::read(fields_, service)) {
    service.require_model(fields_);
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

  bool is_stream() const { return settings_.is_stream; }

  Json answer_whole() {
    Json reply = frame();
    reply["choices"] = Json::array();
    for (size_t i = 0; i < choice_count(); ++i) {
      reply["choices"].push_back(run(i, nullptr));
      if (client_.is_gone()) throw ApiError(503, "the request was given up");
    }
    reply["usage"] = usage();
    reply["timings"] = usage_.timings();
    return reply;
  }

  void answer_stream(EventStream& events) {
    try {
      for (size_t i = 0; i < choice_count() && !events.is_broken(); ++i) {
        Json chunk = frame();
        Json choice = run(i, &events);
        chunk["choices"] = Json::array({std::move(choice)});
        events.send(chunk);
      }
      if (settings_.shows_usage) {
        Json last = frame();
        last["choices"] = Json::array();
        last["usage"] = usage();
        last["timings"] = usage_.timings();
        events.send(last);
      }
      if (client_.is_gone()) throw ApiError(503, "the answer was given up");
    } catch (...) {  // the status has gone out already
      ++service_.tally.failures;
      events.send(service_.current_error().json());
    }
    lease_.reset();
    events.finish();
  }

 private:
  size_t choice_count() const { return prompts_.size() * settings_.choices; }

  void read_form() {
    if (const auto text = fields_.text("grammar"); text && !text->empty()) {
      constraint_ = service_.constrain(service_.grammar("gbnf " + *text, [&] { return compile_gbnf(*text); }));
    } else if (const Json* schema = fields_.find("json_schema")) {
      constraint_ = service_.constrain(
          service_.grammar("schema " + schema->dump(), [&] { return compile_json_schema(*schema); }));
    }
  }

  // A text, a list of texts, a list of ids, or a list of lists of ids.
  void read_prompts() {
    const Json& given = fields_.require("prompt");
    const auto add = [&](const Json& prompt) {
      if (!prompt.is_string()) return prompts_.push_back(token_ids(prompt, "prompt", service_.tokenizer()));
      prompts_.push_back(service_.tokenizer().encode(prompt.get_ref<const std::string&>(), {.parse_special = true}));
    };
    const bool is_list = given.is_array() && !given.empty() && !given[0].is_number();
    if (is_list && given.size() > kMostPrompts)
      fields_.refuse("prompt", fmt::format("at most {} prompts", kMostPrompts));
    if (is_list) {
      for (const Json& prompt : given) add(prompt);
    } else {
      add(given);
    }
    for (const std::vector<TokenId>& prompt : prompts_) {
      if (prompt.empty()) fields_.refuse("prompt", "prompts of one token at least");
    }
  }

  Json frame() const {
    return {{"id", id_}, {"object", "text_completion"}, {"created", created_}, {"model", service_.name()}};
  }

  Json usage() const {
    return {{"prompt_tokens", prompt_tokens_},
            {"completion_tokens", answer_tokens_},
            {"total_tokens", prompt_tokens_ + answer_tokens_},
            {"prompt_tokens_details", {{"cached_tokens", cached_tokens_}}}};
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
    const bool is_first = index % settings_.choices == 0;
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
      Json chunk = frame();
      chunk["choices"] =
          Json::array({choice_json(index, std::exchange(text, {}), std::exchange(echoed, nullptr), nullptr)});
      events->send(chunk);
    }
    LogprobRecorder answered(service_.tokenizer(), top_logprobs_.value_or(0));
    const auto fresh = [&] {
      if (!top_logprobs_) return Json();
      Json json = answered.legacy_json(answered.take_new(), offset);
      return json;
    };
    GenerateCallbacks callbacks;
    callbacks.interrupted = [&] { return client_.is_gone() || (events != nullptr && events->is_broken()); };
    if (top_logprobs_) {
      callbacks.on_choice = [&](std::span<const float> logits, std::span<const TokenId> answer, TokenId token) {
        answered.see(logits, answer, token);
        return token;
      };
    }
    if (events != nullptr) {
      callbacks.on_prompt_progress = [&](size_t, size_t) { events->keep_alive(); };
      callbacks.on_text = [&](std::string_view piece) {
        Json chunk = frame();
        chunk["choices"] = Json::array({choice_json(index, std::string(piece), fresh(), nullptr)});
        events->send(chunk);
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
    count(answer, is_first);
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

  void count(const Generation& answer, bool is_first) {
    usage_.add(answer);
    service_.tally.add(answer);
    if (is_first) {
      prompt_tokens_ += answer.prompt_tokens;
      cached_tokens_ += answer.reused_tokens;
    }
    answer_tokens_ += answer.tokens.size();
  }

  Service& service_;
  const Json body_;
  const RequestFields fields_;
  const HttpPeer& client_;
  AnswerSettings settings_;
  std::optional<size_t> top_logprobs_;
  bool echoes_ = false;
  std::unique_ptr<TokenConstraint> constraint_;
  std::vector<std::vector<TokenId>> prompts_;
  std::optional<SlotLease> lease_;
  Usage usage_;
  size_t prompt_tokens_ = 0, cached_tokens_ = 0, answer_tokens_ = 0;
  const std::string id_ = new_id("cmpl-");
  const int64_t created_ = unix_time();
};

}  // namespace

void completions(Service& service, const httplib::Request& request, httplib::Response& reply, const HttpPeer& client) {
  reply_with(std::make_shared<CompletionJob>(service, request.body, client), reply);
}

}  // namespace thimble
