// The texts of the golden files: the same generator as in tests/oracle/tokenizer_golden.py.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/utf8.h"
#include "text/tokenizer.h"

namespace thimble::test {

// Knuth's 64-bit linear congruential generator (MMIX), upper 31 bits.
class TextRandom {
 public:
  explicit TextRandom(uint64_t seed) : state_(seed) {}
  uint32_t below(uint32_t limit) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<uint32_t>((state_ >> 33) % limit);
  }

 private:
  uint64_t state_;
};

inline constexpr std::array<std::string_view, 16> kContractions = {
    "'s", "'S", "'t", "'re", "'RE", "'Ve", "'m", "'ll", "'lL", "'d", "'", "''s", "don't", " 'd", "\u2019s", "'\u017f"};
inline constexpr std::array<std::string_view, 22> kLookAlikes = {
    "<|im_start|>", "<|im_end|>",      "<|endoftext|>", "<s>",         "</s>",
    "<bos>",        "<start_of_turn>", "<end_of_turn>", "<unused7>",   "<|",
    "|>",           "<0x41>",          "[multimodal]",  "<tool_call>", "<h1>",
    "\u2581",       "\u2581\u2581",    "<unk>",         "<|eot_id|>",  "<|end|>",
    "<|user|>",     "<|assistant|> \n"};
inline constexpr std::array<uint32_t, 16> kSpaces = {0x85,   0xA0,   0x1680, 0x2000, 0x2003, 0x2007, 0x200A, 0x2028,
                                                     0x2029, 0x202F, 0x205F, 0x3000, 0x200B, 0xFEFF, 0x180E, 0xB};
inline constexpr std::string_view kPunctuation = "!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~";
inline constexpr std::string_view kBreaks = "\n\r\t \n\n ";

class TextMaker {
 public:
  explicit TextMaker(uint64_t seed) : random_(seed) {}

  std::string string() {
    const uint32_t pieces = 1 + random_.below(24);
    for (uint32_t i = 0; i < pieces; ++i) add_piece();
    return out_;
  }

 private:
  template <class Add>
  void repeat(uint32_t most, Add add) {
    const uint32_t count = 1 + random_.below(most);
    for (uint32_t i = 0; i < count; ++i) add();
  }
  void add_between(uint32_t first, uint32_t count) { append_utf8(out_, first + random_.below(count)); }
  void add_of(std::string_view characters) {
    out_ += characters[random_.below(static_cast<uint32_t>(characters.size()))];
  }
  void add_emoji() { add_between(0x1F300, 0x300); }

  void add_word() {
    const size_t begin = out_.size();
    repeat(8, [&] { add_between('a', 26); });
    if (random_.below(3) != 0) return;
    for (size_t i = begin; i < out_.size(); ++i) out_[i] = static_cast<char>(out_[i] - 'a' + 'A');
  }

  void add_any() {
    const uint32_t code_point = random_.below(0x110000 - 0x800);
    append_utf8(out_, code_point >= 0xD800 ? code_point + 0x800 : code_point);
  }

  void add_piece() {
    switch (random_.below(16)) {
      case 0: return add_word();
      case 1: out_.append(1 + random_.below(6), ' '); return;
      case 2: return repeat(4, [&] { add_of(kBreaks); });
      case 3: return repeat(7, [&] { add_between('0', 10); });
      case 4: return repeat(4, [&] { add_of(kPunctuation); });
      case 5: return repeat(4, [&] { add_between(0x4E00, 0x5200); });
      case 6: add_between(0x3040, 0xC0); return add_between(0xAC00, 11172);
      case 7:
        add_emoji();
        if (random_.below(2) != 0) return;
        out_ += "\ufe0f\u200d";
        return add_emoji();
      case 8: add_between('a', 26); return add_between(0x300, 0x70);
      case 9: return repeat(4, [&] { add_between(0x590, 0x170); });
      case 10: return add_between(0x10000, 0x10000);
      case 11: return add_any();
      case 12: out_ += kContractions[random_.below(kContractions.size())]; return;
      case 13: out_ += kLookAlikes[random_.below(kLookAlikes.size())]; return;
      case 14: return add_between(0xA0, 0x1E0);
      default: append_utf8(out_, kSpaces[random_.below(kSpaces.size())]); return;
    }
  }

  TextRandom random_;
  std::string out_;
};

inline std::string random_text(uint64_t index) { return TextMaker(index).string(); }

// Each of 256 code points next to letters, digits, spaces and itself.
inline std::string code_point_block(uint32_t block) {
  std::string out;
  for (uint32_t c = block * 256; c < block * 256 + 256; ++c) {
    if (c >= 0xD800 && c < 0xE000) continue;
    std::string character;
    append_utf8(character, c);
    out += "a" + character + "b 1" + character + "2 " + character + character + "\n";
  }
  return out;
}

// 32-bit FNV-1a over the ids of several texts as little-endian 32-bit integers, with -1 after each text.
class Digest {
 public:
  void add(std::span<const TokenId> ids) {
    for (const TokenId id : ids) add(id);
    add(TokenId{-1});
  }
  uint32_t value() const { return value_; }

 private:
  void add(TokenId id) {
    for (int shift = 0; shift < 32; shift += 8)
      value_ = (value_ ^ (static_cast<uint32_t>(id) >> shift & 0xff)) * 0x01000193;
  }
  uint32_t value_ = 0x811C9DC5;
};

}  // namespace thimble::test
