#include "knowledge/chunker.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.h"
#include "knowledge/readers.h"

namespace thimble {
namespace {

constexpr size_t kMostTokenBytes = 8;    // more than a token has of any text, on the average
constexpr size_t kPassageWords = 12;     // at least, where there are as many
constexpr size_t kLongestHeading = 200;  // bytes that a heading gives to its path

// Where to cut a text of which at most `most` bytes may stand in one part: after a sentence, else a word, else a character.
size_t cut_before(std::string_view text, size_t most) {
  if (text.size() <= most) return text.size();
  const std::string_view head = text.substr(0, most);
  for (const std::string_view end : {". ", "; ", " "}) {
    const size_t at = head.rfind(end);
    if (at != std::string_view::npos && at > most / 3) return at + end.size();
  }
  return std::max<size_t>(1, most - incomplete_utf8_tail(head));
}

std::string_view shortened(std::string_view text) {
  return text.substr(0, kLongestHeading - incomplete_utf8_tail(text.substr(0, kLongestHeading)));
}

// A piece with where it belongs.
struct Part {
  const Block* block;
  std::string_view text;
  uint32_t first, last;
  size_t tokens;
};

class Chunker {
 public:
  explicit Chunker(const ChunkLimits& limits) : limits_(limits) {}

  std::vector<Chunk> run(const Document& document) {
    for (const Block& block : document.blocks) {
      if (block.kind == BlockKind::heading) {
        finish_section();
        open(block);
      } else {
        add(block);
      }
    }
    finish_section();
    return std::move(chunks_);
  }

 private:
  void open(const Block& heading) {
    while (!headings_.empty() && headings_.back()->level >= heading.level) headings_.pop_back();
    headings_.push_back(&heading);
  }

  void add(const Block& block) {
    for (const Piece& piece : block.pieces) {
      std::string_view rest = piece.text;
      if (rest.empty()) parts_.push_back({&block, rest, piece.first, piece.last, 0});
      while (!rest.empty()) {
        const size_t length = whole_length(rest);
        const std::string_view part = rest.substr(0, length);
        parts_.push_back({&block, part, piece.first, piece.last, estimated_tokens(part)});
        rest.remove_prefix(length);
      }
    }
    if (block.pieces.empty() && !block.header.empty()) {  // a table of one row
      parts_.push_back({&block, {}, 1, 1, estimated_tokens(block.header)});
    }
  }

  // How much of a piece may stand in one part. What is so long that it cannot be whole is not looked at to its end.
  size_t whole_length(std::string_view rest) const {
    const auto is_short = [&](std::string_view text) {
      return text.size() <= limits_.most_piece_tokens * kMostTokenBytes &&
             estimated_tokens(text) <= limits_.most_piece_tokens;
    };
    if (is_short(rest)) return rest.size();
    size_t length = cut_before(rest, limits_.tokens * 4);  // four bytes are about a token of prose
    while (length > 4 && !is_short(rest.substr(0, length))) length = cut_before(rest, length / 2);
    return length;
  }

  std::string section_path() const {
    std::string path;
    for (const Block* heading : headings_) {
      path += path.empty() ? "" : " > ";
      path += shortened(heading->pieces[0].text);
    }
    return path;
  }

  // As many chunks as are needed, about equally long.
  void finish_section() {
    const std::string path = section_path();
    const size_t path_tokens = std::min(estimated_tokens(path), limits_.tokens / 2);
    const size_t room = limits_.tokens - path_tokens;
    size_t total = 0;
    for (const Part& part : parts_) total += part.tokens;
    const size_t goal = total == 0 ? 0 : (total + (total + room - 1) / room - 1) / ((total + room - 1) / room);
    for (size_t first = 0; first < parts_.size();) {
      size_t end = first, tokens = 0;
      while (end < parts_.size() && (end == first || (tokens < goal && tokens + parts_[end].tokens <= room))) {
        tokens += parts_[end++].tokens;
      }
      emit(path, first, end);
      first = end;
    }
    parts_.clear();
  }

  void emit(const std::string& path, size_t first, size_t end) {
    Chunk chunk{headings_.empty() ? std::string() : headings_.back()->pieces[0].text, path, {}, parts_[first].first, 0};
    const Block* block = nullptr;
    for (size_t i = first; i < end; ++i) {
      const Part& part = parts_[i];
      if (part.block != block) {
        block = part.block;
        if (!chunk.text.empty()) chunk.text += '\n';
        if (!block->header.empty()) chunk.text += block->header + (part.text.empty() ? "" : "\n");
      } else {
        chunk.text += '\n';
      }
      chunk.text += part.text;
      chunk.last = std::max(chunk.last, part.last);
    }
    if (trimmed(chunk.text).empty()) return;
    if (chunks_.size() >= limits_.most_chunks)
      throw Unreadable(fmt::format("more than {} chunks", limits_.most_chunks));
    chunks_.push_back(std::move(chunk));
  }

  ChunkLimits limits_;
  std::vector<const Block*> headings_;  // open ones, the outermost first
  std::vector<Part> parts_;             // of the section that is being read
  std::vector<Chunk> chunks_;
};

}  // namespace

size_t estimated_tokens(std::string_view text) {
  size_t tokens = 0;
  for (size_t at = 0; at < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at]);
    const auto run = [&](auto belongs) {
      const size_t begin = at;
      while (at < text.size() && belongs(static_cast<unsigned char>(text[at]))) ++at;
      return at - begin;
    };
    const auto is_letter = [](unsigned char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; };
    const auto is_digit = [](unsigned char c) { return c >= '0' && c <= '9'; };
    if (byte <= ' ') {
      ++at;
    } else if (is_letter(byte)) {
      tokens += (run(is_letter) + 6) / 7;
    } else if (is_digit(byte)) {
      tokens += (run(is_digit) + 1) / 2;
    } else if (byte >= 0x80) {
      tokens += (run([](unsigned char c) { return c >= 0x80; }) + 2) / 3;
    } else {
      ++tokens;
      ++at;
    }
  }
  return tokens;
}

std::vector<Chunk> make_chunks(const Document& document, const ChunkLimits& limits) {
  return Chunker(limits).run(document);
}

std::string with_section_path(const Chunk& chunk) {
  return chunk.section_path.empty() ? chunk.text : chunk.section_path + "\n" + chunk.text;
}

std::vector<std::string> passages_of(const Chunk& chunk, size_t most) {
  std::vector<std::string> units;
  for (const TextLine& line : lines_of(chunk.text)) {
    if (line.text.find(" | ") != std::string_view::npos) {
      units.emplace_back(line.text);
    } else {
      for (std::string& sentence : sentences_of(line.text)) units.push_back(std::move(sentence));
    }
  }
  const auto words_of = [](const std::string& text) { return 1 + static_cast<size_t>(std::ranges::count(text, ' ')); };
  size_t words = 0;
  for (const std::string& unit : units) words += words_of(unit);
  // No unit is cut, so that a passage may be longer and there may be fewer.
  const size_t goal = std::max(kPassageWords, (words + most - 1) / most);
  std::vector<std::string> passages;
  size_t in_last = 0;
  for (const std::string& unit : units) {
    const bool fits = in_last + words_of(unit) <= goal || passages.size() == most;
    if (passages.empty() || !fits) {
      passages.push_back(chunk.section_path + "\n" + unit);
      in_last = 0;
    } else {
      passages.back() += " " + unit;
    }
    in_last += words_of(unit);
  }
  return passages;
}

}  // namespace thimble
