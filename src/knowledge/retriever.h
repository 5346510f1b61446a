// The chunks that belong to a question: by words (BM25), by meaning (cosine of vectors), and both fused by reciprocal rank (Cormack,
// Clarke, Buettcher 2009).
#pragma once

#include <cstddef>
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

class Retriever {
 public:
  // `embedder`: nullptr for words alone. Loads the vectors. Throws Error(usage) where the knowledge base has none, or another model's.
  Retriever(KnowledgeBase& base, TextEmbedder* embedder);

  KnowledgeBase& base() { return base_; }
  bool has_vectors() const { return embedder_ != nullptr; }
  // The best first; fewer where fewer have anything of the question. `how` is words alone without an embedder.
  std::vector<Retrieved> retrieve(const std::string& question, size_t count, Retrieval how = Retrieval::both);

  // The same with the question's vector at hand (empty: none).
  std::vector<Retrieved> retrieve(const std::string& question, std::span<const float> vector, size_t count,
                                  Retrieval how);

 private:
  KnowledgeBase& base_;
  TextEmbedder* embedder_;
};

}  // namespace thimble
