// Any bytes through the document readers (the first byte chooses the kind), the chunker, the lines of evidence and the
// words: refused as unreadable, or every chunk is valid UTF-8, has text and is no longer than it may be.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "assist/ask_check.h"
#include "assist/ask_evidence.h"
#include "base/utf8.h"
#include "knowledge/chunker.h"
#include "knowledge/readers.h"
#include "knowledge/search_words.h"

namespace {

using namespace thimble;

constexpr std::array kNames = {"a.md", "a.html", "a.csv", "a.txt", "a.log", "a"};

void check(const Chunk& chunk) {
  if (chunk.text.empty() || chunk.first > chunk.last) std::abort();
  for (const std::string_view text : {std::string_view(chunk.text), std::string_view(chunk.section_path)}) {
    if (!is_valid_utf8(text)) std::abort();
  }
  std::string lines;
  for (const std::string& line : evidence_lines(chunk.text)) lines += line + "\n";
  if (!support_of(chunk.section, chunk.section, "").has_all_numbers) std::abort();
  for (const char c : full_text_query(search_words(chunk.text))) {
    if (c == '*' || c == '(' || c == ')' || c == ':' || c == '^' || c == '\0') std::abort();
  }
  without_citations(lines);
  cited_numbers(lines, 9);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (text.find("%PDF-") != std::string::npos) return 0;  // poppler's affair
  try {
    for (const Chunk& chunk : make_chunks(read_document(kNames[data[0] % kNames.size()], text))) check(chunk);
  } catch (const Unreadable&) {
  }
  return 0;
}
