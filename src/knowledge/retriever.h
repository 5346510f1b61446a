// The chunks that belong to a question: by words (BM25), by meaning (cosine of vectors), and both fused by reciprocal
// rank (Cormack, Clarke, Buettcher 2009).
#pragma once

#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "knowledge/knowledge_base.h"
#include "knowledge/text_embedder.h"

namespace thimble {

enum class Retrieval : uint8_t { words, vectors, both };
std::string_view name_of(Retrieval retrieval);  // "lexical", "vector", "hybrid"

struct Retrieved {
  StoredChunk stored;
  double score = 0;  // of the fusion
  std::optional<double> bm25;
  std::optional<double> cosine;
};

// Any number of threads; one at a time gets on.
class Retriever {
 public:
  // `embedder`: nullptr for words alone. Loads the vectors. Throws Error(usage) where the knowledge base has none, or
  // another model's.
  Retriever(KnowledgeBase& base, TextEmbedder* embedder);

  // The best first; fewer where fewer have anything of the question. `how` is words alone without an embedder.
  std::vector<Retrieved> retrieve(const std::string& question, size_t count, Retrieval how = Retrieval::both);

  // A question taken apart. Where it names documents ("the pump's", "RO-8"), each of them is searched for the rest of it
  // too, so that a question about two machines finds what both manuals say.
  struct Query {
    std::vector<std::string> words, words_without_names;
    std::vector<std::string> rare_words;  // those that are searched for in all documents: few chunks have them
    std::string text, text_without_names;
    std::vector<ChunkRange> documents;
  };
  Query take_apart(const std::string& question);
  // How much it tells that a chunk has the word: BM25's weight, the largest for one that no chunk has.
  double weight_of(const std::string& word);
  // `vectors`: of the query's two texts, [2][width]; empty: none.
  std::vector<Retrieved> retrieve(const Query& query, std::span<const float> vectors, size_t count, Retrieval how);

 private:
  std::vector<std::string> rare_words(const std::vector<std::string>& words);

  std::recursive_mutex mutex_;
  KnowledgeBase& base_;
  TextEmbedder* embedder_;
};

}  // namespace thimble
