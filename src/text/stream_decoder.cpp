#include "base/utf8.h"
#include "text/tokenizer.h"

namespace thimble {

std::string StreamDecoder::push(std::string_view piece_bytes) {
  held_ += piece_bytes;
  const size_t whole = held_.size() - incomplete_utf8_tail(held_);
  std::string out = to_valid_utf8(std::string_view(held_).substr(0, whole));
  held_.erase(0, whole);
  return out;
}

std::string StreamDecoder::finish() {
  std::string out = to_valid_utf8(held_);
  held_.clear();
  return out;
}

}  // namespace thimble
