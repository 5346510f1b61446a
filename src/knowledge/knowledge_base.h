// A knowledge base: one SQLite file with documents, their chunks, an FTS5 index over the chunks' words and, where they
// were embedded, their vectors. Every document is one transaction, so the file is sound whenever the writer ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "knowledge/chunker.h"
#include "knowledge/sqlite.h"
#include "knowledge/vector_table.h"

namespace thimble {

// Which model made the vectors. Only the same one makes questions that can be compared with them.
struct EmbeddingIdentity {
  std::string name;
  size_t width = 0;
  std::string hash;
  friend bool operator==(const EmbeddingIdentity&, const EmbeddingIdentity&) = default;
};

struct StoredDocument {
  std::string path;    // relative to the folder
  std::string sha256;  // of its bytes
  std::string title;
  uint64_t size = 0;
  int64_t modified = 0;  // nanoseconds
  bool has_pages = false;
};

struct StoredChunk {
  int64_t id = 0;
  std::string path;
  bool has_pages = false;  // first and last are pages, not lines
  Chunk chunk;
};

// Ids from first to last: a document's chunks follow each other.
struct ChunkRange {
  int64_t first = 0;
  int64_t last = INT64_MAX;
};

struct ScoredChunk {
  int64_t id;
  double score;  // BM25 or cosine: more is better
};

class KnowledgeBase {
 public:
  // Reads or, with Mode::create, makes and changes one. Throws Error(bad_file) for what is no knowledge base of ours,
  // which is left as it is, or is damaged, Error(failed) where another process holds it. A writer checks the whole file,
  // a reader what it reads.
  KnowledgeBase(const std::string& path, Database::Mode mode);

  const std::string& path() const { return database_.path(); }
  std::optional<EmbeddingIdentity> embedding();
  bool is_complete();  // the last run of `index` came to its end
  size_t document_count();
  size_t chunk_count();
  uint64_t file_bytes();

  // -- writing --
  void set_embedding(const EmbeddingIdentity& identity);
  void set_complete(bool is_complete);
  std::set<std::string> paths();
  struct Known {
    std::string sha256;
    bool has_vectors;
  };
  std::optional<Known> find(const std::string& path);
  // In place of what there was of it. `vectors`: of all chunks, or empty.
  void put(const StoredDocument& document, const std::vector<Chunk>& chunks, const DocumentVectors& vectors);
  void remove(const std::string& path);

  // -- reading --
  // `query`: as full_text_query() makes it; empty gives nothing.
  std::vector<ScoredChunk> search_words(const std::string& query, size_t count, ChunkRange among = {});
  // The cosines need load_vectors() first. `query` has length 1.
  std::vector<ScoredChunk> search_vectors(std::span<const float> query, size_t count, ChunkRange among = {}) const;
  void load_vectors();
  size_t vector_count();
  uint64_t vector_bytes();  // that load_vectors() will take
  StoredChunk chunk(int64_t id);
  // The documents whose path or title has the word, at most `most` of them.
  std::vector<int64_t> documents_named(const std::string& word, size_t most);
  ChunkRange chunks_of(int64_t document);
  size_t chunks_with(const std::string& word, size_t most);  // how many there are, counted up to `most`

 private:
  void erase_document(std::string_view path);
  void put_chunks(int64_t document, const StoredDocument& stored, const std::vector<Chunk>& chunks, int64_t first);

  Database database_;
  VectorTable vectors_;
};

// What is taken beside the vectors: SQLite's page cache, statements, a query's lists; libcrypto, which hashes.
inline constexpr uint64_t kKnowledgeBaseBytes = 18'000'000;

}  // namespace thimble
