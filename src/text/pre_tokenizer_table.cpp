// The pre-tokenizers by the names llama.cpp's converter writes into tokenizer.ggml.pre. Patterns are those of the
// models' tokenizer.json files, in the form that gives llama.cpp's words.
#include <algorithm>
#include <array>

#include "text/pre_tokenizer.h"

namespace thimble {
namespace {

using Texts = std::span<const std::string_view>;
using Sets = std::span<const NamedCodePoints>;

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
constexpr std::array<std::string_view, 1> kGraniteEmbedding = {
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{M}]*[\p{Ll}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{M}]+[\p{Ll}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    R"(|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)"};
constexpr std::array<std::string_view, 1> kSeedCoder = {
    R"('(?i:s|t|re|ve|m|ll|d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+)"};
constexpr std::array<std::string_view, 1> kBailing = {
    R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+)"};
constexpr std::array<std::string_view, 2> kMiniCpm5 = {
    R"(\p{N}{1,3})",
    R"('(?i:s|t|re|ve|m|ll|d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}+| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"};

constexpr std::string_view kNewLine = R"([\r\n])";
constexpr std::string_view kThreeDigits = R"(\p{N}{1,3})";

// DeepSeek LLM: cased letters without the later Unicode versions', full-width and general punctuation, and East Asian
// scripts, whose range from U+0800 takes in much else.
constexpr std::array<CodePointRange, 82> kCasedLetters = {
    {{0xB5, 0xB5},       {0xC0, 0xD6},       {0xD8, 0xF6},       {0xF8, 0x1BA},      {0x1BC, 0x1BF},
     {0x1C4, 0x293},     {0x295, 0x2AF},     {0x370, 0x373},     {0x376, 0x377},     {0x37B, 0x37D},
     {0x37F, 0x37F},     {0x386, 0x386},     {0x388, 0x38A},     {0x38C, 0x38C},     {0x38E, 0x3A1},
     {0x3A3, 0x3F5},     {0x3F7, 0x481},     {0x48A, 0x52F},     {0x531, 0x556},     {0x10A0, 0x10C5},
     {0x13A0, 0x13F5},   {0x13F8, 0x13FD},   {0x1C90, 0x1CBA},   {0x1CBD, 0x1CBF},   {0x1D00, 0x1D2B},
     {0x1D6B, 0x1D77},   {0x1D79, 0x1D9A},   {0x1E00, 0x1F15},   {0x1F18, 0x1F1D},   {0x1F20, 0x1F45},
     {0x1F48, 0x1F4D},   {0x1F50, 0x1F57},   {0x1F59, 0x1F59},   {0x1F5B, 0x1F5B},   {0x1F5D, 0x1F5D},
     {0x1F5F, 0x1F7D},   {0x1F80, 0x1FB4},   {0x1FB6, 0x1FBC},   {0x1FBE, 0x1FBE},   {0x1FC2, 0x1FC4},
     {0x1FC6, 0x1FCC},   {0x1FD0, 0x1FD3},   {0x1FD6, 0x1FDB},   {0x1FE0, 0x1FEC},   {0x1FF2, 0x1FF4},
     {0x1FF6, 0x1FFC},   {0x2102, 0x2102},   {0x2107, 0x2107},   {0x210A, 0x2113},   {0x2115, 0x2115},
     {0x2119, 0x211D},   {0x2124, 0x2124},   {0x2126, 0x2126},   {0x2128, 0x2128},   {0x212A, 0x212D},
     {0x212F, 0x2134},   {0x2139, 0x2139},   {0x213C, 0x213F},   {0x2145, 0x2149},   {0x214E, 0x214E},
     {0x2183, 0x2184},   {0x2C00, 0x2C7B},   {0x2C7E, 0x2CE4},   {0x2CEB, 0x2CEE},   {0x2CF2, 0x2CF3},
     {0xA640, 0xA66D},   {0xA680, 0xA69B},   {0xA722, 0xA76F},   {0xA771, 0xA787},   {0xA78B, 0xA78E},
     {0xAB70, 0xABBF},   {0xFB00, 0xFB06},   {0xFB13, 0xFB17},   {0xFF21, 0xFF3A},   {0xFF41, 0xFF5A},
     {0x10400, 0x1044F}, {0x104B0, 0x104D3}, {0x104D8, 0x104FB}, {0x10C80, 0x10CB2}, {0x10CC0, 0x10CF2},
     {0x118A0, 0x118DF}, {0x1E900, 0x1E943}}};
constexpr std::array<CodePointRange, 4> kWidePunctuation = {
    {{0x2018, 0x201F}, {0x3000, 0x3002}, {0xFF01, 0xFF0F}, {0xFF1A, 0xFF5E}}};
constexpr std::array<CodePointRange, 2> kEastAsian = {{{0x800, 0x9FA5}, {0xAC00, 0xD7FF}}};
constexpr std::array<CodePointRange, 2> kHanAndKana = {{{0x3040, 0x30FF}, {0x4E00, 0x9FA5}}};

constexpr std::array<NamedCodePoints, 3> kDeepseekLlmSets = {
    {{"Cased", kCasedLetters}, {"Wide", kWidePunctuation}, {"EastAsian", kEastAsian}}};
constexpr std::array<NamedCodePoints, 1> kDeepseekCoderSets = {{{"EastAsian", kEastAsian}}};
constexpr std::array<NamedCodePoints, 1> kDeepseek3Sets = {{{"HanAndKana", kHanAndKana}}};

// White space at the end is looked for from its beginning only, lest a long run elsewhere cost the square of its length.
constexpr std::array<std::string_view, 6> kDeepseekLlm = {
    kNewLine,          R"(\s?[A-Za-z\p{Cased}]+)", R"(\s?[!-/:-~\p{Wide}]+)",
    R"((?<!\s)\s+\z)", R"(\p{EastAsian}+)",        R"(\p{N}+)"};
constexpr std::array<std::string_view, 5> kDeepseekCoder = {kNewLine, R"(\s?\p{L}+)", R"(\s?\p{P}+)",
                                                            R"(\p{EastAsian}+)", R"(\p{N})"};
constexpr std::array<std::string_view, 3> kDeepseek3 = {
    kThreeDigits, R"(\p{HanAndKana}+)",
    R"([!-/:-@\[-`{-~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*)"
    R"(|\s*[\r\n]+|\s+(?!\S)|\s+)"};

// Sentence ends and commas of several scripts.
constexpr std::array<CodePointRange, 6> kStops = {
    {{0x60C, 0x60C}, {0x6D4, 0x6D4}, {0x964, 0x964}, {0x2026, 0x2026}, {0x3001, 0x3002}, {0xFF0C, 0xFF0C}}};
constexpr std::array<NamedCodePoints, 1> kBloomSets = {{{"Stops", kStops}}};
constexpr std::string_view kBloomPattern = R"( ?[^(\s|.,!?\p{Stops})]+)";
constexpr std::array<std::string_view, 1> kBloom = {kBloomPattern};
constexpr std::array<std::string_view, 2> kViking = {kBloomPattern, R"(\p{N})"};

constexpr std::array<std::string_view, 1> kLines = {R"([^\n]+|\n+)"};

constexpr std::array<std::string_view, 9> kLlama3Names = {
    "llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2", "jina-v5-nano"};
constexpr std::array<std::string_view, 3> kLlama3PlainNames = {"dbrx", "smaug-bpe", "chatglm-bpe"};
constexpr std::array<std::string_view, 2> kGlm4Names = {"glm4", "glm5"};
constexpr std::array<std::string_view, 9> kQwen2Names = {"qwen2", "deepseek-r1-qwen", "megrez", "stablelm2", "hunyuan",
                                                         "kormo", "solar-open",       "grok-2", "f2llmv2"};
constexpr std::array<std::string_view, 1> kQwen35Names = {"qwen35"};
constexpr std::array<std::string_view, 8> kSmollmNames = {"smollm",    "starcoder", "refact",     "command-r",
                                                          "codeshell", "exaone",    "minerva-7b", "mellum2"};
constexpr std::array<std::string_view, 19> kGpt2Names = {"gpt-2",      "phi-2",        "mpt",         "olmo",
                                                         "jais",       "trillion",     "gigachat",    "exaone4",
                                                         "a.x-4.0",    "mellum",       "modern-bert", "granite-docling",
                                                         "jina-es",    "jina-de",      "jina-v2-es",  "jina-v2-de",
                                                         "jina-v1-en", "jina-v2-code", "roberta-bpe"};
constexpr std::array<std::string_view, 1> kFalconNames = {"falcon"};
constexpr std::array<std::string_view, 1> kDefaultNames = {"default"};
constexpr std::array<std::string_view, 1> kTekkenNames = {"tekken"};
constexpr std::array<std::string_view, 5> kGpt4oNames = {"gpt-4o", "llama4", "kanana2", "talkie", "minimax-m2"};
constexpr std::array<std::string_view, 1> kGraniteEmbeddingNames = {"granite-embed-multi-97m"};
constexpr std::array<std::string_view, 1> kSeedCoderNames = {"seed-coder"};
constexpr std::array<std::string_view, 3> kBailingNames = {"bailingmoe", "bailingmoe2", "llada-moe"};
constexpr std::array<std::string_view, 1> kMiniCpm5Names = {"minicpm5"};
constexpr std::array<std::string_view, 1> kDeepseekLlmNames = {"deepseek-llm"};
constexpr std::array<std::string_view, 1> kDeepseekCoderNames = {"deepseek-coder"};
constexpr std::array<std::string_view, 4> kDeepseek3Names = {"deepseek-v3", "hunyuan-dense", "hy_v4", "joyai-llm"};
constexpr std::array<std::string_view, 3> kBloomNames = {"bloom", "poro-chat", "gpt3-finnish"};
constexpr std::array<std::string_view, 1> kVikingNames = {"viking"};
constexpr std::array<std::string_view, 2> kGemma4Names = {"gemma4", "granite-embed-multi-311m"};

constexpr std::array<PreTokenizerSpec, 21> kPreTokenizers = {{
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
    {Texts(kGraniteEmbeddingNames), Texts(kGraniteEmbedding), true, false},
    {Texts(kSeedCoderNames), Texts(kSeedCoder), false, false},
    {Texts(kBailingNames), Texts(kBailing), false, false},
    {Texts(kMiniCpm5Names), Texts(kMiniCpm5), true, false},
    {Texts(kDeepseekLlmNames), Texts(kDeepseekLlm), false, false, Sets(kDeepseekLlmSets)},
    {Texts(kDeepseekCoderNames), Texts(kDeepseekCoder), false, false, Sets(kDeepseekCoderSets)},
    {Texts(kDeepseek3Names), Texts(kDeepseek3), false, false, Sets(kDeepseek3Sets)},
    {Texts(kBloomNames), Texts(kBloom), false, false, Sets(kBloomSets)},
    {Texts(kVikingNames), Texts(kViking), false, false, Sets(kBloomSets)},
    {Texts(kGemma4Names), Texts(kLines), false, true, {}, true},
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
