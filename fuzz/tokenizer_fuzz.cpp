// Any vocabulary, merges and text: the vocabulary is refused with an Error, or it can be used, and byte-level text that
// has a token for every byte comes back as it was.
#include <fuzzer/FuzzedDataProvider.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/utf8.h"
#include "format/gguf.h"
#include "text/tokenizer.h"

namespace {

using thimble::GgufValueType;

class FileBytes {
 public:
  void text(std::string_view key, std::string_view value) {
    begin(key, GgufValueType::STRING);
    add(value);
  }
  void texts(std::string_view key, const std::vector<std::string>& values) {
    begin_array(key, GgufValueType::STRING, values.size());
    for (const std::string& value : values) add(value);
  }
  template <class T>
  void numbers(std::string_view key, GgufValueType type, const std::vector<T>& values) {
    begin_array(key, type, values.size());
    for (const T value : values) add_raw(value);
  }
  template <class T>
  void number(std::string_view key, GgufValueType type, T value) {
    begin(key, type);
    add_raw(value);
  }
  std::string whole() const {
    FileBytes head;
    head.bytes_ = "GGUF";
    head.add_raw(uint32_t{3});
    head.add_raw(uint64_t{0});
    head.add_raw(count_);
    return head.bytes_ + bytes_;
  }

 private:
  template <class T>
  void add_raw(T value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void add(std::string_view value) {
    add_raw(uint64_t{value.size()});
    bytes_ += value;
  }
  void begin(std::string_view key, GgufValueType type) {
    add(key);
    add_raw(type);
    ++count_;
  }
  void begin_array(std::string_view key, GgufValueType element, size_t count) {
    begin(key, GgufValueType::ARRAY);
    add_raw(element);
    add_raw(uint64_t{count});
  }

  std::string bytes_;
  uint64_t count_ = 0;
};

// The characters that stand for the 256 bytes: the printable ones, then U+0100 on.
void add_alphabet(std::vector<std::string>& tokens) {
  uint32_t next = 256;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    const bool is_own = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    tokens.emplace_back();
    thimble::append_utf8(tokens.back(), is_own ? byte : next++);
  }
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
  const bool is_byte_level = input.ConsumeBool();
  const bool has_alphabet = input.ConsumeBool();
  std::vector<std::string> tokens;
  if (has_alphabet && is_byte_level) add_alphabet(tokens);
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
  FileBytes file;
  file.text("tokenizer.ggml.model", is_byte_level ? "gpt2" : "llama");
  file.text("tokenizer.ggml.pre", input.PickValueInArray(kPreTokenizers));
  file.texts("tokenizer.ggml.tokens", tokens);
  file.numbers("tokenizer.ggml.token_type", GgufValueType::INT32, types);
  file.numbers("tokenizer.ggml.scores", GgufValueType::FLOAT32, scores);
  file.texts("tokenizer.ggml.merges", merges);
  file.number("tokenizer.ggml.add_bos_token", GgufValueType::BOOL, uint8_t{0});
  file.number("tokenizer.ggml.eos_token_id", GgufValueType::UINT32, input.ConsumeIntegralInRange<uint32_t>(0, 70));
  const std::string text = input.ConsumeRemainingBytesAsString();

  const int fd = ::memfd_create("fuzz", MFD_CLOEXEC);
  if (fd < 0) return -1;
  const std::string bytes = file.whole();
  if (::write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size())) {
    try {
      const auto gguf = thimble::Gguf::open("/proc/self/fd/" + std::to_string(fd));
      use(gguf, text, is_byte_level && has_alphabet && has_text_only);
    } catch (const thimble::Error&) {
    }
  }
  ::close(fd);
  return 0;
}
