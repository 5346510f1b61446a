#include "app/serve/answer_settings.h"

#include <fmt/format.h>

#include <chrono>
#include <random>

namespace thimble {
namespace {

using Json = nlohmann::ordered_json;

constexpr int64_t kMostChoices = 16;
constexpr size_t kMostStops = 16;
constexpr size_t kLongestStop = 1024;  // bytes
constexpr double kMostBias = 100;

std::vector<std::pair<TokenId, float>> read_bias(const RequestFields& fields, const Tokenizer& tokenizer) {
  std::vector<std::pair<TokenId, float>> bias;
  const Json* map = fields.find("logit_bias");
  if (map == nullptr) return bias;
  if (!map->is_object()) fields.refuse("logit_bias", "an object of token ids with a number from -100 to 100 each");
  for (const auto& [key, value] : map->items()) {
    const bool is_id = !key.empty() && key.size() < 10 && key.find_first_not_of("0123456789") == key.npos;
    const size_t id = is_id ? std::stoul(key) : SIZE_MAX;
    if (id >= tokenizer.vocabulary_size() || !value.is_number() || !(std::abs(value.get<double>()) <= kMostBias)) {
      fields.refuse("logit_bias", "an object of token ids with a number from -100 to 100 each");
    }
    bias.emplace_back(static_cast<TokenId>(id), value.get<float>());
  }
  return bias;
}

void read_sampling(SamplerOptions& sampling, const RequestFields& fields, const Service& service) {
  const auto read = [&](float& target, const char* name, double least, double most) {
    if (const auto value = fields.number(name, least, most)) target = static_cast<float>(*value);
  };
  read(sampling.temperature, "temperature", 0, 100);
  read(sampling.top_p, "top_p", 0, 1);
  read(sampling.min_p, "min_p", 0, 1);
  read(sampling.repeat_penalty, "repeat_penalty", 0.01, 100);
  read(sampling.presence_penalty, "presence_penalty", -2, 2);
  read(sampling.frequency_penalty, "frequency_penalty", -2, 2);
  if (const auto top_k = fields.integer("top_k", 0, INT32_MAX)) sampling.top_k = static_cast<uint32_t>(*top_k);
  sampling.logit_bias = read_bias(fields, service.tokenizer());
  const auto seed = fields.integer("seed", INT64_MIN, INT64_MAX);
  if (seed) sampling.seed = static_cast<uint64_t>(*seed);
  if (!seed && !service.options().has_seed) sampling.seed = std::random_device{}();
}

}  // namespace

AnswerSettings AnswerSettings::read(const RequestFields& fields, const Service& service) {
  AnswerSettings settings;
  settings.sampling = service.options().sampling;
  read_sampling(settings.sampling, fields, service);
  settings.generate.draft_tokens = service.options().draft_tokens;
  settings.generate.stop = fields.texts("stop", kMostStops);
  for (const std::string& stop : settings.generate.stop) {
    if (stop.empty() || stop.size() > kLongestStop)
      fields.refuse("stop", fmt::format("texts of 1 to {} bytes", kLongestStop));
  }
  settings.generate.ignore_end_of_turn = fields.flag("ignore_eos").value_or(false);
  settings.choices = static_cast<size_t>(fields.integer("n", 1, kMostChoices).value_or(1));
  settings.is_stream = fields.flag("stream").value_or(false);
  if (const auto options = fields.object("stream_options"))
    settings.shows_usage = options->flag("include_usage").value_or(false);
  return settings;
}

SamplerOptions AnswerSettings::sampling_of(size_t choice) const {
  SamplerOptions options = sampling;
  options.seed += choice;
  return options;
}

void Usage::add(const Generation& run, bool is_new_prompt) {
  if (is_new_prompt) {
    prompt_tokens_ += run.prompt_tokens;
    cached_tokens_ += run.reused_tokens;
  }
  answer_tokens_ += run.tokens.size();
  last_ = run;
}

Json Usage::json() const {
  return {{"prompt_tokens", prompt_tokens_},
          {"completion_tokens", answer_tokens_},
          {"total_tokens", prompt_tokens_ + answer_tokens_},
          {"prompt_tokens_details", {{"cached_tokens", cached_tokens_}}}};
}

Json Usage::timings() const {
  return {{"cache_n", last_.reused_tokens},
          {"prompt_n", last_.prompt_tokens - last_.reused_tokens},
          {"prompt_ms", last_.prompt_seconds * 1e3},
          {"prompt_per_second", last_.prompt_speed()},
          {"predicted_n", last_.tokens.size()},
          {"predicted_ms", last_.decode_seconds * 1e3},
          {"predicted_per_second", last_.decode_speed()},
          {"draft_n", last_.drafted_tokens},
          {"draft_n_accepted", last_.accepted_tokens}};
}

const char* finish_reason(StopReason reason) {
  return reason == StopReason::end_of_turn || reason == StopReason::stop_string ? "stop" : "length";
}

std::string new_id(std::string_view prefix) {
  constexpr std::string_view kCharacters = "abcdefghijklmnopqrstuvwxyz0123456789";
  std::random_device random;
  std::string id(prefix);
  for (int i = 0; i < 24; ++i) id += kCharacters[random() % kCharacters.size()];
  return id;
}

int64_t unix_time() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace thimble
