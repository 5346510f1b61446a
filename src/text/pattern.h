// One regular expression over bytes, compiled once by PCRE2 (just-in-time where the system allows it).
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>

struct pcre2_real_code_8;

namespace thimble {

class Pattern {
 public:
  // `expression` is our own: one that does not compile is a broken invariant.
  explicit Pattern(std::string_view expression);

  struct Match {
    size_t begin;
    size_t end;
  };
  // Calls `visit(begin, end)` for each non-empty match in `subject`, leftmost first, without overlaps. Lookaround sees
  // nothing beyond `subject`. Throws Error(failed) where PCRE2 exceeds its limits. May be called from many threads.
  template <class Visit>
  void for_each_match(std::string_view subject, Visit visit) const {
    Search search(*this, subject);
    while (const auto match = search.next()) visit(match->begin, match->end);
  }

  size_t memory_bytes() const;

 private:
  class Search {
   public:
    Search(const Pattern& pattern, std::string_view subject);
    ~Search();
    std::optional<Match> next();

   private:
    const Pattern& pattern_;
    std::string_view subject_;
    size_t at_ = 0;
    struct Buffers;
    std::unique_ptr<Buffers> buffers_;
  };

  struct FreeCode {
    void operator()(pcre2_real_code_8* code) const;
  };
  std::unique_ptr<pcre2_real_code_8, FreeCode> code_;
};

}  // namespace thimble
