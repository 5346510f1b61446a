#include "app/serve/token_logprobs.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/utf8.h"

namespace thimble {
namespace {

using Json = nlohmann::ordered_json;

std::vector<unsigned> bytes_of(const std::string& piece) {
  std::vector<unsigned> bytes;
  for (const char c : piece) bytes.push_back(static_cast<unsigned char>(c));
  return bytes;
}

}  // namespace

TokenLogprob logprob_of(std::span<const float> logits, TokenId token, size_t count) {
  const float best = *std::ranges::max_element(logits);
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - best);
  const double total = best + std::log(sum);
  const auto logprob = [&](TokenId id) { return static_cast<float>(logits[static_cast<size_t>(id)] - total); };
  TokenLogprob entry{token, logprob(token), {}};
  std::vector<TokenId> top;  // ascending in probability is the heap's front
  const auto is_better = [&](TokenId a, TokenId b) {
    const float x = logits[static_cast<size_t>(a)], y = logits[static_cast<size_t>(b)];
    return x > y || (x == y && a < b);
  };
  for (size_t id = 0; id < logits.size() && count > 0; ++id) {
    if (top.size() == count && !is_better(static_cast<TokenId>(id), top.front())) continue;
    if (top.size() == count) {
      std::ranges::pop_heap(top, is_better);
      top.pop_back();
    }
    top.push_back(static_cast<TokenId>(id));
    std::ranges::push_heap(top, is_better);
  }
  std::ranges::sort(top, is_better);
  for (const TokenId id : top) entry.top.emplace_back(id, logprob(id));
  return entry;
}

void LogprobRecorder::see(std::span<const float> logits, std::span<const TokenId> answer, TokenId token) {
  fill(answer);
  entries_.push_back(logprob_of(logits, token, top_));
}

void LogprobRecorder::fill(std::span<const TokenId> answer) {
  while (entries_.size() < answer.size()) {
    const TokenId token = answer[entries_.size()];
    entries_.push_back(
        {token, 0,
         top_ > 0 ? std::vector<std::pair<TokenId, float>>{{token, 0.0f}} : std::vector<std::pair<TokenId, float>>()});
  }
}

std::span<const TokenLogprob> LogprobRecorder::take_new() {
  const std::span<const TokenLogprob> fresh = std::span(entries_).subspan(taken_);
  taken_ = entries_.size();
  return fresh;
}

// A token that is a part of a character only is written byte by byte, as OpenAI's API does.
std::string LogprobRecorder::name_of(TokenId token) const {
  const std::string piece = tokenizer_.piece(token, true);
  if (is_valid_utf8(piece)) return piece;
  std::string name = "bytes:";
  for (const unsigned byte : bytes_of(piece)) name += fmt::format("\\x{:02x}", byte);
  return name;
}

Json LogprobRecorder::chat_json(std::span<const TokenLogprob> entries) const {
  const auto one = [&](TokenId token, float logprob) {
    return Json{{"token", name_of(token)}, {"logprob", logprob}, {"bytes", bytes_of(tokenizer_.piece(token, true))}};
  };
  Json content = Json::array();
  for (const TokenLogprob& entry : entries) {
    Json json = one(entry.token, entry.logprob);
    json["top_logprobs"] = Json::array();
    for (const auto& [token, logprob] : entry.top) json["top_logprobs"].push_back(one(token, logprob));
    content.push_back(std::move(json));
  }
  return {{"content", std::move(content)}};
}

Json LogprobRecorder::legacy_json(std::span<const TokenLogprob> entries, size_t offset, size_t unseen) const {
  Json tokens = Json::array(), logprobs = Json::array(), top = Json::array(), offsets = Json::array();
  for (size_t i = 0; i < entries.size(); ++i) {
    tokens.push_back(name_of(entries[i].token));
    offsets.push_back(offset);
    offset += tokenizer_.piece(entries[i].token).size();
    if (i < unseen) {
      logprobs.push_back(nullptr);
      top.push_back(nullptr);
      continue;
    }
    logprobs.push_back(entries[i].logprob);
    Json best = Json::object();
    for (const auto& [token, logprob] : entries[i].top) best.emplace(name_of(token), logprob);
    best.emplace(name_of(entries[i].token), entries[i].logprob);  // OpenAI's API has the token itself too
    top.push_back(std::move(best));
  }
  return {{"tokens", std::move(tokens)},
          {"token_logprobs", std::move(logprobs)},
          {"top_logprobs", std::move(top)},
          {"text_offset", std::move(offsets)}};
}

}  // namespace thimble
