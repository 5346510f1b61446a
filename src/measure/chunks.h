// A text cut into chunks of equal length, as llama-perplexity and llama-imatrix cut it: the first token of each is replaced by BOS
// where the model wants one, and what the second half predicts is scored.
#pragma once

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "engine/session.h"
#include "text/tokenizer.h"

namespace thimble {

// A step through a chunk: tokens [run, end) are added, what the positions [begin, end) predict is scored.
struct ChunkPiece {
  size_t run;
  size_t begin;
  size_t end;
};

class Chunks {
 public:
  // tokens: the whole text, encoded with its special tokens; kept by reference. max_chunks: 0 for all. Throws Error(usage) for
  // chunks of fewer than 4 tokens, and where the text is shorter than `least_chunks` of them.
  Chunks(const Tokenizer& tokenizer, std::span<const TokenId> tokens, size_t chunk_tokens, size_t max_chunks,
         size_t least_chunks = 2);

  size_t count() const { return count_; }
  size_t chunk_tokens() const { return chunk_tokens_; }
  size_t first_scored() const { return chunk_tokens_ / 2; }  // what this position predicts is scored, and all after it
  size_t scored() const { return chunk_tokens_ - 1 - first_scored(); }  // the last one has nothing to predict

  std::span<const TokenId> all() const { return tokens_.first(count_ * chunk_tokens_); }
  std::span<const TokenId> whole_text() const { return tokens_; }  // beyond max_chunks too
  std::span<const TokenId> text(size_t chunk) const { return tokens_.subspan(chunk * chunk_tokens_, chunk_tokens_); }
  std::vector<TokenId> input(size_t chunk) const;  // what is run: with its BOS
  std::vector<ChunkPiece> pieces(
      size_t most_scored) const;  // of any chunk, in order; together they score all that is scored

 private:
  const Tokenizer& tokenizer_;
  std::span<const TokenId> tokens_;
  size_t chunk_tokens_;
  size_t count_;
};

// Adds `tokens` to the session and calls f(index, logits) for each index from `from` to `end` - 1, shared out among the session's
// workers: in any order, several at once. f must not throw.
template <class F>
void score_rows(Session& session, std::span<const TokenId> tokens, size_t from, size_t end, F&& f) {
  const size_t vocabulary = session.model().hyper().vocabulary_size;
  session.append_rows(tokens, from, [&](size_t index, size_t rows, std::span<const float> logits) {
    const auto score = [&](size_t row, size_t) {
      if (index + row < end) f(index + row, logits.subspan(row * vocabulary, vocabulary));
    };
    session.team().run([&](Worker& worker) { worker.for_each_piece(rows, 1, score); });
  });
}

// The same of a piece of a chunk whose input is `ids`: f(position, logits).
template <class F>
void score_piece(Session& session, std::span<const TokenId> ids, const ChunkPiece& piece, F&& f) {
  const size_t count = piece.end - piece.run;
  score_rows(session, ids.subspan(piece.run, count), piece.begin - piece.run, count,
             [&](size_t index, std::span<const float> logits) { f(piece.run + index, logits); });
}

}  // namespace thimble
