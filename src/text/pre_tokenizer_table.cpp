// The pre-tokenizers by the names llama.cpp's converter writes into tokenizer.ggml.pre. Patterns are those of the
// models' tokenizer.json files, in the form that gives llama.cpp's words.
#include <algorithm>
#include <array>

#include "text/pre_tokenizer.h"

namespace thimble {
namespace {

using Texts = std::span<const std::string_view>;

constexpr std::string_view kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

constexpr std::array<std::string_view, 1> kGpt2 = {kGpt2Pattern};
constexpr std::array<std::string_view, 2> kDigitsThenGpt2 = {R"(\p{N})", kGpt2Pattern};
constexpr std::array<std::string_view, 3> kFalcon = {R"([\p{P}$+<=>\^~|`]+)", kGpt2Pattern, "[0-9][0-9][0-9]"};
constexpr std::array<std::string_view, 4> kDefault = {R"([\p{P}$+<=>\^~|]+)", kGpt2Pattern, R"(\p{N}+)",
                                                      "[0-9][0-9][0-9]"};
constexpr std::array<std::string_view, 1> kLlama3 = {
    R"('(?i:s|t|re|ve|m|ll|d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"};
constexpr std::array<std::string_view, 1> kQwen2 = {
    R"('(?i:s|t|re|ve|m|ll|d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"};
constexpr std::array<std::string_view, 1> kQwen35 = {
    R"('(?i:s|t|re|ve|m|ll|d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+)"
    R"(|\s+(?!\S)|\s+)"};
constexpr std::array<std::string_view, 1> kTekken = {
    R"([^\r\n\p{L}\p{N}]?\p{Lu}*\p{Ll}+|[^\r\n\p{L}\p{N}]?\p{Lu}+\p{Ll}*)"
    R"(|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)"};
constexpr std::array<std::string_view, 1> kGpt4o = {
    R"([^\r\n\p{L}\p{N}]?\p{Lu}*\p{Ll}+(?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    R"(|[^\r\n\p{L}\p{N}]?\p{Lu}+\p{Ll}*(?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    R"(|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)"};

constexpr std::array<std::string_view, 8> kLlama3Names = {"llama-bpe", "llama3",  "llama-v3", "falcon3",
                                                          "falcon-h1", "pixtral", "midm-2.0", "lfm2"};
constexpr std::array<std::string_view, 3> kLlama3PlainNames = {"dbrx", "smaug-bpe", "chatglm-bpe"};
constexpr std::array<std::string_view, 2> kGlm4Names = {"glm4", "glm5"};
constexpr std::array<std::string_view, 8> kQwen2Names = {"qwen2", "deepseek-r1-qwen", "megrez", "stablelm2", "hunyuan",
                                                         "kormo", "solar-open",       "grok-2"};
constexpr std::array<std::string_view, 1> kQwen35Names = {"qwen35"};
constexpr std::array<std::string_view, 8> kSmollmNames = {"smollm",    "starcoder", "refact",     "command-r",
                                                          "codeshell", "exaone",    "minerva-7b", "mellum2"};
constexpr std::array<std::string_view, 12> kGpt2Names = {"gpt-2",   "phi-2",    "mpt",         "olmo",
                                                         "jais",    "trillion", "gigachat",    "exaone4",
                                                         "a.x-4.0", "mellum",   "modern-bert", "granite-docling"};
constexpr std::array<std::string_view, 1> kFalconNames = {"falcon"};
constexpr std::array<std::string_view, 1> kDefaultNames = {"default"};
constexpr std::array<std::string_view, 1> kTekkenNames = {"tekken"};
constexpr std::array<std::string_view, 3> kGpt4oNames = {"gpt-4o", "llama4", "kanana2"};

constexpr std::array<PreTokenizerSpec, 11> kPreTokenizers = {{
    {Texts(kLlama3Names), Texts(kLlama3), true, true},
    {Texts(kLlama3PlainNames), Texts(kLlama3), false, false},
    {Texts(kGlm4Names), Texts(kLlama3), true, false},
    {Texts(kQwen2Names), Texts(kQwen2), false, false},
    {Texts(kQwen35Names), Texts(kQwen35), false, false},
    {Texts(kSmollmNames), Texts(kDigitsThenGpt2), false, false},
    {Texts(kGpt2Names), Texts(kGpt2), false, false},
    {Texts(kFalconNames), Texts(kFalcon), false, false},
    {Texts(kDefaultNames), Texts(kDefault), false, false},
    {Texts(kTekkenNames), Texts(kTekken), true, true},
    {Texts(kGpt4oNames), Texts(kGpt4o), false, false},
}};

}  // namespace

const PreTokenizerSpec* find_pre_tokenizer(std::string_view name) {
  const auto is_named = [&](const PreTokenizerSpec& spec) {
    return std::ranges::find(spec.names, name) != spec.names.end();
  };
  const auto found = std::ranges::find_if(kPreTokenizers, is_named);
  return found == kPreTokenizers.end() ? nullptr : found;
}

std::string known_pre_tokenizers() {
  std::string all;
  for (const PreTokenizerSpec& spec : kPreTokenizers) {
    for (const std::string_view name : spec.names) {
      if (!all.empty()) all += ", ";
      all += name;
    }
  }
  return all;
}

}  // namespace thimble
