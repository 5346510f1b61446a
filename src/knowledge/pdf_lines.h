// The lines of a PDF's pages, put together from the words that poppler finds.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace thimble {

struct PdfCell {
  double left;
  std::string text;
};

struct PdfLine {
  uint32_t page;  // from 1
  double top, bottom;
  double font_size;
  bool is_bold;                // all of it
  std::vector<PdfCell> cells;  // what wide gaps divide, from left to right; never empty

  std::string text() const;
};

// In reading order, without what is repeated at the top and bottom of the pages. Throws Unreadable (readers.h).
std::vector<PdfLine> read_pdf_lines(std::string_view bytes, size_t most_pages);

}  // namespace thimble
