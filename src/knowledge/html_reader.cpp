#include <gumbo.h>

#include <csetjmp>
#include <cstdlib>

#include "knowledge/html_depth.h"
#include "knowledge/readers.h"

namespace thimble {
namespace {

// What the parser allocates, up to a limit, and freed as a whole: its own way of freeing a tree recurses. The parser is C
// and checks no allocation; over the limit it is left by longjmp, past frames that hold nothing but memory of this arena.
class Arena {
 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena() {
    while (last_ != nullptr) {
      Slab* const before = last_->before;
      std::free(last_);
      last_ = before;
    }
  }

  // nullptr where the limit is reached.
  const GumboOutput* parse(std::string_view html) {
    GumboOptions options = kGumboDefaultOptions;
    options.allocator = [](void* arena, size_t bytes) { return static_cast<Arena*>(arena)->allocate(bytes); };
    options.deallocator = [](void*, void*) {};
    options.userdata = this;
    options.max_errors = 0;
    if (setjmp(full_) != 0) return nullptr;
    return gumbo_parse_with_options(&options, html.data(), html.size());
  }

 private:
  struct Slab {
    Slab* before;
    size_t padding;  // what follows is aligned for anything
  };
  static constexpr size_t kSlabBytes = 256 << 10;

  void* allocate(size_t bytes) {
    const size_t needed = (bytes + 15) / 16 * 16;
    if (needed > room_) grow(needed);
    std::byte* const result = next_;
    next_ += needed;
    room_ -= needed;
    return result;
  }

  void grow(size_t needed) {
    const size_t bytes = std::max(needed, kSlabBytes);
    if (bytes > kMostParsedBytes - total_) std::longjmp(full_, 1);
    void* const memory = std::malloc(sizeof(Slab) + bytes);
    if (memory == nullptr) std::longjmp(full_, 1);
    last_ = new (memory) Slab{last_, 0};
    next_ = static_cast<std::byte*>(memory) + sizeof(Slab);
    room_ = bytes;
    total_ += bytes;
  }

  Slab* last_ = nullptr;
  std::byte* next_ = nullptr;
  size_t room_ = 0;
  size_t total_ = 0;
  std::jmp_buf full_;
};

size_t heading_level(GumboTag tag) {
  return tag >= GUMBO_TAG_H1 && tag <= GUMBO_TAG_H6 ? static_cast<size_t>(tag - GUMBO_TAG_H1) + 1 : 0;
}

bool is_unseen(GumboTag tag) {
  return tag == GUMBO_TAG_SCRIPT || tag == GUMBO_TAG_STYLE || tag == GUMBO_TAG_NAV || tag == GUMBO_TAG_NOSCRIPT ||
         tag == GUMBO_TAG_TEMPLATE || tag == GUMBO_TAG_IFRAME || tag == GUMBO_TAG_SELECT || tag == GUMBO_TAG_TEXTAREA;
}

// Within a line of text.
bool is_inline(GumboTag tag) {
  switch (tag) {
    case GUMBO_TAG_A:
    case GUMBO_TAG_ABBR:
    case GUMBO_TAG_ACRONYM:
    case GUMBO_TAG_B:
    case GUMBO_TAG_BDI:
    case GUMBO_TAG_BDO:
    case GUMBO_TAG_BIG:
    case GUMBO_TAG_CITE:
    case GUMBO_TAG_CODE:
    case GUMBO_TAG_DEL:
    case GUMBO_TAG_DFN:
    case GUMBO_TAG_EM:
    case GUMBO_TAG_FONT:
    case GUMBO_TAG_I:
    case GUMBO_TAG_INS:
    case GUMBO_TAG_KBD:
    case GUMBO_TAG_LABEL:
    case GUMBO_TAG_MARK:
    case GUMBO_TAG_Q:
    case GUMBO_TAG_S:
    case GUMBO_TAG_SAMP:
    case GUMBO_TAG_SMALL:
    case GUMBO_TAG_SPAN:
    case GUMBO_TAG_STRONG:
    case GUMBO_TAG_SUB:
    case GUMBO_TAG_SUP:
    case GUMBO_TAG_TIME:
    case GUMBO_TAG_TT:
    case GUMBO_TAG_U:
    case GUMBO_TAG_VAR:
    case GUMBO_TAG_UNKNOWN: return true;
    default: return false;
  }
}

const GumboVector* children_of(const GumboNode* node) {
  if (node->type == GUMBO_NODE_ELEMENT) return &node->v.element.children;
  return node->type == GUMBO_NODE_DOCUMENT ? &node->v.document.children : nullptr;
}

class HtmlReader {
 public:
  Document read(const GumboNode* root) {
    // In the order of the page, by the links between nodes: nothing here grows with the depth.
    const GumboNode* node = root;
    while (node != nullptr) {
      const GumboVector* children = enter(node) ? children_of(node) : nullptr;
      if (children != nullptr && children->length > 0) {
        node = static_cast<const GumboNode*>(children->data[0]);
        continue;
      }
      leave(node);
      node = after(node, root);
    }
    flush();
    return std::move(out_.document);
  }

 private:
  const GumboNode* after(const GumboNode* node, const GumboNode* root) {
    while (node != root) {
      const GumboVector* siblings = children_of(node->parent);
      const size_t next = node->index_within_parent + 1;
      if (next < siblings->length) return static_cast<const GumboNode*>(siblings->data[next]);
      node = node->parent;
      leave(node);
    }
    return nullptr;
  }

  // False where what is within is not wanted.
  bool enter(const GumboNode* node) {
    if (node->type == GUMBO_NODE_TEXT || node->type == GUMBO_NODE_CDATA) return add_text(node->v.text), false;
    if (node->type == GUMBO_NODE_WHITESPACE) return words_ += is_code_ ? node->v.text.text : " ", false;
    if (node->type == GUMBO_NODE_DOCUMENT) return true;
    if (node->type != GUMBO_NODE_ELEMENT || is_unseen(node->v.element.tag)) return false;
    enter_element(node->v.element);
    return true;
  }

  void enter_element(const GumboElement& element) {
    const GumboTag tag = element.tag;
    if (tag == GUMBO_TAG_BR) words_ += is_code_ ? '\n' : ' ';
    if (is_inline(tag) || tag == GUMBO_TAG_BR) return;
    line_ = std::max<uint32_t>(line_, element.start_pos.line);
    if (tag == GUMBO_TAG_TABLE && ++tables_ == 1) {
      flush();
      out_.table("");
      is_first_row_ = true;
    }
    if (tables_ > 0) {
      words_ += ' ';
      if (tables_ == 1) enter_row_part(tag);
      return;
    }
    flush();
    if (tag == GUMBO_TAG_OL || tag == GUMBO_TAG_UL) out_.close();
    if (tag == GUMBO_TAG_OL) numbers_.push_back(1);
    if (tag == GUMBO_TAG_UL) numbers_.push_back(0);
    if (tag == GUMBO_TAG_LI) begin_item();
    if (tag == GUMBO_TAG_PRE) is_code_ = true;
    first_ = line_;
  }

  void begin_item() {
    is_item_ = true;
    const bool is_numbered = !numbers_.empty() && numbers_.back() > 0;
    mark_ = is_numbered ? std::to_string(numbers_.back()++) + ". " : "- ";
  }

  void enter_row_part(GumboTag tag) {
    if (tag == GUMBO_TAG_TR) {
      cells_.clear();
      has_header_cells_ = true;
      first_ = line_;
    }
    if (tag == GUMBO_TAG_TD) has_header_cells_ = false;
    if (tag == GUMBO_TAG_TD || tag == GUMBO_TAG_TH || tag == GUMBO_TAG_CAPTION) words_.clear();
  }

  void leave(const GumboNode* node) {
    if (node->type != GUMBO_NODE_ELEMENT || is_unseen(node->v.element.tag)) return;
    const GumboTag tag = node->v.element.tag;
    if (is_inline(tag) || tag == GUMBO_TAG_BR) return;
    if (tag == GUMBO_TAG_TABLE && tables_ > 0 && --tables_ == 0) {
      words_.clear();
      out_.close();
      return;
    }
    if (tables_ > 0) {
      if (tables_ == 1) leave_row_part(tag);
      return;
    }
    if (tag == GUMBO_TAG_TITLE) {
      out_.document.title = squeezed(words_);
      words_.clear();
    } else if (const size_t level = heading_level(tag); level != 0) {
      out_.heading(level, words_, first_);
      words_.clear();
    }
    flush();
    if (tag == GUMBO_TAG_LI) is_item_ = false;
    if (tag == GUMBO_TAG_PRE) is_code_ = false;
    if ((tag == GUMBO_TAG_OL || tag == GUMBO_TAG_UL) && !numbers_.empty()) {
      numbers_.pop_back();
      out_.close();
    }
  }

  void leave_row_part(GumboTag tag) {
    if (tag == GUMBO_TAG_TD || tag == GUMBO_TAG_TH) {
      cells_.push_back(squeezed(words_));
      words_.clear();
    } else if (tag == GUMBO_TAG_TR) {
      finish_row();
    }
  }

  void finish_row() {
    if (cells_.empty()) return;
    if (is_first_row_ && has_header_cells_) {
      out_.document.blocks.back().header = join_cells(cells_);
    } else {
      out_.row(join_cells(cells_), first_, line_);
    }
    is_first_row_ = false;
  }

  void add_text(const GumboText& text) {
    line_ = std::max<uint32_t>(line_, text.start_pos.line);
    words_ += text.text;
  }

  void flush() {
    if (is_code_) {
      flush_code();
    } else if (is_item_ && !squeezed(words_).empty()) {
      out_.item(mark_ + squeezed(words_), first_, line_);
      mark_.clear();
    } else if (!is_item_) {
      out_.paragraph(words_, first_, line_);
    }
    words_.clear();
  }

  void flush_code() {
    out_.close();
    for (const TextLine& line : lines_of(words_)) out_.code(line.text, first_ + line.number - 1);
    out_.close();
  }

  DocumentBuilder out_;
  std::string words_;            // since the last end of a block
  std::string mark_;             // of the item that is being read, until it has been written
  std::vector<size_t> numbers_;  // of the open lists, the next item's; 0 where they are not numbered
  std::vector<std::string> cells_;
  size_t tables_ = 0;  // open ones; a table within a table is text of its cell
  bool is_first_row_ = false, has_header_cells_ = false, is_item_ = false, is_code_ = false;
  uint32_t first_ = 1, line_ = 1;
};

}  // namespace

Document read_html(std::string_view text) {
  if (is_nested_too_deep(text)) throw Unreadable("elements nested too deep");
  Arena arena;
  const GumboOutput* const output = arena.parse(text);
  if (output == nullptr) throw Unreadable("takes too much memory to parse");
  return HtmlReader().read(output->document);
}

}  // namespace thimble
