#include "knowledge/indexer.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "base/error.h"
#include "fetch/digest.h"

namespace thimble {
namespace {

namespace fs = std::filesystem;

constexpr size_t kEmbeddedTexts = 256;  // whose float vectors are in memory at once

struct File {
  std::string path;  // relative
  uint64_t bytes;
};

std::string sha256_of(std::string_view bytes) {
  Sha256 digest;
  digest.update(std::as_bytes(std::span(bytes)));
  return digest.hex();
}

// What the document is called: its first heading, and the title that it names.
std::string title_of(const Document& document) {
  const auto heading = std::ranges::find(document.blocks, BlockKind::heading, &Block::kind);
  return heading == document.blocks.end() ? document.title : document.title + " " + heading->pieces[0].text;
}

class IndexRun {
 public:
  IndexRun(KnowledgeBase& base, const std::string& folder, TextEmbedder* embedder, const IndexOptions& options,
           const IndexProgress& progress)
      : base_(base), folder_(folder), embedder_(embedder), options_(options), progress_(progress) {}

  IndexReport run() {
    settle_embedding();
    list_files();
    base_.set_complete(false);
    std::set<std::string> gone = base_.paths();
    for (const File& file : files_) {
      progress_(done_, total_, kept_);
      if (take(file)) gone.erase(file.path);
      done_ += file.bytes;
    }
    for (const std::string& path : gone) base_.remove(path);
    report_.removed = gone.size();
    base_.set_complete(true);
    progress_(done_, total_, kept_);
    std::ranges::sort(report_.skipped, {}, &Skipped::path);
    return std::move(report_);
  }

 private:
  void settle_embedding() {
    const std::optional<EmbeddingIdentity> stored = base_.embedding();
    if (embedder_ != nullptr) return base_.set_embedding(embedder_->identity());
    if (stored) {
      fail(ExitCode::usage, "{}: has vectors of {}; give it with --embed-model, or name another file with -o",
           printable(base_.path()), printable(stored->name));
    }
  }

  void list_files() {
    FolderFiles found = files_of_folder(folder_);
    report_.skipped = std::move(found.skipped);
    std::error_code error;
    const fs::path own = fs::weakly_canonical(base_.path(), error);
    for (std::string& path : found.paths) {
      const fs::path whole = fs::path(folder_) / path;
      const fs::path canonical = fs::weakly_canonical(whole, error);
      if (canonical == own || canonical == own.native() + "-journal") continue;
      const uintmax_t size = fs::file_size(whole, error);
      files_.push_back({std::move(path), error ? 0 : size});
      total_ += files_.back().bytes;
    }
  }

  // False where it is left out.
  bool take(const File& file) {
    try {
      const FileContents contents =
          read_contents((fs::path(folder_) / file.path).native(), options_.reading.most_bytes);
      StoredDocument stored{file.path, sha256_of(contents.bytes), {}, contents.bytes.size(), contents.modified, false};
      const std::optional<KnowledgeBase::Known> known = base_.find(file.path);
      if (known && known->sha256 == stored.sha256 && (embedder_ == nullptr || known->has_vectors)) {
        ++report_.unchanged;
        kept_ += file.bytes;
        return true;
      }
      const Document document = read_document(file.path, contents.bytes, options_.reading);
      const std::vector<Chunk> chunks = make_chunks(document, options_.chunking);
      if (chunks.empty()) throw Unreadable("no text in it");
      stored.has_pages = document.has_pages;
      stored.title = title_of(document);
      base_.put(stored, chunks, embedder_ == nullptr ? DocumentVectors() : embed(chunks, file.bytes));
      ++report_.written;
      report_.chunks_written += chunks.size();
      return true;
    } catch (const Unreadable& reason) {
      report_.skipped.push_back({printable(file.path), reason.what(), reason.is_expected});
      return false;
    }
  }

  // In parts, so that few vectors are floats at once. All scales come first in what is stored, so the parts are put
  // together.
  DocumentVectors embed(const std::vector<Chunk>& chunks, uint64_t bytes) {
    DocumentVectors vectors;
    std::vector<std::byte> elements;
    std::vector<std::string> texts;
    const auto finish_part = [&](size_t chunks_done) {
      const std::vector<float> part = embedder_->embed(texts, [&](size_t) {
        progress_(done_ + bytes * chunks_done / chunks.size(), total_, kept_);
        return true;
      });
      const std::vector<std::byte> packed = pack_vectors(part, embedder_->width());
      const auto middle = packed.begin() + static_cast<ptrdiff_t>(texts.size() * sizeof(float));
      vectors.packed.insert(vectors.packed.end(), packed.begin(), middle);
      elements.insert(elements.end(), middle, packed.end());
      texts.clear();
    };
    for (size_t i = 0; i < chunks.size(); ++i) {
      for (std::string& passage : passages_of(chunks[i], options_.vectors_of_chunk)) {
        texts.push_back(std::move(passage));
        vectors.chunks.push_back(static_cast<uint32_t>(i));
      }
      if (texts.size() >= kEmbeddedTexts || i + 1 == chunks.size()) finish_part(i);
    }
    vectors.packed.insert(vectors.packed.end(), elements.begin(), elements.end());
    return vectors;
  }

  KnowledgeBase& base_;
  const std::string& folder_;
  TextEmbedder* embedder_;
  const IndexOptions& options_;
  const IndexProgress& progress_;
  std::vector<File> files_;
  uint64_t done_ = 0, total_ = 0, kept_ = 0;
  IndexReport report_;
};

}  // namespace

IndexReport index_folder(KnowledgeBase& base, const std::string& folder, TextEmbedder* embedder,
                         const IndexOptions& options, const IndexProgress& progress) {
  return IndexRun(base, folder, embedder, options, progress).run();
}

}  // namespace thimble
