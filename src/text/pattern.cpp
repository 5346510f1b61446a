#include "text/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <cassert>
#include <limits>
#include <new>
#include <string>

#include "base/error.h"

namespace thimble {

void Pattern::FreeCode::operator()(pcre2_code* code) const { pcre2_code_free(code); }

Pattern::Pattern(std::string_view expression) {
  int error = 0;
  size_t place = 0;
  code_.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(expression.data()), expression.size(), PCRE2_NEVER_UTF, &error,
                            &place, nullptr));
  if (code_ == nullptr && error == PCRE2_ERROR_HEAP_FAILED) throw std::bad_alloc();
  assert(code_ != nullptr);
  // Where executable memory is forbidden this fails, and the interpreter does the work.
  pcre2_jit_compile(code_.get(), PCRE2_JIT_COMPLETE);
}

size_t Pattern::memory_bytes() const {
  size_t code = 0;
  size_t jit = 0;
  pcre2_pattern_info(code_.get(), PCRE2_INFO_SIZE, &code);
  pcre2_pattern_info(code_.get(), PCRE2_INFO_JITSIZE, &jit);
  return code + jit;
}

struct Pattern::Search::Buffers {
  pcre2_match_data* data = nullptr;
  pcre2_match_context* context = nullptr;
  ~Buffers() {
    pcre2_match_data_free(data);
    pcre2_match_context_free(context);
  }
};

Pattern::Search::Search(const Pattern& pattern, std::string_view subject)
    : pattern_(pattern), subject_(subject), buffers_(std::make_unique<Buffers>()) {
  buffers_->data = pcre2_match_data_create_from_pattern(pattern.code_.get(), nullptr);
  buffers_->context = pcre2_match_context_create(nullptr);
  if (buffers_->data == nullptr || buffers_->context == nullptr) throw std::bad_alloc();
  // A single match may walk a run of characters there and back: linear in the subject, so the limit is too.
  const size_t steps = std::max<size_t>(10'000'000, 16 * subject.size());
  pcre2_set_match_limit(buffers_->context,
                        static_cast<uint32_t>(std::min<size_t>(steps, std::numeric_limits<uint32_t>::max())));
}

Pattern::Search::~Search() = default;

std::optional<Pattern::Match> Pattern::Search::next() {
  if (at_ >= subject_.size()) return std::nullopt;
  const int found = pcre2_match(pattern_.code_.get(), reinterpret_cast<PCRE2_SPTR>(subject_.data()), subject_.size(),
                                at_, PCRE2_NOTEMPTY, buffers_->data, buffers_->context);
  if (found == PCRE2_ERROR_NOMATCH) return std::nullopt;
  if (found < 0) {
    std::string message(256, '\0');
    const int length = pcre2_get_error_message(found, reinterpret_cast<PCRE2_UCHAR*>(message.data()), message.size());
    message.resize(static_cast<size_t>(std::max(length, 0)));
    fail(ExitCode::failed, "cannot split {} bytes of text into words: {}", subject_.size(), message);
  }
  const size_t* place = pcre2_get_ovector_pointer(buffers_->data);
  at_ = place[1];
  return Match{place[0], place[1]};
}

}  // namespace thimble
