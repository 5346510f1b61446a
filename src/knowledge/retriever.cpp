#include "knowledge/retriever.h"

#include <algorithm>
#include <map>

#include "base/error.h"
#include "knowledge/search_words.h"

namespace thimble {
namespace {

constexpr size_t kFusedChunks = 50;         // of each list that are fused
constexpr double kRankConstant = 10;       // less than the paper's 60: among few chunks the first ranks say more
constexpr size_t kLongestQuestion = 4096;  // bytes that are searched for

struct Candidate {
  double score = 0;
  std::optional<double> bm25, cosine;
};

void fuse(std::map<int64_t, Candidate>& candidates, const std::vector<ScoredChunk>& found,
          std::optional<double> Candidate::*kind) {
  double rank = 0;
  for (const ScoredChunk& hit : found) {
    Candidate& candidate = candidates[hit.id];
    candidate.score += 1 / (kRankConstant + ++rank);
    candidate.*kind = hit.score;
  }
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

std::vector<Retrieved> Retriever::retrieve(const std::string& question, size_t count, Retrieval how) {
  const bool by_vector = embedder_ != nullptr && how != Retrieval::words;
  const std::string text = question.substr(0, kLongestQuestion);
  return retrieve(question, by_vector ? embedder_->embed({&text, 1}) : std::vector<float>(), count, how);
}

std::vector<Retrieved> Retriever::retrieve(const std::string& question, std::span<const float> vector, size_t count,
                                           Retrieval how) {
  std::map<int64_t, Candidate> candidates;
  const size_t depth = std::max(kFusedChunks, count);
  if (how != Retrieval::vectors || vector.empty()) {
    const std::vector<std::string> words = search_words(std::string_view(question).substr(0, kLongestQuestion));
    fuse(candidates, base_.search_words(full_text_query(words), depth), &Candidate::bm25);
  }
  if (!vector.empty()) fuse(candidates, base_.search_vectors(vector, depth), &Candidate::cosine);
  std::vector<std::pair<int64_t, Candidate>> ranked(candidates.begin(), candidates.end());
  std::ranges::stable_sort(ranked, std::greater(), [](const auto& entry) { return entry.second.score; });
  if (ranked.size() > count) ranked.resize(count);
  std::vector<Retrieved> found;
  for (const auto& [id, candidate] : ranked) {
    found.push_back({base_.chunk(id), candidate.score, candidate.bm25, candidate.cosine});
  }
  return found;
}

}  // namespace thimble
