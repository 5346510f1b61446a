// tokenizer.ggml.precompiled_charsmap: SentencePiece's table of normalizations (google/sentencepiece, normalizer.cc;
// nmt_nfkc and its kin). A 32-bit size, that many bytes of a double array (32-bit units, little-endian, after Kanda 2018:
// bit 31 marks a value, bits 10-30 the offset of the children, 9 its scale, 8 that a value follows, 0-7 the label), and
// replacements, each ended by a zero byte.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "format/gguf.h"

namespace thimble {

class CharacterMap {
 public:
  // Maps nothing where the key is absent. Throws Error(bad_file) for a table whose parts do not fit, or with a
  // replacement longer than 255 bytes. The Gguf must outlive the object.
  explicit CharacterMap(const Gguf& gguf);

  struct Match {
    size_t length;  // of the input that is replaced; 0 where nothing is
    std::string_view replacement;
  };
  // The longest beginning of `text`, of 255 bytes at most, that the table replaces. Where the table leads outside of
  // itself, it ends.
  Match longest_match(std::string_view text) const;

 private:
  uint32_t unit(uint64_t index) const;  // beyond the end 0: neither a child of anything nor a value

  std::span<const std::byte> units_;
  std::string_view replacements_;
};

}  // namespace thimble
