#include "compress/pre_tokenizer_definition.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/error.h"
#include "format/json_text.h"
#include "text/pre_tokenizer.h"

namespace thimble {
namespace {

using Json = nlohmann::json;
using Texts = std::span<const std::string_view>;

// The same, written in two ways.
constexpr std::string_view kLongContractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|";
constexpr std::string_view kShortContractions = "'(?i:s|t|re|ve|m|ll|d)|";
// Any character is in a match of a pattern that ends so, and what is between matches is nothing.
constexpr std::string_view kWhiteSpaceEnd = R"(|\s+(?!\S)|\s+)";

constexpr std::string_view kDigit = R"(\p{N})";
constexpr std::string_view kThreeDigits = R"(\p{N}{1,3})";

// Patterns of the models' tokenizer.json files where they are not those of src/text/pre_tokenizer_table.cpp to the letter, with
// kShortContractions. Source: llama.cpp, src/llama-vocab.cpp, which quotes them.
constexpr std::array<std::string_view, 1> kTekken = {
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+)"
    R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*)"
    R"(|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)"};
constexpr std::array<std::string_view, 1> kGpt4o = {
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    R"(|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)"};
constexpr std::array<std::string_view, 1> kSeedCoder = {
    R"('(?i:s|t|re|ve|m|ll|d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+)"};
constexpr std::array<std::string_view, 1> kBailing = {
    R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+)"};
constexpr std::array<std::string_view, 3> kDeepseek3 = {
    kThreeDigits, "[\xe4\xb8\x80-\xe9\xbe\xa5\xe3\x81\x80-\xe3\x82\x9f\xe3\x82\xa0-\xe3\x83\xbf]+",
    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"
    "| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+"};

struct Definition {
  std::string_view name;                   // a row of src/text/pre_tokenizer_table.cpp, whose other names share it
  Texts patterns = {};                     // empty: the row's own
  std::optional<bool> ignore_merges = {};  // of the model, where it tells two rows apart
};

constexpr std::array<Definition, 12> kDefinitions = {{
    {"llama-bpe", {}, true},
    {"dbrx", {}, false},
    {"qwen2"},
    {"smollm"},
    {"gpt-2"},
    {"qwen35"},
    {"tekken", Texts(kTekken)},
    {"gpt-4o", Texts(kGpt4o)},
    {"seed-coder", Texts(kSeedCoder)},
    {"bailingmoe", Texts(kBailing)},
    {"minicpm5"},
    {"deepseek-v3", Texts(kDeepseek3)},
}};

Texts patterns_of(const Definition& definition) {
  return definition.patterns.empty() ? find_pre_tokenizer(definition.name)->patterns : definition.patterns;
}

std::string as_json(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::string split_step(std::string_view pattern) {
  std::string text(pattern);
  if (text.starts_with(kLongContractions)) text.replace(0, kLongContractions.size(), kShortContractions);
  return "split " + text;
}

// {"type": "Split", "pattern": {"Regex": ...}, "behavior": "Isolated"}, or all but the matches removed where nothing else is.
std::string canonical_split(const Json& part) {
  const Json* pattern = find_member(part, "pattern");
  const auto regex = pattern == nullptr ? std::nullopt : find_text(*pattern, "Regex");
  const auto behavior = find_text(part, "behavior");
  const bool is_inverted = find_flag(part, "invert").value_or(false);
  if (!regex) return as_json(part);
  if (behavior == "Isolated") return split_step(*regex);
  return behavior == "Removed" && is_inverted && regex->ends_with(kWhiteSpaceEnd) ? split_step(*regex) : as_json(part);
}

void append_steps(const Json& part, bool is_last, std::vector<std::string>& steps) {
  const auto type = find_text(part, "type").value_or("");
  if (type == "Split") {
    steps.push_back(canonical_split(part));
  } else if (type == "Digits") {
    steps.push_back(split_step(find_flag(part, "individual_digits").value_or(false) ? kDigit : R"(\p{N}+)"));
  } else if (type == "ByteLevel" && is_last && !find_flag(part, "add_prefix_space").value_or(true)) {
    if (find_flag(part, "use_regex").value_or(true))
      steps.push_back(split_step(find_pre_tokenizer("gpt-2")->patterns.front()));
  } else {
    steps.push_back(as_json(part));
  }
}

bool does(const Definition& definition, const std::vector<std::string>& steps, bool ignore_merges) {
  if (definition.ignore_merges.value_or(ignore_merges) != ignore_merges) return false;
  return std::ranges::equal(steps, patterns_of(definition), {}, {}, split_step);
}

}  // namespace

std::vector<std::string> canonical_steps(const TokenizerDefinition& definition) {
  std::vector<std::string> steps;
  for (const Json* part : parts_of_sequence(definition.part("normalizer"), "normalizers")) {
    if (find_text(*part, "type") != "NFC") steps.push_back(as_json(*part));
  }
  const auto parts = parts_of_sequence(definition.part("pre_tokenizer"), "pretokenizers");
  for (size_t i = 0; i < parts.size(); ++i) append_steps(*parts[i], i + 1 == parts.size(), steps);
  return steps;
}

std::string_view recognize_pre_tokenizer(const TokenizerDefinition& definition,
                                         std::span<const std::string_view> preferred) {
  const std::vector<std::string> steps = canonical_steps(definition);
  const bool ignore_merges = find_flag(definition.part("model"), "ignore_merges").value_or(false);
  const auto found =
      std::ranges::find_if(kDefinitions, [&](const Definition& one) { return does(one, steps, ignore_merges); });
  if (found == kDefinitions.end()) {
    fail(ExitCode::bad_file,
         "{}: no pre-tokenizer is known that does: {}; choose one with --pre-tokenizer NAME; known are {}",
         printable(definition.path), printable(fmt::format("{}", fmt::join(steps, ", then ")), 600),
         known_pre_tokenizers());
  }
  const Texts names = find_pre_tokenizer(found->name)->names;
  const auto wanted = std::ranges::find_if(
      preferred, [&](std::string_view name) { return std::ranges::find(names, name) != names.end(); });
  return wanted != preferred.end() ? *wanted : found->name;
}

std::vector<std::string> patterns_of_pre_tokenizer(std::string_view name) {
  const PreTokenizerSpec& spec = *find_pre_tokenizer(name);
  const auto found =
      std::ranges::find_if(kDefinitions, [&](const Definition& one) { return find_pre_tokenizer(one.name) == &spec; });
  const Texts patterns = found != kDefinitions.end() ? patterns_of(*found) : spec.patterns;
  return {patterns.begin(), patterns.end()};
}

}  // namespace thimble
