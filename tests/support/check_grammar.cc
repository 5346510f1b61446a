// For tests in Python: compiles grammars, says which texts match them, and lets a model without sense write texts under them.
//
//   check_grammar VOCABULARY.gguf
//
// reads one JSON object a line, {"kind": "schema" | "gbnf" | "regex" | "tools", "text": ..., "open": bool, "accept": [texts],
// "write": how many texts, "seed": N}, and answers each with a line: {"error"} or {"accepted": [bool], "written": [text or null],
// "states": N, "compile_ms": N, "trie_ms": N}. With "trace", a text that matches, the answer has "prepare_ms" and for each token of that text "mask_us",
// what its mask took when it was asked for, and "allow_us", what asking about that token alone and accepting it took. A written text is null where it did not end in 120 tokens.
#include <time.h>

#include <iostream>
#include <nlohmann/json.hpp>
#include <random>

#include "base/error.h"
#include "engine/sampler.h"
#include "text/gbnf.h"
#include "text/grammar_matcher.h"
#include "text/json_schema.h"
#include "text/regular_expression.h"
#include "text/token_constraint.h"
#include "text/tool_grammar.h"

namespace thimble {
namespace {

using Json = nlohmann::ordered_json;

std::shared_ptr<const Grammar> compile_request(const Json& request) {
  const std::string kind = request["kind"];
  const std::string text = request["text"];
  if (kind == "gbnf") return std::make_shared<const Grammar>(compile_gbnf(text));
  if (kind == "regex") return std::make_shared<const Grammar>(compile_regular_expression(text));
  if (kind == "tools") {
    return std::make_shared<const Grammar>(compile_tool_calls(parse_schema_text(text, "tools")));
  }
  return std::make_shared<const Grammar>(
      compile_json_schema_text(text, {.closed_objects = !request.value("open", false)}));
}

// Random logits, the same for the same seed, with a growing liking for what ends things.
class RandomModel {
 public:
  RandomModel(const Tokenizer& tokenizer, uint64_t seed) : random_(seed), logits_(tokenizer.vocabulary_size()) {
    std::normal_distribution<float> normal;
    noise_.resize(2 * logits_.size());
    for (float& value : noise_) value = normal(random_);
    for (TokenId id = 0; static_cast<size_t>(id) < logits_.size(); ++id) {
      const std::string piece = tokenizer.piece(id);
      const bool is_closing = piece.find_first_not_of("\"]}") == std::string::npos;
      if ((!piece.empty() && is_closing) || tokenizer.is_end_of_generation(id)) closing_.push_back(id);
    }
  }

  std::span<const float> logits(size_t step) {
    const size_t offset = random_() % logits_.size();
    std::copy_n(noise_.begin() + static_cast<std::ptrdiff_t>(offset), logits_.size(), logits_.begin());
    for (const TokenId id : closing_) logits_[static_cast<size_t>(id)] += 2 + 0.2f * static_cast<float>(step);
    return logits_;
  }

 private:
  std::mt19937_64 random_;
  std::vector<float> noise_;
  std::vector<float> logits_;
  std::vector<TokenId> closing_;
};

Json write_text(const Tokenizer& tokenizer, TokenConstraint& constraint, RandomModel& model, uint64_t seed) {
  SamplerOptions options;
  options.seed = seed;
  options.temperature = seed % 3 == 0 ? 0.0f : 1.0f;
  options.top_k = seed % 3 == 1 ? 0 : 40;
  options.top_p = 1;
  options.min_p = 0;
  Sampler sampler(options);
  constraint.restart();
  std::string text;
  for (size_t step = 0; step < 120; ++step) {
    for (const TokenId forced : constraint.take_forced(100)) text += tokenizer.piece(forced);
    if (constraint.must_end()) return text;
    const TokenId token = sampler.sample(model.logits(step), {}, &constraint);
    if (tokenizer.is_end_of_generation(token)) return text;
    constraint.accept(token);
    text += tokenizer.piece(token);
  }
  return nullptr;
}

// Of this process, so that others on the machine are not counted.
double processor_microseconds() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

// Twice with the same constraint, so that the second is what later answers take.
void trace(const Json& request, const Tokenizer& tokenizer, TokenConstraint& constraint, Json& out) {
  for (const char* pass : {"first", "again"}) {
    constraint.restart();
    for (const TokenId token : tokenizer.encode(request["trace"].get<std::string>(), {.add_special = false})) {
      double begin = processor_microseconds();
      constraint.mask();
      out[pass]["mask_us"].push_back(processor_microseconds() - begin);
      begin = processor_microseconds();
      if (!constraint.allows(token)) fail(ExitCode::failed, "the trace does not match");
      constraint.accept(token);
      out[pass]["allow_us"].push_back(processor_microseconds() - begin);
    }
  }
  out["memory_bytes"] = constraint.memory_bytes();
}

Json answer(const Json& request, const Tokenizer& tokenizer, const std::shared_ptr<const VocabularyTrie>& trie) {
  const double begin = processor_microseconds();
  const std::shared_ptr<const Grammar> grammar = compile_request(request);
  const double took = processor_microseconds() - begin;
  Json out = {{"accepted", Json::array()}, {"written", Json::array()}};
  out["states"] = grammar->state_count();
  out["compile_ms"] = took / 1000;
  for (const Json& text : request.value("accept", Json::array())) {
    out["accepted"].push_back(matches(*grammar, text.get<std::string>()));
  }
  const auto count = request.value("write", uint64_t{0});
  if (request.contains("trace")) {
    const double start = processor_microseconds();
    TokenConstraint constraint(grammar, trie, tokenizer);
    out["prepare_ms"] = (processor_microseconds() - start) / 1000;
    trace(request, tokenizer, constraint, out);
  }
  if (count == 0) return out;
  const auto seed = request.value("seed", uint64_t{1});
  TokenConstraint constraint(grammar, trie, tokenizer);
  RandomModel model(tokenizer, seed);
  for (uint64_t i = 0; i < count; ++i) out["written"].push_back(write_text(tokenizer, constraint, model, seed + i));
  return out;
}

int serve(const std::string& path) {
  const Gguf gguf = Gguf::open(path);
  const Tokenizer tokenizer = Tokenizer::from_gguf(gguf);
  const double start = processor_microseconds();
  const auto trie = std::make_shared<const VocabularyTrie>(tokenizer);
  const double trie_ms = (processor_microseconds() - start) / 1000;
  for (std::string line; std::getline(std::cin, line);) {
    Json out;
    try {
      out = answer(Json::parse(line), tokenizer, trie);
      out["trie_ms"] = trie_ms;
    } catch (const Error& error) {
      out = {{"error", error.what()}};
    }
    std::cout << out.dump(-1, ' ', false, Json::error_handler_t::replace) << std::endl;
  }
  return 0;
}

}  // namespace
}  // namespace thimble

int main(int count, char** arguments) {
  if (count != 2) return 2;
  return thimble::serve(arguments[1]);
}
