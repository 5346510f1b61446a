// One reader a format. What they are given is UTF-8; what is odd in it never stops them, what cannot be read at all
// throws Unreadable.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

#include "knowledge/document.h"

namespace thimble {

// Why a file is left out of an index; the others go on. `expected`: it is of a kind that is left out anyway, such as a
// picture.
struct Unreadable : std::runtime_error {
  explicit Unreadable(const std::string& reason, bool expected = false)
      : std::runtime_error(reason), is_expected(expected) {}
  bool is_expected;
};

// CommonMark and GitHub's tables, as far as structure goes; emphasis and links are taken off.
Document read_markdown(std::string_view text);
// Headings are numbered lines and underlined ones that stand alone; steps are lists, the rest is paragraphs between empty
// lines.
Document read_plain_text(std::string_view text);
// A line is a piece.
Document read_log(std::string_view text);
// The delimiter is the one of , ; tab | that divides the first rows best; the first row that is no comment has the
// columns' names.
Document read_csv(std::string_view text);
// What a browser would show, by gumbo. Throws Unreadable for what is nested deeper than 500 elements or takes more memory
// to parse than kMostParsedBytes.
Document read_html(std::string_view text);
inline constexpr size_t kMostParsedBytes = size_t{256} << 20;
// By poppler: lines put together from words, headings by size, weight and number, columns by gaps. Throws Unreadable for
// what is encrypted, broken or has more than `most_pages` pages.
Document read_pdf(std::string_view bytes, size_t most_pages);

struct ReadLimits {
  size_t most_bytes = size_t{64} << 20;
  size_t most_pages = 5000;
};

// The reader is chosen by the name's ending, else by what is in the file: text is plain text. Throws Unreadable, with the
// reason for people: empty, binary, UTF-16, too long.
Document read_document(const std::string& name, std::string_view bytes, const ReadLimits& limits = {});

}  // namespace thimble
