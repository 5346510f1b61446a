#include "measure/chunks.h"

#include <algorithm>

#include "base/error.h"

namespace thimble {
namespace {

constexpr size_t kLeastTokens = 4;

size_t chunk_count(size_t tokens, size_t chunk_tokens, size_t max_chunks, size_t least_chunks) {
  if (chunk_tokens < kLeastTokens) {
    fail(ExitCode::usage, "-c {}: a chunk needs at least {} tokens", chunk_tokens, kLeastTokens);
  }
  const size_t count = tokens / chunk_tokens;
  if (count < least_chunks) {
    fail(ExitCode::usage, "the text has {} tokens; at least {} ({} chunks) are needed: give more text or a smaller -c",
         tokens, least_chunks * chunk_tokens, least_chunks == 2 ? "two" : fmt::to_string(least_chunks));
  }
  return max_chunks == 0 ? count : std::min(count, max_chunks);
}

}  // namespace

Chunks::Chunks(const Tokenizer& tokenizer, std::span<const TokenId> tokens, size_t chunk_tokens, size_t max_chunks,
               size_t least_chunks)
    : tokenizer_(tokenizer),
      tokens_(tokens),
      chunk_tokens_(chunk_tokens),
      count_(chunk_count(tokens.size(), chunk_tokens, max_chunks, least_chunks)) {}

std::vector<TokenId> Chunks::input(size_t chunk) const {
  const std::span<const TokenId> as_is = text(chunk);
  std::vector<TokenId> ids(as_is.begin(), as_is.end());
  if (tokenizer_.adds_bos() && tokenizer_.bos()) ids[0] = *tokenizer_.bos();
  return ids;
}

std::vector<ChunkPiece> Chunks::pieces(size_t most_scored) const {
  std::vector<ChunkPiece> pieces;
  const size_t end = first_scored() + scored();
  for (size_t begin = first_scored(), run = 0; begin < end; begin += most_scored) {
    pieces.push_back({run, begin, std::min(begin + most_scored, end)});
    run = pieces.back().end;
  }
  return pieces;
}

}  // namespace thimble
