// What a file says, whatever its format: headings, and under them paragraphs, lists, tables and code, in reading order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace thimble {

enum class BlockKind : uint8_t { heading, paragraph, list, table, code };

// What is never cut where a chunk ends: a paragraph, a step, a row, a line of code. `first` and `last` are lines from 1,
// or pages.
struct Piece {
  std::string text;
  uint32_t first = 1;
  uint32_t last = 1;
};

struct Block {
  BlockKind kind = BlockKind::paragraph;
  uint8_t level = 0;   // of a heading, from 1
  std::string header;  // of a table: the row that names its columns, which is not among the pieces
  std::vector<Piece> pieces;
};

struct Document {
  std::string title;       // empty: none
  bool has_pages = false;  // pieces have pages, not lines
  std::vector<Block> blocks;
};

// Puts pieces into blocks: what follows on the same kind of list, table or code joins it.
class DocumentBuilder {
 public:
  Document document;

  void heading(size_t level, std::string_view text, uint32_t at);
  void paragraph(std::string_view text, uint32_t first, uint32_t last) { add(BlockKind::paragraph, text, first, last); }
  void item(std::string_view text, uint32_t first, uint32_t last) { add(BlockKind::list, text, first, last); }
  void text(bool is_item, std::string_view text, uint32_t first, uint32_t last) {
    add(is_item ? BlockKind::list : BlockKind::paragraph, text, first, last);
  }
  void table(std::string_view header);  // begins one
  void row(std::string_view text, uint32_t first, uint32_t last) { add(BlockKind::table, text, first, last); }
  void code(std::string_view text, uint32_t at) { add(BlockKind::code, text, at, at); }
  void close() { is_open_ = false; }  // what comes next begins a block of its own

 private:
  void add(BlockKind kind, std::string_view text, uint32_t first, uint32_t last);
  bool is_open_ = false;
};

// Cells as one line of a table.
std::string join_cells(const std::vector<std::string>& cells);
// Runs of white space, and control characters, as one space; none at the ends.
std::string squeezed(std::string_view text);
std::string_view trimmed(std::string_view text);
// "3 Specification", "4.2. Speed", "A.1 Parts" give 1, 2, 2; anything else 0.
size_t numbered_depth(std::string_view line);
// The bullet or number that a list's item begins with, and the blanks after it: its length, 0 where there is none.
size_t item_mark(std::string_view line);

// A line's sentences; "2. Lock it." is one.
std::vector<std::string> sentences_of(std::string_view line);

// The lines of a text with their numbers from 1, without line ends.
struct TextLine {
  std::string_view text;
  uint32_t number;
};
std::vector<TextLine> lines_of(std::string_view text);

}  // namespace thimble
