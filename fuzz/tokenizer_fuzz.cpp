// Any vocabulary, merges and text: the vocabulary is refused with an Error, or it can be used, and byte-level text that
// has a token for every byte comes back as it was.
#include <fuzzer/FuzzedDataProvider.h>

#include <cstdint>
#include <cstdlib>
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
  const bool is_byte_level = input.ConsumeBool();
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

  constexpr const char* kPreTokenizers[] = {"gpt-2",  "smollm", "qwen2",   "llama-bpe",
                                            "qwen35", "falcon", "default", "gpt-4o"};
  thimble::fuzz::VocabularyFile file;
  file.text("tokenizer.ggml.model", is_byte_level ? "gpt2" : "llama");
  file.text("tokenizer.ggml.pre", input.PickValueInArray(kPreTokenizers));
  file.texts("tokenizer.ggml.tokens", tokens);
  file.numbers("tokenizer.ggml.token_type", GgufValueType::INT32, types);
  file.numbers("tokenizer.ggml.scores", GgufValueType::FLOAT32, scores);
  file.texts("tokenizer.ggml.merges", merges);
  file.number("tokenizer.ggml.add_bos_token", GgufValueType::BOOL, uint8_t{0});
  file.number("tokenizer.ggml.eos_token_id", GgufValueType::UINT32, input.ConsumeIntegralInRange<uint32_t>(0, 70));
  const std::string text = input.ConsumeRemainingBytesAsString();

  const std::string bytes = file.whole();
  const thimble::fuzz::MemoryFile memory(bytes.data(), bytes.size());
  try {
    const auto gguf = thimble::Gguf::open(memory.path());
    use(gguf, text, is_byte_level && has_alphabet && has_text_only);
  } catch (const thimble::Error&) {
  }
  return 0;
}
