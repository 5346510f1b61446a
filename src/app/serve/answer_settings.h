// What a request says about how it is to be answered: the fields that chat and plain completions have in common.
#pragma once

#include <nlohmann/json.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "app/serve/request_fields.h"
#include "app/serve/service.h"
#include "engine/generate.h"
#include "engine/sampler.h"

namespace thimble {

struct AnswerSettings {
  SamplerOptions sampling;
  GenerateOptions generate;
  size_t choices = 1;
  bool is_stream = false;
  bool shows_usage = false;  // in a stream

  // All but what is special to one endpoint: how many tokens, log probabilities, grammars. Throws ApiError 400.
  static AnswerSettings read(const RequestFields& fields, const Service& service);
  // For one of several choices.
  SamplerOptions sampling_of(size_t choice) const;
};

// The runs behind a reply, added up.
class Usage {
 public:
  // Choices of one prompt read it once.
  void add(const Generation& run, bool is_new_prompt);
  // {"prompt_tokens", "completion_tokens", "total_tokens", "prompt_tokens_details": {"cached_tokens"}}
  nlohmann::ordered_json json() const;
  // Of the last run, as llama-server has it: {"prompt_n", "prompt_ms", "predicted_n", ...}
  nlohmann::ordered_json timings() const;

 private:
  size_t prompt_tokens_ = 0, cached_tokens_ = 0, answer_tokens_ = 0;
  Generation last_;  // its figures
};

const char* finish_reason(StopReason reason);  // "stop" or "length"
std::string new_id(std::string_view prefix);   // "chatcmpl-" and 24 random characters
int64_t unix_time();

}  // namespace thimble
