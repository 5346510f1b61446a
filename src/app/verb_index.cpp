#include <algorithm>
#include <chrono>
#include <filesystem>

#include "app/embedding_model.h"
#include "app/interrupt.h"
#include "app/progress_bar.h"
#include "app/verbs.h"
#include "knowledge/indexer.h"

namespace thimble {
namespace {

constexpr size_t kSkippedShown = 20;

class Index : public Command {
 public:
  void declare(OptionTable& options) override {
    options.heading("Documents");
    options.text("DIR", "DIR", folder_, "Folder with Markdown, text, HTML, PDF, CSV and log files").required().path();
    options.text("-o,--output", "FILE", out_, "The knowledge base to write, or to bring up to date").required().path();
    embedding_.declare(options, "Encoder that makes the chunks' vectors; without one, ask searches by words alone");
    options.integer("--vectors-per-chunk", vectors_, 1, static_cast<int64_t>(kMostPassages),
                    "At most; fewer take less memory and find less, in documents that are new or changed");
    options.size("--max-file-size", most_bytes_, "Leave out larger files").by_default("64MiB");
    options.heading("Machine and memory");
    context_.declare_machine(options);
    context_.declare_memory_limit(options);
    output_.declare(options);
  }

  ExitCode run(Console& console) override {
    const auto start = std::chrono::steady_clock::now();
    std::error_code error;
    if (!std::filesystem::is_directory(folder_, error)) {
      fail(ExitCode::bad_file, "{}: expected a folder with documents, found none", printable(folder_));
    }
    std::optional<EmbeddingModel> model;
    if (embedding_.path) {
      Preflight preflight = EmbeddingModel::preflight(*embedding_.path, context_);
      preflight.require_fit(kKnowledgeBaseBytes);
      preflight.require_no_input(out_);
      model.emplace(std::move(preflight), context_);
      model->runtime().note_setup(console, output_.verbose);
    }
    KnowledgeBase base(out_, Database::Mode::create);
    IndexOptions options;
    options.vectors_of_chunk = static_cast<size_t>(vectors_);
    if (most_bytes_) options.reading.most_bytes = *most_bytes_;
    ProgressBar progress(console, "indexing", "bytes");
    const IndexReport report = index_folder(base, folder_, model ? &model->embedder() : nullptr, options,
                                            [&](uint64_t done, uint64_t total, uint64_t kept) {
                                              stop_if_interrupted();
                                              progress.update(done, total, kept);
                                            });
    progress.finish();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    if (output_.json) {
      console.print_json(report_json(base, report, seconds.count()));
    } else {
      print(console, base, report, seconds.count());
    }
    const bool is_whole =
        std::ranges::all_of(report.skipped, [](const Skipped& skipped) { return skipped.is_expected; });
    return is_whole ? ExitCode::done : ExitCode::bad_file;
  }

 private:
  static nlohmann::ordered_json report_json(KnowledgeBase& base, const IndexReport& report, double seconds) {
    nlohmann::ordered_json skipped = nlohmann::ordered_json::array();
    for (const Skipped& file : report.skipped) {
      skipped.push_back({{"path", file.path}, {"reason", file.reason}, {"expected", file.is_expected}});
    }
    const std::optional<EmbeddingIdentity> embedding = base.embedding();
    return {{"out", base.path()},
            {"documents", base.document_count()},
            {"chunks", base.chunk_count()},
            {"written", report.written},
            {"unchanged", report.unchanged},
            {"removed", report.removed},
            {"skipped", std::move(skipped)},
            {"embedding", embedding ? nlohmann::ordered_json(embedding->name) : nlohmann::ordered_json()},
            {"seconds", seconds},
            {"bytes", base.file_bytes()}};
  }

  void print(Console& console, KnowledgeBase& base, const IndexReport& report, double seconds) const {
    const std::optional<EmbeddingIdentity> embedding = base.embedding();
    console.print(fmt::format("{:<12}{}\n", "file", printable(out_)));
    console.print(fmt::format("{:<12}{} ({} written, {} unchanged, {} removed)\n", "documents", base.document_count(),
                              report.written, report.unchanged, report.removed));
    console.print(fmt::format("{:<12}{}\n", "chunks", base.chunk_count()));
    console.print(
        fmt::format("{:<12}{}\n", "vectors", embedding ? printable(embedding->name) : "none: search by words alone"));
    console.print(fmt::format("{:<12}{:.1f} MB\n", "size", static_cast<double>(base.file_bytes()) / 1e6));
    console.print(fmt::format("{:<12}{:.1f} s\n", "time", seconds));
    console.print(fmt::format("{:<12}{}\n", "left out", report.skipped.size()));
    for (size_t i = 0; i < std::min(report.skipped.size(), kSkippedShown); ++i) {
      console.note("left out: {}: {}", report.skipped[i].path, report.skipped[i].reason);
    }
    if (report.skipped.size() > kSkippedShown)
      console.note("and {} more; --json has all", report.skipped.size() - kSkippedShown);
  }

  std::string folder_;
  std::string out_;
  EmbeddingOption embedding_;
  int64_t vectors_ = static_cast<int64_t>(kMostPassages);
  std::optional<uint64_t> most_bytes_;
  ContextOptions context_;
  OutputOptions output_;
};

constexpr Example kExamples[] = {
    {"index manuals -o kb.db", "A folder of manuals, to be searched by words"},
    {"index manuals -o kb.db --embed-model minilm-q8_0.gguf", "By words and by meaning"},
    {"index manuals -o kb.db --embed-model minilm-q8_0.gguf --json",
     "The same command again takes up what has changed"},
};

}  // namespace

extern const Verb kIndex;
const Verb kIndex{"index", "Make a knowledge base of a folder of documents", kExamples, make_command<Index>};

}  // namespace thimble
