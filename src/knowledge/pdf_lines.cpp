#include "knowledge/pdf_lines.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <set>
#include <system_error>

#include "base/utf8.h"
#include "knowledge/document.h"
#include "knowledge/pdf_module.h"
#include "knowledge/readers.h"

namespace thimble {
namespace {

constexpr double kCellGap = 1.2;     // of the font's size: wider than any space between words
constexpr double kWordGap = 0.15;    // less is no space
constexpr double kMarginPart = 0.1;  // of a page's height, where what is repeated stands
constexpr size_t kMostWords = 4'000'000;

struct Word {
  double left, right, top, bottom, font_size;
  bool is_bold;
  std::string text;
};

struct Page {
  uint32_t number;
  double top, bottom;
  std::vector<Word> words;
};

// What the module tells, kept as long as it is within the limits.
struct PageCollector {
  size_t most_pages;
  std::vector<Page> pages;
  size_t words = 0;

  static int add_page(void* self, uint32_t number, double top, double bottom) {
    auto& collector = *static_cast<PageCollector*>(self);
    while (collector.pages.size() + 1 < number)
      collector.pages.push_back({static_cast<uint32_t>(collector.pages.size() + 1), 0, 0, {}});
    collector.pages.push_back({number, top, bottom, {}});
    return collector.pages.size() > collector.most_pages ? 1 : 0;
  }

  static int add_word(void* self, const ThimblePdfWord* found) {
    auto& collector = *static_cast<PageCollector*>(self);
    Word word{found->left,
              found->right,
              found->top,
              found->bottom,
              found->font_size,
              found->is_bold != 0,
              squeezed(to_valid_utf8({found->text, found->text_bytes}))};
    const bool is_sound = std::isfinite(word.left) && std::isfinite(word.right) && std::isfinite(word.top) &&
                          std::isfinite(word.bottom) && std::isfinite(word.font_size) && word.font_size > 0;
    if (is_sound && !word.text.empty()) collector.pages.back().words.push_back(std::move(word));
    return ++collector.words > kMostWords ? 1 : 0;
  }
};

using ReadPdf = decltype(&thimble_read_pdf);

// Beside the program, or where `cmake --install` puts it.
ReadPdf load_module() {
  std::error_code error;
  const std::filesystem::path folder = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  for (const char* place : {"thimble_pdf.so", "../lib/thimble/thimble_pdf.so"}) {
    void* const module = ::dlopen((folder / place).c_str(), RTLD_NOW | RTLD_LOCAL);
    if (module != nullptr) return reinterpret_cast<ReadPdf>(::dlsym(module, "thimble_read_pdf"));
  }
  return nullptr;
}

std::vector<Page> read_pages(std::string_view bytes, size_t most_pages) {
  static const ReadPdf read = load_module();  // never unloaded, immutable
  if (read == nullptr)
    throw Unreadable("PDF, for which thimble_pdf.so and the package libpoppler-cpp are needed beside the program");
  PageCollector collector{most_pages, {}};
  const ThimblePdfSink sink{&collector, PageCollector::add_page, PageCollector::add_word};
  const char* reason = nullptr;
  if (read(bytes.data(), bytes.size(), &sink, &reason) != 0) throw Unreadable(reason);
  if (collector.pages.size() > most_pages) throw Unreadable(fmt::format("more than {} pages", most_pages));
  if (collector.words > kMostWords) throw Unreadable(fmt::format("more than {} words", kMostWords));
  return std::move(collector.pages);
}

// Words that stand beside each other.
PdfLine line_of(std::vector<Word>& words, uint32_t number) {
  std::ranges::sort(words, {}, &Word::left);
  PdfLine line{number, words[0].top, words[0].bottom, 0, true, {}};
  double right = 0;
  for (Word& word : words) {
    const double gap = word.left - right;
    if (line.cells.empty() || gap > kCellGap * word.font_size) {
      line.cells.push_back({word.left, std::move(word.text)});
    } else {
      line.cells.back().text += (gap > kWordGap * word.font_size ? " " : "") + word.text;
    }
    right = word.right;
    line.top = std::min(line.top, word.top);
    line.bottom = std::max(line.bottom, word.bottom);
    line.font_size = std::max(line.font_size, word.font_size);
    line.is_bold = line.is_bold && word.is_bold;
  }
  return line;
}

std::vector<PdfLine> lines_of_page(std::vector<Word> words, uint32_t number) {
  const auto middle = [](const Word& word) { return (word.top + word.bottom) / 2; };
  std::ranges::stable_sort(words, {}, middle);
  std::vector<PdfLine> lines;
  for (size_t first = 0; first < words.size();) {
    size_t end = first + 1;
    while (end < words.size() && middle(words[end]) - middle(words[first]) < words[first].font_size * 0.4) ++end;
    std::vector<Word> row(std::make_move_iterator(words.begin() + static_cast<ptrdiff_t>(first)),
                          std::make_move_iterator(words.begin() + static_cast<ptrdiff_t>(end)));
    lines.push_back(line_of(row, number));
    first = end;
  }
  return lines;
}

// The text with every number made one, as a page number changes from page to page.
std::string shape_of(const PdfLine& line) {
  std::string shape;
  for (const char c : line.text()) {
    const bool is_digit = c >= '0' && c <= '9';
    if (!is_digit || !shape.ends_with('#')) shape += is_digit ? '#' : c;
  }
  return shape;
}

bool is_in_margin(const PdfLine& line, const Page& page) {
  const double margin = (page.bottom - page.top) * kMarginPart;
  return line.bottom < page.top + margin || line.top > page.bottom - margin;
}

}  // namespace

std::string PdfLine::text() const {
  std::string text;
  for (const PdfCell& cell : cells) text += (text.empty() ? "" : " ") + cell.text;
  return text;
}

std::vector<PdfLine> read_pdf_lines(std::string_view bytes, size_t most_pages) {
  std::vector<Page> pages = read_pages(bytes, most_pages);
  std::vector<PdfLine> lines;
  std::map<std::string, std::set<uint32_t>> margins;  // what stands there, and on which pages
  for (Page& page : pages) {
    for (PdfLine& line : lines_of_page(std::move(page.words), page.number)) {
      if (is_in_margin(line, page)) margins[shape_of(line)].insert(page.number);
      lines.push_back(std::move(line));
    }
  }
  const size_t often = std::max<size_t>(2, pages.size() / 3);
  std::erase_if(lines, [&](const PdfLine& line) {
    return is_in_margin(line, pages[line.page - 1]) && margins[shape_of(line)].size() >= often;
  });
  if (lines.empty()) throw Unreadable("PDF without text (scanned?)");
  return lines;
}

}  // namespace thimble
