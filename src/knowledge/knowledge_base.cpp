#include "knowledge/knowledge_base.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "knowledge/knowledge_schema.h"
#include "knowledge/search_words.h"

namespace thimble {
namespace {

constexpr size_t kWidest = 16384;
constexpr size_t kMostVectors = 20'000'000;

std::string name_without_ending(const std::string& path) {
  const size_t dot = path.rfind('.');
  const bool is_ending = dot != std::string::npos && path.find('/', dot) == std::string::npos;
  return is_ending ? path.substr(0, dot) : path;
}

}  // namespace

KnowledgeBase::KnowledgeBase(const std::string& path, Database::Mode mode) : database_(path, mode) {
  database_.run("PRAGMA cache_size = -8000");
  const bool is_new =
      database_.integer("SELECT count(*) FROM sqlite_schema") == 0 && database_.integer("PRAGMA application_id") == 0;
  if (is_new && mode == Database::Mode::create) create_schema(database_);
  if (is_new && mode == Database::Mode::read) {
    fail(ExitCode::bad_file, "{}: empty; `thimble index` makes a knowledge base of it", printable(path));
  }
  check_schema(database_);
  if (mode == Database::Mode::read) return;
  Statement check_all = database_.prepare("PRAGMA quick_check(1)");
  if (!check_all.step() || check_all.text(0) != "ok") {
    fail(ExitCode::bad_file, "{}: damaged ({}); delete it and run `thimble index` again", printable(path),
         printable(check_all.text(0)));
  }
}

std::optional<EmbeddingIdentity> KnowledgeBase::embedding() {
  EmbeddingIdentity identity;
  Statement properties = database_.prepare("SELECT name, value FROM property");
  while (properties.step()) {
    const std::string value(properties.text(1));
    if (properties.text(0) == "embedding_name") identity.name = value;
    if (properties.text(0) == "embedding_hash") identity.hash = value;
    if (properties.text(0) == "embedding_width") {
      const bool is_number =
          !value.empty() && value.size() < 6 && value.find_first_not_of("0123456789") == std::string::npos;
      identity.width = is_number ? std::stoul(value) : 0;
    }
  }
  if (identity.hash.empty()) return std::nullopt;
  if (identity.width == 0 || identity.width > kWidest) {
    fail(ExitCode::bad_file, "{}: damaged (width of its vectors); delete it and run `thimble index` again",
         printable(path()));
  }
  return identity;
}

void KnowledgeBase::set_embedding(const EmbeddingIdentity& identity) {
  Transaction transaction(database_);
  if (embedding() != identity) database_.run("DELETE FROM vector");
  Statement put = database_.prepare("INSERT OR REPLACE INTO property VALUES(?, ?)");
  const std::string width = std::to_string(identity.width);
  put.bind(std::string_view("embedding_name")).bind(std::string_view(identity.name)).run();
  put.bind(std::string_view("embedding_width")).bind(std::string_view(width)).run();
  put.bind(std::string_view("embedding_hash")).bind(std::string_view(identity.hash)).run();
  transaction.commit();
}

bool KnowledgeBase::is_complete() {
  return database_.integer("SELECT value = 'yes' FROM property WHERE name = 'complete'") == 1;
}

void KnowledgeBase::set_complete(bool is_complete) {
  Statement put = database_.prepare("INSERT OR REPLACE INTO property VALUES('complete', ?)");
  put.bind(std::string_view(is_complete ? "yes" : "no")).run();
}

size_t KnowledgeBase::document_count() {
  return static_cast<size_t>(database_.integer("SELECT count(*) FROM document"));
}
size_t KnowledgeBase::chunk_count() { return static_cast<size_t>(database_.integer("SELECT count(*) FROM chunk")); }

uint64_t KnowledgeBase::file_bytes() {
  return static_cast<uint64_t>(database_.integer("PRAGMA page_count") * database_.integer("PRAGMA page_size"));
}

std::set<std::string> KnowledgeBase::paths() {
  std::set<std::string> paths;
  Statement rows = database_.prepare("SELECT path FROM document");
  while (rows.step()) paths.emplace(rows.text(0));
  return paths;
}

std::optional<KnowledgeBase::Known> KnowledgeBase::find(const std::string& path) {
  Statement row = database_.prepare(
      "SELECT sha256, EXISTS(SELECT 1 FROM vector WHERE vector.document = document.id) FROM document WHERE path = ?");
  row.bind(std::string_view(path));
  if (!row.step()) return std::nullopt;
  return Known{std::string(row.text(0)), row.integer(1) == 1};
}

void KnowledgeBase::erase_document(std::string_view path) {
  // An index over another table's texts is told the texts that go.
  constexpr std::string_view kErase[] = {
      "INSERT INTO word(word, rowid, heading, text) SELECT 'delete', id, heading, text FROM chunk WHERE document = "
      "(SELECT id FROM document WHERE path = ?)",
      "DELETE FROM chunk WHERE document = (SELECT id FROM document WHERE path = ?)",
      "DELETE FROM vector WHERE document = (SELECT id FROM document WHERE path = ?)",
      "DELETE FROM name WHERE rowid = (SELECT id FROM document WHERE path = ?)", "DELETE FROM document WHERE path = ?"};
  for (const std::string_view sql : kErase) database_.prepare(sql).bind(path).run();
}

void KnowledgeBase::put(const StoredDocument& document, const std::vector<Chunk>& chunks,
                        const DocumentVectors& vectors) {
  Transaction transaction(database_);
  erase_document(document.path);
  database_.prepare("INSERT INTO document(path, sha256, size, modified, has_pages) VALUES(?, ?, ?, ?, ?)")
      .bind(std::string_view(document.path))
      .bind(std::string_view(document.sha256))
      .bind(static_cast<int64_t>(document.size))
      .bind(document.modified)
      .bind(static_cast<int64_t>(document.has_pages))
      .run();
  const int64_t id = database_.integer("SELECT last_insert_rowid()");
  const int64_t first = database_.integer("SELECT coalesce(max(id), 0) + 1 FROM chunk");
  const std::string name = name_without_ending(document.path) + " " + document.title;
  database_.prepare("INSERT INTO name(rowid, title) VALUES(?, ?)").bind(id).bind(std::string_view(name)).run();
  put_chunks(id, document, chunks, first);
  if (!vectors.chunks.empty()) {
    database_.prepare("INSERT INTO vector VALUES(?, ?, ?, ?, ?)")
        .bind(id)
        .bind(first)
        .bind(static_cast<int64_t>(vectors.chunks.size()))
        .bind(std::as_bytes(std::span(vectors.chunks)))
        .bind(std::span<const std::byte>(vectors.packed))
        .run();
  }
  transaction.commit();
}

void KnowledgeBase::put_chunks(int64_t document, const StoredDocument& stored, const std::vector<Chunk>& chunks,
                               int64_t first) {
  Statement put_chunk = database_.prepare("INSERT INTO chunk VALUES(?, ?, ?, ?, ?, ?, ?, ?)");
  Statement put_words = database_.prepare("INSERT INTO word(rowid, heading, text) VALUES(?, ?, ?)");
  for (const Chunk& chunk : chunks) {
    const std::string heading = name_without_ending(stored.path) + "\n" + chunk.section_path;
    put_chunk.bind(first).bind(document).bind(std::string_view(heading)).bind(std::string_view(chunk.section));
    put_chunk.bind(std::string_view(chunk.section_path)).bind(std::string_view(chunk.text));
    put_chunk.bind(static_cast<int64_t>(chunk.first)).bind(static_cast<int64_t>(chunk.last)).run();
    put_words.bind(first).bind(std::string_view(heading)).bind(std::string_view(chunk.text)).run();
    ++first;
  }
}

void KnowledgeBase::remove(const std::string& path) {
  Transaction transaction(database_);
  erase_document(path);
  transaction.commit();
}

std::vector<ScoredChunk> KnowledgeBase::search_words(const std::string& query, size_t count, ChunkRange among) {
  std::vector<ScoredChunk> found;
  if (query.empty()) return found;
  Statement rows = database_.prepare(
      "SELECT rowid, rank FROM word WHERE word MATCH ? AND rowid BETWEEN ? AND ? ORDER BY rank LIMIT ?");
  rows.bind(std::string_view(query)).bind(among.first).bind(among.last).bind(static_cast<int64_t>(count));
  while (rows.step()) found.push_back({rows.integer(0), -rows.real(1)});  // FTS5's best is the least
  return found;
}

std::vector<int64_t> KnowledgeBase::documents_named(const std::string& word, size_t most) {
  Statement rows = database_.prepare("SELECT rowid FROM name WHERE name MATCH ? LIMIT ?");
  const std::string query = full_text_query({word});
  rows.bind(std::string_view(query)).bind(static_cast<int64_t>(most));
  std::vector<int64_t> documents;
  while (rows.step()) documents.push_back(rows.integer(0));
  return documents;
}

ChunkRange KnowledgeBase::chunks_of(int64_t document) {
  Statement row = database_.prepare("SELECT coalesce(min(id), 0), coalesce(max(id), -1) FROM chunk WHERE document = ?");
  row.bind(document);
  return row.step() ? ChunkRange{row.integer(0), row.integer(1)} : ChunkRange{0, -1};
}

size_t KnowledgeBase::chunks_with(const std::string& word, size_t most) {
  Statement row = database_.prepare("SELECT count(*) FROM (SELECT 1 FROM word WHERE word MATCH ? LIMIT ?)");
  const std::string query = full_text_query({word});
  row.bind(std::string_view(query)).bind(static_cast<int64_t>(most));
  return row.step() ? static_cast<size_t>(row.integer(0)) : 0;
}

size_t KnowledgeBase::vector_count() {
  const int64_t count = database_.integer(
      "SELECT coalesce(sum(count), 0) FROM (SELECT min(max(count, 0), 1000000000) AS count FROM vector)");
  return static_cast<size_t>(count);
}

uint64_t KnowledgeBase::vector_bytes() {
  const std::optional<EmbeddingIdentity> identity = embedding();
  // No more than the file has: what it says is checked when it is read.
  return identity ? std::min(VectorTable::bytes(identity->width, vector_count()), 2 * file_bytes()) : 0;
}

void KnowledgeBase::load_vectors() {
  const std::optional<EmbeddingIdentity> identity = embedding();
  if (!identity) return;
  const auto refuse = [&] {
    fail(ExitCode::bad_file, "{}: damaged (vectors); delete it and run `thimble index` again", printable(path()));
  };
  const size_t count = vector_count();
  if (count > kMostVectors || VectorTable::bytes(identity->width, count) > 2 * file_bytes()) refuse();
  vectors_ = VectorTable(identity->width, count);
  Statement rows =
      database_.prepare("SELECT document, first_chunk, count, chunks, data FROM vector ORDER BY first_chunk");
  while (rows.step()) {
    const std::span<const std::byte> bytes = rows.blob(3);
    std::vector<uint32_t> chunks(bytes.size() / sizeof(uint32_t));
    std::memcpy(chunks.data(), bytes.data(), chunks.size() * sizeof(uint32_t));
    const ChunkRange range = chunks_of(rows.integer(0));
    const bool is_sound = bytes.size() == chunks.size() * sizeof(uint32_t) && !chunks.empty() &&
                          static_cast<int64_t>(chunks.size()) == rows.integer(2) && range.first == rows.integer(1) &&
                          range.first + chunks.back() <= range.last;
    if (!is_sound || !vectors_.add(range.first, chunks, rows.blob(4)) || vectors_.size() > count) refuse();
  }
}

std::vector<ScoredChunk> KnowledgeBase::search_vectors(std::span<const float> query, size_t count,
                                                       ChunkRange among) const {
  std::vector<ScoredChunk> found;
  for (const VectorTable::Hit& hit : vectors_.nearest(query, count, among.first, among.last))
    found.push_back({hit.chunk, hit.cosine});
  return found;
}

StoredChunk KnowledgeBase::chunk(int64_t id) {
  Statement row = database_.prepare(
      "SELECT path, has_pages, section, section_path, text, first, last FROM chunk JOIN document ON document.id = "
      "chunk.document "
      "WHERE chunk.id = ?");
  row.bind(id);
  if (!row.step()) {
    fail(ExitCode::bad_file, "{}: damaged (a chunk is missing); delete it and run `thimble index` again",
         printable(path()));
  }
  const auto number = [&](int column) {
    return static_cast<uint32_t>(std::clamp<int64_t>(row.integer(column), 0, UINT32_MAX));
  };
  return {id,
          std::string(row.text(0)),
          row.integer(1) != 0,
          {std::string(row.text(2)), std::string(row.text(3)), std::string(row.text(4)), number(5), number(6)}};
}

}  // namespace thimble
