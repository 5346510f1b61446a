// A folder into a knowledge base: what is new or changed is read, cut, embedded and put there, what is gone goes. A run
// that was ended is gone on with by the next.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "knowledge/chunker.h"
#include "knowledge/folder_files.h"
#include "knowledge/knowledge_base.h"
#include "knowledge/readers.h"
#include "knowledge/text_embedder.h"

namespace thimble {

struct IndexOptions {
  ReadLimits reading;
  ChunkLimits chunking;
  size_t vectors_of_chunk = kMostPassages;  // at most
};

struct IndexReport {
  size_t written = 0;  // documents that were new or changed
  size_t unchanged = 0;
  size_t removed = 0;
  size_t chunks_written = 0;
  std::vector<Skipped> skipped;
};

// Called between files and batches with bytes of files done and in all, and how many of the done were unchanged; may
// throw to stop.
using IndexProgress = std::function<void(uint64_t done, uint64_t total, uint64_t kept)>;

// `embedder`: nullptr for words alone. Throws Error(usage) where the base has vectors and no embedder is given.
IndexReport index_folder(KnowledgeBase& base, const std::string& folder, TextEmbedder* embedder,
                         const IndexOptions& options, const IndexProgress& progress);

}  // namespace thimble
