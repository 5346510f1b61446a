// A folder into a knowledge base: only what has changed is done again, a run that is killed at any moment is finished by
// the next.
#include "knowledge/indexer.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "knowledge/retriever.h"
#include "support/temp_file.h"
#include "support/tiny_cases.h"

namespace thimble {
namespace {

namespace fs = std::filesystem;

class Indexer : public testing::Test {
 protected:
  void SetUp() override { fs::create_directories(documents_); }

  void write(const std::string& name, std::string_view text) const { test::write_file(documents_ + "/" + name, text); }

  IndexReport index(
      TextEmbedder* embedder = nullptr, const IndexProgress& progress = [](uint64_t, uint64_t, uint64_t) {}) const {
    KnowledgeBase base(path_, Database::Mode::create);
    return index_folder(base, documents_, embedder, {}, progress);
  }

  static std::string reason(const IndexReport& report, const std::string& path) {
    const auto found = std::ranges::find(report.skipped, path, &Skipped::path);
    return found == report.skipped.end() ? "" : found->reason;
  }

  // Everything that can be asked for, without ids and times.
  std::string contents() const {
    Database database(path_, Database::Mode::read);
    std::string all;
    Statement rows = database.prepare(
        "SELECT path, sha256, section_path, text, first, coalesce(hex(data), '') FROM chunk JOIN document ON "
        "document.id = chunk.document "
        "LEFT JOIN vector ON vector.document = document.id ORDER BY path, chunk.id");
    while (rows.step()) {
      for (int i = 0; i < 6; ++i) all += std::string(rows.text(i)) + "\n";
    }
    database.run("INSERT INTO word(word, rank) VALUES('integrity-check', 1)");
    database.run("INSERT INTO name(name, rank) VALUES('integrity-check', 1)");
    return all;
  }

  test::TempFolder folder_;
  std::string documents_ = folder_ / "documents";
  std::string path_ = folder_ / "kb.db";
};

// A small random encoder.
class TinyEncoder {
 public:
  explicit TinyEncoder(const std::string& path) {
    const ArchSpec& bert = find_architecture("bert", "test");
    test::TinyModel tiny = test::tiny_of(bert);
    tiny.adjust = [](Hyperparameters& h) { h.pooling_type = static_cast<uint32_t>(Pooling::mean); };
    test::write_tiny_model(bert, tiny, path);
    loaded_.emplace(LanguageModel::load(std::make_unique<const Gguf>(Gguf::open(path)), {}));
    SessionOptions options;
    options.kv.context_length = 128;
    embedder_.emplace(*loaded_, select_kernels("auto"), team_, embedding_options(loaded_->model(), options));
  }
  TextEmbedder& operator*() { return *embedder_; }
  TextEmbedder* get() { return &*embedder_; }

 private:
  Team team_{1};
  std::optional<LanguageModel> loaded_;
  std::optional<TextEmbedder> embedder_;
};

TEST_F(Indexer, OnlyWhatHasChangedIsDoneAgain) {
  write("a.md", "# A\none");
  write("b.txt", "two");
  fs::create_directories(documents_ + "/deep/er");
  write("deep/er/c.csv", "x,y\n1,2\n");
  IndexReport report = index();
  EXPECT_EQ(report.written, 3u);
  EXPECT_TRUE(report.skipped.empty());
  const std::string before = contents();
  report = index();
  EXPECT_EQ(report.written, 0u);
  EXPECT_EQ(report.unchanged, 3u);
  EXPECT_EQ(contents(), before);
  fs::last_write_time(documents_ + "/a.md", fs::file_time_type::clock::now());  // the time is not the text
  write("b.txt", "changed");
  fs::remove(documents_ + "/deep/er/c.csv");
  report = index();
  EXPECT_EQ(report.written, 1u);
  EXPECT_EQ(report.unchanged, 1u);
  EXPECT_EQ(report.removed, 1u);
  KnowledgeBase base(path_, Database::Mode::read);
  EXPECT_TRUE(base.is_complete());
  EXPECT_EQ(base.paths(), (std::set<std::string>{"a.md", "b.txt"}));
}

TEST_F(Indexer, WhatCannotBeReadIsNamedAndTheRestIsThere) {
  write("good.md", "# A\none");
  write("empty.md", "");
  write("broken.pdf", "%PDF-1.7\nno");
  write("picture.png", std::string("\x89PNG\0\0", 6));
  write("odd\xff.txt", "x");
  fs::create_directory_symlink(documents_, documents_ + "/loop");
  fs::create_symlink("nowhere", documents_ + "/dangling.md");
  fs::create_symlink("good.md", documents_ + "/link.md");
  ASSERT_EQ(::mkfifo((documents_ + "/pipe.txt").c_str(), 0600), 0);
  std::ofstream(documents_ + "/huge.txt").seekp(200 << 20).put('x');
  const IndexReport report = index();
  EXPECT_EQ(report.written, 2u);
  EXPECT_EQ(reason(report, "empty.md"), "empty");
  EXPECT_EQ(reason(report, "broken.pdf"), "broken PDF");
  EXPECT_EQ(reason(report, "picture.png"), "binary");
  EXPECT_EQ(reason(report, "odd\\xff.txt"), "its name is no UTF-8");
  EXPECT_EQ(reason(report, "loop"), "a link to a folder");
  EXPECT_EQ(reason(report, "dangling.md"), "a link that leads nowhere");
  EXPECT_EQ(reason(report, "pipe.txt"), "no regular file");
  EXPECT_EQ(reason(report, "huge.txt"), "201 MB; 64 MB is the limit");
  EXPECT_EQ(std::ranges::count(report.skipped, true, &Skipped::is_expected), 2)
      << "the picture and the link to a folder";
  KnowledgeBase base(path_, Database::Mode::read);
  EXPECT_EQ(base.paths(), (std::set<std::string>{"good.md", "link.md"}));
  EXPECT_THROW(files_of_folder(folder_ / "none"), Error);
}

TEST_F(Indexer, TheKnowledgeBaseIsNoDocumentOfItsFolder) {
  path_ = documents_ + "/kb.db";
  write("a.md", "one");
  EXPECT_TRUE(index().skipped.empty());
  EXPECT_TRUE(index().skipped.empty());
}

TEST_F(Indexer, VectorsAreMadeWhereTheyAreMissingAndAskedForByTheSameModelOnly) {
  TinyEncoder encoder(folder_ / "one.gguf");
  write("a.md", "# A\none");
  write("b.md", "# B\ntwo");
  EXPECT_EQ(index().written, 2u);
  EXPECT_EQ(index(encoder.get()).written, 2u) << "there were no vectors";
  EXPECT_EQ(index(encoder.get()).unchanged, 2u);
  EXPECT_THROW(index(), Error) << "vectors would become stale";
  KnowledgeBase base(path_, Database::Mode::read);
  Retriever retriever(base, encoder.get());
  const std::vector<Retrieved> found = retriever.retrieve("A\none", 2, Retrieval::vectors);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_TRUE(found[0].cosine && !found[0].bm25);
  EXPECT_TRUE(retriever.retrieve("one", 1, Retrieval::both)[0].bm25);
  // Another file of the same width.
  std::string bytes = test::read_file(folder_ / "one.gguf");
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  test::write_file(folder_ / "two.gguf", bytes);
  auto other = LanguageModel::load(std::make_unique<const Gguf>(Gguf::open(folder_ / "two.gguf")), {});
  Team team(1);
  SessionOptions options;
  options.kv.context_length = 128;
  TextEmbedder embedder(other, select_kernels("auto"), team, embedding_options(other.model(), options));
  try {
    Retriever(base, &embedder);
    ADD_FAILURE() << "taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    EXPECT_NE(std::string(error.what()).find("was indexed with one.gguf"), std::string::npos) << error.what();
  }
}

// The run is a child that ends itself by SIGKILL between files and between batches of vectors; and that is killed from
// outside at odd moments.
TEST_F(Indexer, AKilledRunIsFinishedByTheNext) {
  TinyEncoder encoder(folder_ / "one.gguf");
  for (int i = 0; i < 6; ++i) {
    std::string text;
    for (int j = 0; j < 20; ++j) text += "# S" + std::to_string(j) + "\ntext " + std::to_string(i * j) + "\n";
    write("d" + std::to_string(i) + ".md", text);
  }
  index(encoder.get());
  const std::string whole = contents();
  for (int round = 0; round < 16; ++round) {
    fs::remove(path_);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      int calls = 0;
      TinyEncoder own(folder_ / "child.gguf");
      index(own.get(), [&](uint64_t, uint64_t, uint64_t) {
        if (round < 11 && ++calls > round) ::raise(SIGKILL);
        if (round >= 11) ::usleep(2000);
      });
      ::_exit(0);
    }
    if (round >= 11) {
      ::usleep(static_cast<useconds_t>(20'000 + (round - 11) * 8'000));
      ::kill(child, SIGKILL);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    if (fs::exists(path_) && round > 3) {
      KnowledgeBase base(path_, Database::Mode::create);  // sound as it is
      EXPECT_FALSE(base.is_complete() && base.document_count() < 6);
    }
    index(encoder.get());
    EXPECT_EQ(contents(), whole) << "round " << round;
  }
}

}  // namespace
}  // namespace thimble
