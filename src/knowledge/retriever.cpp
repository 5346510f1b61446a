#include "knowledge/retriever.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>

#include "base/error.h"
#include "base/utf8.h"
#include "knowledge/search_words.h"

namespace thimble {
namespace {

constexpr size_t kFusedChunks = 50;        // of each list
constexpr double kRankConstant = 4;        // less than the paper's 60: among few chunks the first ranks say more
constexpr double kVectorWeight = 0.85;     // of a list by meaning beside one by words
constexpr size_t kLongestQuestion = 4096;  // bytes that are searched for
constexpr size_t kMostNamed = 8;           // documents that a word may name; one that names more names none
constexpr size_t kMostCounted = 2000;      // chunks with a word: one in more tells little
constexpr size_t kNamedPart = 4;           // and no more than one in so many of all

struct Candidate {
  double score = 0;
  std::optional<double> bm25, cosine;
};

class Fusion {
 public:
  void add(const std::vector<ScoredChunk>& found, double weight, std::optional<double> Candidate::*kind = nullptr) {
    double rank = 0;
    for (const ScoredChunk& hit : found) {
      Candidate& candidate = candidates_[hit.id];
      candidate.score += weight / (kRankConstant + ++rank);
      if (kind != nullptr) candidate.*kind = hit.score;
    }
  }

  // Ties by chunk.
  std::vector<std::pair<int64_t, Candidate>> best(size_t count) const {
    std::vector<std::pair<int64_t, Candidate>> ranked(candidates_.begin(), candidates_.end());
    std::ranges::stable_sort(ranked, std::greater(), [](const auto& entry) { return entry.second.score; });
    if (ranked.size() > count) ranked.resize(count);
    return ranked;
  }

 private:
  std::map<int64_t, Candidate> candidates_;
};

// The rest stays as it was written: an encoder reads sentences. The whole where nothing else is left.
std::string without_names(const std::string& text, const std::set<std::string>& names) {
  std::string rest;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(' ', at), text.size());
    const std::string_view part = std::string_view(text).substr(at, end - at);
    const std::vector<std::string> words = words_of_text(part);
    if (words.size() != 1 || !names.contains(words[0])) {
      rest += part;
      rest += ' ';
    } else if (part.ends_with('?') || part.ends_with(',')) {
      rest += part.back();
      rest += ' ';
    }
    at = end + 1;
  }
  return words_of_text(rest).empty() ? text : rest;
}

}  // namespace

std::string_view name_of(Retrieval retrieval) {
  switch (retrieval) {
    case Retrieval::words: return "lexical";
    case Retrieval::vectors: return "vector";
    case Retrieval::both: return "hybrid";
  }
  return {};
}

Retriever::Retriever(KnowledgeBase& base, TextEmbedder* embedder) : base_(base), embedder_(embedder) {
  if (embedder == nullptr) return;
  const std::optional<EmbeddingIdentity> stored = base.embedding();
  const std::string file = printable(base.path());
  if (!stored)
    fail(ExitCode::usage, "--embed-model: {} has no vectors; index it with the same --embed-model, or leave it out",
         file);
  const EmbeddingIdentity ours = embedder->identity();
  if (stored->hash != ours.hash || stored->width != ours.width) {
    fail(ExitCode::usage,
         "--embed-model: {} was indexed with {} (sha256 {:.12}), found {} (sha256 {:.12}); give that model, or index "
         "again",
         file, printable(stored->name), printable(stored->hash), printable(ours.name), ours.hash);
  }
  base.load_vectors();
}

Retriever::Query Retriever::take_apart(const std::string& question) {
  const std::lock_guard lock(mutex_);
  Query query;
  query.text = to_valid_utf8(std::string_view(question).substr(0, kLongestQuestion));
  query.words = search_words(query.text);
  query.rare_words = rare_words(query.words);
  const size_t most = std::clamp<size_t>(base_.document_count() / kNamedPart, 1, kMostNamed);
  std::set<std::string> names;
  std::set<int64_t> documents;
  for (const std::string& word : query.words) {
    const std::vector<int64_t> named = base_.documents_named(word, most + 1);
    if (named.empty() || named.size() > most) continue;
    names.insert(word);
    documents.insert(named.begin(), named.end());
  }
  for (const std::string& word : query.words) {
    if (!names.contains(word)) query.words_without_names.push_back(word);
  }
  if (query.words_without_names.empty()) query.words_without_names = query.words;
  query.text_without_names = without_names(query.text, names);
  if (documents.size() > kMostNamed) return query;
  for (const int64_t document : documents) query.documents.push_back(base_.chunks_of(document));
  return query;
}

// Words that very many chunks have cost the most time and tell the least. Where all are such, all stay.
std::vector<std::string> Retriever::rare_words(const std::vector<std::string>& words) {
  if (base_.chunk_count() <= kMostCounted) return words;
  std::vector<std::string> rare;
  for (const std::string& word : words) {
    if (base_.chunks_with(word, kMostCounted) < kMostCounted) rare.push_back(word);
  }
  return rare.empty() ? words : rare;
}

double Retriever::weight_of(const std::string& word) {
  const std::lock_guard lock(mutex_);
  const auto chunks = static_cast<double>(base_.chunk_count()),
             with = static_cast<double>(base_.chunks_with(word, kMostCounted));
  return std::log(1 + (chunks - with + 0.5) / (with + 0.5));
}

std::vector<Retrieved> Retriever::retrieve(const std::string& question, size_t count, Retrieval how) {
  const std::lock_guard lock(mutex_);
  const Query query = take_apart(question);
  std::vector<float> vectors;
  if (embedder_ != nullptr && how != Retrieval::words) {
    const std::array texts = {query.text, query.text_without_names};
    vectors = embedder_->embed(texts);
  }
  return retrieve(query, vectors, count, how);
}

std::vector<Retrieved> Retriever::retrieve(const Query& query, std::span<const float> vectors, size_t count,
                                           Retrieval how) {
  const std::lock_guard lock(mutex_);
  Fusion fusion;
  const size_t depth = std::max(kFusedChunks, count);
  if (how != Retrieval::vectors || vectors.empty()) {
    fusion.add(base_.search_words(full_text_query(query.rare_words), depth), 1, &Candidate::bm25);
    const std::string rest = full_text_query(query.words_without_names);
    for (const ChunkRange& document : query.documents) fusion.add(base_.search_words(rest, depth, document), 1);
  }
  if (!vectors.empty()) {
    const auto whole = vectors.first(vectors.size() / 2), rest = vectors.last(vectors.size() / 2);
    fusion.add(base_.search_vectors(whole, depth), kVectorWeight, &Candidate::cosine);
    for (const ChunkRange& document : query.documents)
      fusion.add(base_.search_vectors(rest, depth, document), kVectorWeight);
  }
  std::vector<Retrieved> found;
  for (const auto& [id, candidate] : fusion.best(count)) {
    found.push_back({base_.chunk(id), candidate.score, candidate.bm25, candidate.cosine});
  }
  return found;
}

}  // namespace thimble
