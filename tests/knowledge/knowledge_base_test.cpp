// The file: what is put there is found, what is taken away is not; what is no knowledge base, damaged or locked is
// refused in one line.
#include "knowledge/knowledge_base.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/error.h"
#include "knowledge/search_words.h"
#include "support/temp_file.h"

namespace thimble {
namespace {

using Mode = Database::Mode;

class KnowledgeBases : public testing::Test {
 protected:
  static void put(KnowledgeBase& base, const std::string& path, const std::string& text, bool with_vectors = false) {
    const std::vector<Chunk> chunks = {{"1 First", "Title > 1 First", text, 3, 4},
                                       {"2 Second", "Title > 2 Second", "more " + text, 5, 6}};
    const std::vector<float> vectors = {1, 0, 0, 1};
    StoredDocument document{path, "hash of " + text, "Title of " + path, text.size(), 5, false};
    base.put(document, chunks, with_vectors ? DocumentVectors{{0, 1}, pack_vectors(vectors, 2)} : DocumentVectors());
  }

  static size_t hits(KnowledgeBase& base, const std::string& words) {
    return base.search_words(full_text_query(search_words(words)), 100).size();
  }

  // The message of what opening it throws; empty where nothing.
  std::string refusal(ExitCode code, Mode mode = Mode::read) const {
    try {
      KnowledgeBase base(path_, mode);
      if (base.embedding()) base.load_vectors();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code) << error.what();
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
      EXPECT_NE(std::string(error.what()).find(path_), std::string::npos) << error.what();
      return error.what();
    }
    return {};
  }

  test::TempFolder folder_;
  std::string path_ = folder_ / "kb.db";
};

TEST_F(KnowledgeBases, WhatIsPutIsFoundUntilItIsReplacedOrRemoved) {
  KnowledgeBase base(path_, Mode::create);
  put(base, "pump.md", "tightening torque");
  put(base, "oven.md", "chain lubricator");
  EXPECT_EQ(base.document_count(), 2u);
  EXPECT_EQ(base.chunk_count(), 4u);
  EXPECT_EQ(hits(base, "tighten"), 2u) << "by the stem";
  EXPECT_EQ(hits(base, "pump"), 2u) << "by the path";
  const std::vector<ScoredChunk> found = base.search_words("\"lubricator\"", 1);
  ASSERT_EQ(found.size(), 1u);
  const StoredChunk chunk = base.chunk(found[0].id);
  EXPECT_EQ(chunk.path, "oven.md");
  EXPECT_EQ(chunk.chunk.section, "1 First");
  EXPECT_EQ(chunk.chunk.section_path, "Title > 1 First");
  EXPECT_EQ(chunk.chunk.first, 3u);
  put(base, "oven.md", "nitrogen valve");
  EXPECT_EQ(hits(base, "lubricator"), 0u);
  EXPECT_EQ(hits(base, "nitrogen"), 2u);
  EXPECT_EQ(base.find("oven.md")->sha256, "hash of nitrogen valve");
  EXPECT_FALSE(base.find("none.md"));
  base.remove("pump.md");
  EXPECT_EQ(hits(base, "tighten"), 0u);
  EXPECT_TRUE(base.documents_named("pump", 5).empty());
  EXPECT_EQ(base.documents_named("oven", 5).size(), 1u);
  EXPECT_EQ(base.paths(), std::set<std::string>{"oven.md"});
  Database(path_, Mode::write).run("INSERT INTO word(word, rank) VALUES('integrity-check', 1)");
}

TEST_F(KnowledgeBases, VectorsAreThoseOfTheModelThatIsNamed) {
  KnowledgeBase base(path_, Mode::create);
  base.set_embedding({"m.gguf", 2, "abc"});
  put(base, "a.md", "x", true);
  put(base, "b.md", "y", true);
  base.load_vectors();
  const float query[] = {0, 1};
  const std::vector<ScoredChunk> found = base.search_vectors(query, 2);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(base.chunk(found[0].id).chunk.section, "2 Second");
  EXPECT_NEAR(found[0].score, 1, 1e-6);
  const std::vector<int64_t> documents = base.documents_named("b", 5);
  ASSERT_EQ(documents.size(), 1u);
  for (const ScoredChunk& hit : base.search_vectors(query, 9, base.chunks_of(documents[0])))
    EXPECT_EQ(base.chunk(hit.id).path, "b.md");
  EXPECT_TRUE(base.find("a.md")->has_vectors);
  base.set_embedding({"m.gguf", 2, "abc"});
  EXPECT_TRUE(base.find("a.md")->has_vectors);
  base.set_embedding({"other.gguf", 2, "abd"});
  EXPECT_FALSE(base.find("a.md")->has_vectors) << "another model's vectors are of no use";
}

TEST_F(KnowledgeBases, OtherFilesAreRefusedAndLeftAlone) {
  test::write_file(path_, std::string(10'000, 'x'));
  EXPECT_NE(refusal(ExitCode::bad_file, Mode::create).find("another kind of file"), std::string::npos);
  EXPECT_EQ(test::read_file(path_), std::string(10'000, 'x'));
  std::filesystem::remove(path_);
  Database(path_, Mode::create).run("CREATE TABLE mine(x)");
  EXPECT_NE(refusal(ExitCode::bad_file, Mode::create).find("another kind of database"), std::string::npos);
  std::filesystem::remove(path_);
  EXPECT_NE(refusal(ExitCode::bad_file).find("cannot be opened"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(path_)) << "reading makes no file";
}

TEST_F(KnowledgeBases, ASchemaThatIsNotOursIsRefused) {
  for (const char* sql : {"CREATE TRIGGER t AFTER INSERT ON chunk BEGIN DELETE FROM chunk; END",
                          "CREATE VIEW v AS SELECT 1", "CREATE TABLE word_x(y)", "CREATE INDEX i ON chunk(text)"}) {
    std::filesystem::remove(path_);
    { KnowledgeBase base(path_, Mode::create); }
    Database(path_, Mode::write).run(sql);
    EXPECT_NE(refusal(ExitCode::bad_file).find("none of ours"), std::string::npos) << sql;
  }
  std::filesystem::remove(path_);
  { KnowledgeBase base(path_, Mode::create); }
  Database(path_, Mode::write).run("PRAGMA user_version = 99");
  EXPECT_NE(refusal(ExitCode::bad_file).find("another version"), std::string::npos);
}

TEST_F(KnowledgeBases, LockedByAnotherIsSaid) {
  KnowledgeBase base(path_, Mode::create);
  Database other(path_, Mode::write);
  other.run("BEGIN EXCLUSIVE");
  EXPECT_NE(refusal(ExitCode::failed).find("locked by another process"), std::string::npos);
  other.run("ROLLBACK");
  EXPECT_EQ(refusal(ExitCode::failed), "");
}

TEST_F(KnowledgeBases, VectorsThatLieAreRefused) {
  {
    KnowledgeBase base(path_, Mode::create);
    base.set_embedding({"m.gguf", 2, "abc"});
    put(base, "a.md", "x", true);
  }
  for (const char* sql :
       {"UPDATE vector SET count = 3", "UPDATE vector SET count = -1", "UPDATE vector SET data = x'00'",
        "UPDATE vector SET count = 9223372036854775807", "UPDATE vector SET data = zeroblob(100000)",
        "UPDATE vector SET chunks = x'0000000000'", "UPDATE vector SET chunks = x'0000000002000000'",
        "UPDATE vector SET chunks = x'0100000000000000'", "UPDATE vector SET first_chunk = 2",
        "UPDATE vector SET document = 7", "UPDATE property SET value = '99999' WHERE name = 'embedding_width'",
        "UPDATE property SET value = '-2' WHERE name = 'embedding_width'"}) {
    std::filesystem::copy_file(path_, path_ + ".sound", std::filesystem::copy_options::overwrite_existing);
    Database(path_, Mode::write).run(sql);
    EXPECT_NE(refusal(ExitCode::bad_file).find("damaged"), std::string::npos) << sql;
    std::filesystem::copy_file(path_ + ".sound", path_, std::filesystem::copy_options::overwrite_existing);
  }
}

// Every page overwritten, and the file cut at many lengths: an error in one line, or answers; never a crash.
TEST_F(KnowledgeBases, DamageIsAnErrorOrHarmless) {
  {
    KnowledgeBase base(path_, Mode::create);
    base.set_embedding({"m.gguf", 2, "abc"});
    for (int i = 0; i < 20; ++i)
      put(base, "d" + std::to_string(i) + ".md", std::string(400, 'x') + " torque " + std::to_string(i), true);
  }
  const std::string sound = test::read_file(path_);
  size_t refused = 0;
  const auto try_it = [&](const std::string& bytes) {
    test::write_file(path_, bytes);
    try {
      KnowledgeBase base(path_, Mode::read);
      base.load_vectors();
      for (const ScoredChunk& hit : base.search_words("\"torque\"", 50)) base.chunk(hit.id);
    } catch (const Error& error) {
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
      ++refused;
    }
  };
  for (size_t page = 0; page < sound.size(); page += 8192) {
    for (const char fill : {'\0', '\xff', 'x'}) {
      std::string spoilt = sound;
      spoilt.replace(page, 4000, 4000, fill);
      try_it(spoilt);
    }
  }
  for (size_t length = 1; length < sound.size(); length += 1777) try_it(sound.substr(0, length));
  EXPECT_GT(refused, 10u);
  test::write_file(path_, sound.substr(0, sound.size() - 8192));
  EXPECT_NE(refusal(ExitCode::bad_file, Mode::write), "") << "a writer looks at the whole file";
}

}  // namespace
}  // namespace thimble
