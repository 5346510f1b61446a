// A document cut into chunks to retrieve: each under one heading, of whole pieces, about as long as an embedding model
// reads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "knowledge/document.h"

namespace thimble {

struct Chunk {
  std::string section;       // the heading right above, empty: none
  std::string section_path;  // all headings above, the outermost first, " > " between them
  std::string text;
  uint32_t first = 1;  // lines, or pages
  uint32_t last = 1;
};

struct ChunkLimits {
  // Estimated tokens that a chunk with its section path should have; all-MiniLM reads 256. A piece that is longer alone
  // stays whole up to most_piece_tokens, then it is cut between sentences, or words, or characters.
  size_t tokens = 220;
  size_t most_piece_tokens = 660;
  size_t most_chunks = 50'000;
};

// Tokens that a WordPiece or BPE vocabulary would make of a text, roughly: words by their length, digits by threes, marks.
size_t estimated_tokens(std::string_view text);

// In the document's order. A table that is cut has its header in every part. Throws Unreadable above limits.most_chunks.
std::vector<Chunk> make_chunks(const Document& document, const ChunkLimits& limits = {});

// What stands for a chunk where it is read: the section path, then the text.
std::string with_section_path(const Chunk& chunk);

// A chunk's parts that are embedded, each under the section path: sentences and rows, short ones together, at most `most`
// (from 1). A question is about a line more often than about a section, and encoders tell short texts apart better.
inline constexpr size_t kMostPassages = 8;
std::vector<std::string> passages_of(const Chunk& chunk, size_t most = kMostPassages);

}  // namespace thimble
