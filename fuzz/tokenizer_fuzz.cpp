// Any vocabulary of any kind, merges, table of normalizations and text: the vocabulary is refused with an Error, or it can
// be used, and byte-level text that has a token for every byte comes back as it was.
#include <fuzzer/FuzzedDataProvider.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/utf8.h"
#include "format/gguf.h"
#include "memory_file.h"
#include "text/tokenizer.h"
#include "vocabulary_file.h"

namespace {

using thimble::GgufValueType;

// Mostly of the right form, so that what is in it is reached.
std::vector<uint8_t> character_map(FuzzedDataProvider& input) {
  std::vector<uint8_t> units = input.ConsumeBytes<uint8_t>(input.ConsumeIntegralInRange<size_t>(0, 2048));
  if (input.ConsumeBool()) units.resize(units.size() / 4 * 4);
  const auto size = static_cast<uint32_t>(units.size());
  std::vector<uint8_t> out(sizeof size);
  std::memcpy(out.data(), &size, sizeof size);
  out.insert(out.end(), units.begin(), units.end());
  const std::string replacements = input.ConsumeRandomLengthString(64);
  out.insert(out.end(), replacements.begin(), replacements.end());
  if (input.ConsumeBool()) out.push_back(0);
  return out;
}

void use(const thimble::Gguf& gguf, const std::string& text, bool must_round_trip) {
  const auto tokenizer = thimble::Tokenizer::from_gguf(gguf);
  for (const bool parse_special : {false, true}) {
    const auto ids = tokenizer.encode(text, {.add_special = false, .parse_special = parse_special});
    const std::string decoded = tokenizer.decode(ids, true);
    if (must_round_trip && decoded != text) std::abort();
    thimble::StreamDecoder stream;
    std::string shown;
    for (const auto id : ids) shown += stream.push(tokenizer.piece(id));
    shown += stream.finish();
    if (!thimble::is_valid_utf8(shown)) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzedDataProvider input(data, size);
  constexpr const char* kModels[] = {"gpt2", "llama", "bert", "t5", "gemma4"};
  const std::string_view model = input.PickValueInArray(kModels);
  const bool is_byte_level = model == "gpt2";
  const bool has_alphabet = input.ConsumeBool();
  std::vector<std::string> tokens;
  if (has_alphabet && is_byte_level) thimble::fuzz::add_alphabet(tokens);
  std::vector<int32_t> types(tokens.size(), 1);
  const size_t added = input.ConsumeIntegralInRange<size_t>(0, 64);
  bool has_text_only = true;
  for (size_t i = 0; i < added; ++i) {
    types.push_back(input.ConsumeIntegralInRange<int32_t>(0, 7));
    tokens.push_back((types.back() == 3 ? "<|" : "") + input.ConsumeRandomLengthString(12));
    has_text_only = has_text_only && types.back() == 3;
  }
  std::vector<std::string> merges(input.ConsumeIntegralInRange<size_t>(0, 32));
  for (std::string& merge : merges) merge = input.ConsumeRandomLengthString(12);
  std::vector<float> scores(tokens.size());
  for (float& score : scores) score = input.ConsumeFloatingPoint<float>();

  constexpr const char* kPreTokenizers[] = {"gpt-2",        "smollm",         "qwen2",       "llama-bpe", "qwen35",
                                            "falcon",       "default",        "gpt-4o",      "tekken",    "bloom",
                                            "deepseek-llm", "deepseek-coder", "deepseek-v3", "gemma4"};
  thimble::fuzz::VocabularyFile file;
  file.text("tokenizer.ggml.model", model);
  const std::string_view pre_tokenizer = input.PickValueInArray(kPreTokenizers);
  file.text("tokenizer.ggml.pre", pre_tokenizer);
  file.texts("tokenizer.ggml.tokens", tokens);
  file.numbers("tokenizer.ggml.token_type", GgufValueType::INT32, types);
  file.numbers("tokenizer.ggml.scores", GgufValueType::FLOAT32, scores);
  file.texts("tokenizer.ggml.merges", merges);
  if (input.ConsumeBool())
    file.numbers("tokenizer.ggml.precompiled_charsmap", GgufValueType::UINT8, character_map(input));
  for (const char* key : {"tokenizer.ggml.add_space_prefix", "tokenizer.ggml.remove_extra_whitespaces",
                          "tokenizer.ggml.normalizer.lowercase", "tokenizer.ggml.normalizer.strip_accents"}) {
    file.number(key, GgufValueType::BOOL, static_cast<uint8_t>(input.ConsumeBool()));
  }
  for (const char* key :
       {"tokenizer.ggml.unknown_token_id", "tokenizer.ggml.bos_token_id", "tokenizer.ggml.seperator_token_id"}) {
    file.number(key, GgufValueType::UINT32, input.ConsumeIntegralInRange<uint32_t>(0, 70));
  }
  file.number("tokenizer.ggml.add_bos_token", GgufValueType::BOOL, uint8_t{0});
  file.number("tokenizer.ggml.eos_token_id", GgufValueType::UINT32, input.ConsumeIntegralInRange<uint32_t>(0, 70));
  const std::string text = input.ConsumeRemainingBytesAsString();

  const std::string bytes = file.whole();
  const thimble::fuzz::MemoryFile memory(bytes.data(), bytes.size());
  try {
    const auto gguf = thimble::Gguf::open(memory.path());
    use(gguf, text, is_byte_level && pre_tokenizer != "gemma4" && has_alphabet && has_text_only);
  } catch (const thimble::Error&) {
  }
  return 0;
}
