#include "tune/training_data.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <optional>

#include "base/error.h"
#include "format/json_text.h"
#include "measure/numbered_lines.h"
#include "model/training_pass.h"

namespace thimble {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kLinesNamed = 8;
constexpr int64_t kIgnoredLabel = -100;  // of transformers

// Tokens with which of them are scored, before they become an example.
struct Scored {
  std::vector<TokenId> tokens;
  std::vector<bool> is_scored;

  void append(std::span<const TokenId> more, bool scored) {
    tokens.insert(tokens.end(), more.begin(), more.end());
    is_scored.resize(tokens.size(), scored);
  }
};

TrainingExample example_of(const Scored& scored, size_t line) {
  TrainingExample example{scored.tokens, std::vector<TokenId>(scored.tokens.size(), kNotScored), line};
  size_t end = 0;
  // The first token follows nothing.
  for (size_t i = 1; i < scored.tokens.size(); ++i) {
    if (!scored.is_scored[i]) continue;
    example.targets[i - 1] = scored.tokens[i];
    end = i;
  }
  if (end == 0) fail(ExitCode::bad_file, "no token is scored");
  example.tokens.resize(end);
  example.targets.resize(end);
  return example;
}

class LineReader {
 public:
  LineReader(const LanguageModel& language_model, const DataOptions& options)
      : language_model_(language_model), tokenizer_(language_model.tokenizer()), options_(options) {}

  void read(std::string_view line, size_t number, std::vector<TrainingExample>& examples) {
    if (!try_parse_json(line)) fail(ExitCode::bad_file, "no JSON, or nested deeper than 64 levels");
    const Json json = Json::parse(line);  // once more: templates see members in their order
    if (!json.is_object()) fail(ExitCode::bad_file, "expected an object, found {}", json.type_name());
    if (json.contains("messages")) {
      add(conversation_of(json["messages"], json), number, examples);
    } else if (json.contains("prompt") || json.contains("completion")) {
      add(pair_of(json), number, examples);
    } else if (json.contains("text")) {
      add_text(json["text"], number, examples);
    } else if (json.contains("ids")) {
      add(ids_of(json), number, examples);
    } else {
      fail(ExitCode::bad_file, R"(expected "messages", "prompt" and "completion", "text", or "ids" and "labels")");
    }
  }

 private:
  void add(const Scored& scored, size_t number, std::vector<TrainingExample>& examples) const {
    TrainingExample example = example_of(scored, number);
    if (example.tokens.size() > options_.max_length) {
      fail(ExitCode::bad_file, "{} tokens up to the end of what is scored; expected at most {}: raise --max-length",
           example.tokens.size(), options_.max_length);
    }
    examples.push_back(std::move(example));
  }

  Conversation& conversation() {
    if (!conversation_) conversation_.emplace(language_model_, options_.template_source);
    return *conversation_;
  }

  // The tokens of messages [0, count), whole or as a prompt.
  std::vector<TokenId> tokens_of(const Json& messages, size_t count, bool as_prompt) {
    Json first = Json::array();
    for (size_t i = 0; i < count; ++i) first.push_back(messages[i]);
    conversation().load(first);
    return as_prompt ? conversation().prompt_tokens() : conversation().whole_tokens();
  }

  Scored conversation_of(const Json& messages, const Json& line) {
    if (!messages.is_array() || messages.empty()) fail(ExitCode::bad_file, "there are no messages");
    const bool has_tools = line.contains("tools") && !line["tools"].is_null();
    conversation().set_tools(has_tools ? line["tools"] : Json::array());
    Scored scored;
    scored.append(tokens_of(messages, messages.size(), false), false);
    bool has_answer = false;
    for (size_t i = 0; i < messages.size(); ++i) {
      if (!messages[i].contains("role") || messages[i]["role"] != "assistant") continue;
      has_answer = true;
      score_answer(messages, i, scored);
    }
    if (!has_answer) fail(ExitCode::bad_file, "no message is the assistant's");
    return scored;
  }

  // What stands between the prompt that message `index` answers and the end of its turn.
  void score_answer(const Json& messages, size_t index, Scored& scored) {
    if (index == 0) fail(ExitCode::bad_file, "the first message is the assistant's: there is nothing that it answers");
    const std::vector<TokenId> prompt = tokens_of(messages, index, true);
    const std::vector<TokenId> whole = tokens_of(messages, index + 1, false);
    const std::vector<TokenId>& all = scored.tokens;
    const auto agree = [&](const std::vector<TokenId>& part) {
      return part.size() <= all.size() ? static_cast<size_t>(std::ranges::mismatch(part, all).in1 - part.begin()) : 0;
    };
    if (const size_t same = agree(prompt); same != prompt.size()) {
      fail(ExitCode::bad_file,
           "the prompt that chat would send for message {} is not how the conversation begins: they differ from token "
           "{} on; the chat template writes an answer otherwise than it asks for one",
           index, same);
    }
    // Up to the token that ends the answer; what the template writes behind it nobody is asked for.
    size_t end = agree(whole);
    while (end > prompt.size() && !tokenizer_.is_end_of_generation(all[end - 1])) --end;
    if (end == prompt.size()) end = agree(whole);
    for (size_t i = prompt.size(); i < end; ++i) scored.is_scored[i] = true;
  }

  const std::string& text_of(const Json& json, std::string_view key) const {
    if (!json.contains(key) || !json[std::string(key)].is_string()) {
      fail(ExitCode::bad_file, "expected a text under \"{}\"", key);
    }
    return json[std::string(key)].get_ref<const std::string&>();
  }

  std::vector<TokenId> with_eos(std::vector<TokenId> tokens) const {
    const auto eos = tokenizer_.eos();
    if (eos && (tokens.empty() || tokens.back() != *eos)) tokens.push_back(*eos);
    return tokens;
  }

  Scored pair_of(const Json& json) {
    if (json.contains("prompt") && json.contains("completion") && json["prompt"].is_array() &&
        json["completion"].is_array()) {
      Json messages = json["prompt"];
      for (const Json& message : json["completion"]) messages.push_back(message);
      Scored scored = conversation_of(messages, json);
      // Answers within the prompt are given, not learned.
      const std::vector<TokenId> prompt = tokens_of(messages, json["prompt"].size(), true);
      std::fill_n(scored.is_scored.begin(), std::min(prompt.size(), scored.is_scored.size()), false);
      return scored;
    }
    Scored scored;
    scored.append(tokenizer_.encode(text_of(json, "prompt")), false);
    scored.append(with_eos(tokenizer_.encode(text_of(json, "completion"), {.add_special = false})), true);
    return scored;
  }

  void add_text(const Json& json, size_t number, std::vector<TrainingExample>& examples) const {
    if (!json.is_string() || json.get_ref<const std::string&>().empty()) {
      fail(ExitCode::bad_file, "expected a text under \"text\"");
    }
    const std::vector<TokenId> tokens = with_eos(tokenizer_.encode(json.get_ref<const std::string&>()));
    // Each piece begins with the last one's last token, so that every token but the first is foreseen once.
    for (size_t begin = 0; begin + 1 < tokens.size(); begin += options_.max_length) {
      Scored piece;
      piece.append(std::span(tokens).subspan(begin, std::min(options_.max_length + 1, tokens.size() - begin)), true);
      add(piece, number, examples);
    }
    if (tokens.size() < 2) fail(ExitCode::bad_file, "a single token: there is nothing to foresee");
  }

  Scored ids_of(const Json& json) const {
    const auto read = [&](const char* key, int64_t least) {
      if (!json.contains(key) || !json[key].is_array()) fail(ExitCode::bad_file, "expected an array under \"{}\"", key);
      std::vector<TokenId> values;
      for (const Json& value : json[key]) {
        const int64_t id = value.is_number_integer() ? value.get<int64_t>() : least - 1;
        const bool is_id = id >= 0 && id < static_cast<int64_t>(language_model_.model().hyper().vocabulary_size);
        if (!is_id && !(least < 0 && id == kIgnoredLabel)) {
          fail(ExitCode::bad_file, "\"{}\", value {}: expected an id below {}{}, found {}", key, values.size(),
               language_model_.model().hyper().vocabulary_size, least < 0 ? ", or -100" : "",
               value.is_number() ? value.dump() : value.type_name());
        }
        values.push_back(static_cast<TokenId>(id));
      }
      return values;
    };
    Scored scored;
    scored.append(read("ids", 0), false);
    const std::vector<TokenId> labels = read("labels", kIgnoredLabel);
    if (labels.size() != scored.tokens.size()) {
      fail(ExitCode::bad_file, "{} ids and {} labels; expected a label for each", scored.tokens.size(), labels.size());
    }
    for (size_t i = 0; i < labels.size(); ++i) {
      if (labels[i] == kIgnoredLabel) continue;
      if (labels[i] != scored.tokens[i]) {
        fail(ExitCode::bad_file, "label {} is {}, its id {}; expected the same, or -100", i, labels[i],
             scored.tokens[i]);
      }
      scored.is_scored[i] = true;
    }
    return scored;
  }

  const LanguageModel& language_model_;
  const Tokenizer& tokenizer_;
  const DataOptions& options_;
  std::optional<Conversation> conversation_;
};

}  // namespace

size_t TrainingExample::scored() const {
  return targets.size() - static_cast<size_t>(std::ranges::count(targets, kNotScored));
}

std::vector<TrainingExample> read_training_data(const LanguageModel& language_model, const DataOptions& options,
                                                const std::string& name, std::string_view lines) {
  LineReader reader(language_model, options);
  std::vector<TrainingExample> examples;
  read_numbered_lines(name, lines, [&](std::string_view line, size_t number) { reader.read(line, number, examples); });
  if (examples.empty()) fail(ExitCode::bad_file, "{}: there are no examples", printable(name));
  return examples;
}

void require_apart(std::span<const TrainingExample> training, std::span<const TrainingExample> held_out,
                   const std::string& held_out_name) {
  std::map<std::vector<TokenId>, size_t> lines;
  for (const TrainingExample& example : training) lines.emplace(example.tokens, example.line);
  std::vector<std::string> both;
  for (const TrainingExample& example : held_out) {
    const auto found = lines.find(example.tokens);
    if (found != lines.end()) both.push_back(fmt::format("{} ({})", example.line, found->second));
  }
  if (both.empty()) return;
  const size_t all = both.size();
  both.resize(std::min(all, kLinesNamed));
  fail(ExitCode::bad_file,
       "{}: {} of its examples stand in the training data too, by line (and line there): {}{}; take them out of one",
       printable(held_out_name), all, fmt::join(both, ", "), all > kLinesNamed ? " and more" : "");
}

}  // namespace thimble
