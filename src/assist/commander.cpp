#include "assist/commander.h"

#include <algorithm>

#include "assist/call_choice.h"
#include "base/error.h"
#include "base/utf8.h"
#include "text/tool_grammar.h"

namespace thimble {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMostAnswerTokens = 256;

// The first object in `text`, whatever stands around it; null where there is none.
Json first_object(std::string_view text) {
  constexpr size_t kMostTries = 20;
  size_t tries = 0;
  for (size_t at = text.find('{'); at != text.npos && tries++ < kMostTries; at = text.find('{', at + 1)) {
    size_t depth = 0;
    for (size_t end = at; end < text.size(); ++end) {
      if (text[end] == '{') ++depth;
      if (text[end] != '}' || --depth > 0) continue;
      Json found = Json::parse(text.substr(at, end + 1 - at), nullptr, false);
      if (found.is_object()) return found;
      break;
    }
  }
  return nullptr;
}

}  // namespace

Json to_json(const CommandAnswer& answer) {
  Json json = {{"name", nullptr},
               {"arguments", answer.arguments},
               {"confidence", answer.confidence.value_or(0)},
               {"confirm", answer.confirm}};
  if (answer.name) json["name"] = *answer.name;
  if (answer.is_withheld) json["withheld"] = true;
  return json;
}

Commander::Commander(const LanguageModel& language_model, Session& session, const ToolList& tools,
                     const CommandExamples& examples, const CommandOptions& options,
                     std::shared_ptr<const VocabularyTrie> trie)
    : language_model_(language_model),
      session_(session),
      tools_(tools),
      examples_(examples),
      options_(options),
      prompter_(language_model, tools, examples, prompt_options()),
      trie_(std::move(trie)) {
  if (!trie_ && options.is_constrained) trie_ = std::make_shared<const VocabularyTrie>(language_model.tokenizer());
}

CommandPromptOptions Commander::prompt_options() const {
  const size_t context = session_.context_length();
  return {options_.system, options_.shots, options_.shot_choice, context, std::min(kMostAnswerTokens, context / 4)};
}

void Commander::check(std::string_view command) {
  if (command.size() > kMostCommandBytes) {
    fail(ExitCode::usage, "a command has at most {} bytes, found {}", kMostCommandBytes, command.size());
  }
  if (!is_valid_utf8(command))
    fail(ExitCode::usage, "a command is UTF-8, found other bytes: '{}'", printable(command, 60));
  if (command.find_first_not_of(" \t\r\n") == command.npos) fail(ExitCode::usage, "the command is empty");
}

CommandAnswer Commander::answer(std::string_view command, const GenerateCallbacks& callbacks) {
  check(command);
  CommandAnswer answer;
  answer.prompt = prompter_.make(command);
  if (options_.is_constrained) {
    run_constrained(answer, command, callbacks);
  } else {
    run_free(answer, callbacks);
  }
  return answer;
}

TokenConstraint& Commander::constraint_for(const std::vector<size_t>& tools) {
  if (constraint_ != nullptr && constrained_tools_ == tools) return *constraint_;
  const bool are_all = tools.size() == tools_.tools().size();
  constraint_ = std::make_unique<TokenConstraint>(are_all ? tools_.grammar() : tools_.grammar_of(tools), trie_,
                                                  language_model_.tokenizer());
  constrained_tools_ = tools;
  return *constraint_;
}

void Commander::run_constrained(CommandAnswer& answer, std::string_view command, const GenerateCallbacks& callbacks) {
  TokenConstraint& constraint = constraint_for(answer.prompt.tools);
  std::vector<std::string> names;
  for (const size_t index : answer.prompt.tools) names.push_back(tools_.tools()[index].name);
  names.emplace_back();  // none
  std::vector<double> priors = examples_.votes(command, names);
  CallChoice choice(language_model_.tokenizer(), constraint, names, std::move(priors),
                    options_.calibration.none_threshold);
  GenerateCallbacks watched = callbacks;
  watched.on_choice = [&](std::span<const float> logits, std::span<const TokenId> so_far, TokenId sampled) {
    return choice.choose(logits, so_far, sampled);
  };
  Sampler sampler({.temperature = 0});
  answer.generation = generate(session_, language_model_.tokenizer(), answer.prompt.tokens, sampler,
                               {.constraint = &constraint}, watched);
  if (answer.generation.stop_reason == StopReason::interrupted) return;
  Json call = Json::parse(answer.generation.text, nullptr, false);
  answer.is_valid = call.is_object();
  if (!answer.is_valid) return;
  take_call(answer, std::move(call));
  answer.probabilities = choice.probabilities(answer.name.value_or(""));
  answer.confidence = options_.calibration.confidence(answer.probabilities, answer.name.has_value());
  if (answer.name && *answer.confidence < options_.min_confidence) {
    answer.name.reset();
    answer.arguments = Json::object();
    answer.confirm = false;
    answer.is_withheld = true;
  }
}

void Commander::run_free(CommandAnswer& answer, const GenerateCallbacks& callbacks) {
  Sampler sampler({.temperature = 0});
  const GenerateOptions options{.max_tokens = prompt_options().answer_tokens, .stop = {"\nUser:"}};
  answer.generation =
      generate(session_, language_model_.tokenizer(), answer.prompt.tokens, sampler, options, callbacks);
  Json call = first_object(answer.generation.text);
  const bool is_call =
      call.is_object() && call.contains("name") && (call["name"].is_null() || call["name"].is_string());
  answer.is_valid = is_call;
  if (is_call) take_call(answer, std::move(call));
}

void Commander::take_call(CommandAnswer& answer, Json call) const {
  if (call["name"].is_null() || call["name"] == kNoTool) return;
  answer.name = call["name"].get<std::string>();
  if (call.contains("arguments")) answer.arguments = call["arguments"];
  const Tool* tool = tools_.find(*answer.name);
  answer.confirm = tool != nullptr && tool->confirm;
}

}  // namespace thimble
