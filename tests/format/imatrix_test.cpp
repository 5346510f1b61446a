#include "format/imatrix.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "base/error.h"
#include "format/gguf_writer.h"
#include "support/temp_file.h"

namespace thimble {
namespace {

Imatrix small_imatrix() {
  Imatrix imatrix;
  imatrix.entries["blk.0.attn_q.weight"] = {{2, 4, 6, 0}, {2}};
  imatrix.entries["blk.0.ffn_up_exps.weight"] = {{2, 4, 0, 0}, {2, 0}};
  imatrix.datasets = {"a.txt", "b.txt"};
  imatrix.chunk_count = 3;
  imatrix.chunk_size = 8;
  return imatrix;
}

std::string refusal(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::bad_file);
    return error.what();
  }
  return "accepted";
}

std::string refusal(const std::string& path) {
  return refusal([&] { Imatrix::read(path); });
}

// A file of one entry with everything that matters of the caller's choosing.
struct Odd {
  std::string type = "imatrix";
  bool with_datasets = true;
  uint32_t chunk_size = 8;
  std::vector<float> sums = {1, 2, 3, 4};
  std::vector<float> counts = {5};
  NumberType counts_type = NumberType::F32;
  std::string sums_name = "w.in_sum2", counts_name = "w.counts";

  std::string write(const std::string& path) const {
    GgufWriter writer(path);
    writer.set("general.type", type);
    const std::string_view dataset = "a";
    if (with_datasets) writer.set("imatrix.datasets", std::span(&dataset, 1));
    writer.set("imatrix.chunk_count", uint32_t{1});
    writer.set("imatrix.chunk_size", chunk_size);
    const uint64_t columns = sums.size(), matrices = counts.size();
    writer.add_tensor(sums_name, {&columns, 1}, NumberType::F32);
    writer.add_tensor(counts_name, {&matrices, 1}, counts_type);
    writer.write_data(std::as_bytes(std::span(sums)));
    writer.write_data(std::as_bytes(std::span(counts)).first(matrices * type_info(counts_type).block_bytes));
    writer.commit();
    return path;
  }
};

struct DatEntry {
  std::string name = "w";
  int32_t chunks = 2;
  std::vector<float> values = {1, 2};
};

template <class T>
void append(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

std::string dat_bytes(const std::vector<DatEntry>& entries) {
  std::string out;
  append(out, static_cast<int32_t>(entries.size()));
  for (const DatEntry& entry : entries) {
    append(out, static_cast<int32_t>(entry.name.size()));
    out += entry.name;
    append(out, entry.chunks);
    append(out, static_cast<int32_t>(entry.values.size()));
    for (const float value : entry.values) append(out, value);
  }
  return out;
}

TEST(Imatrix, WrittenAndReadIsTheSame) {
  const test::TempFolder folder;
  const Imatrix imatrix = small_imatrix();
  imatrix.write(folder / "a.gguf");
  const Imatrix back = Imatrix::read(folder / "a.gguf");
  EXPECT_EQ(back.entries, imatrix.entries);
  EXPECT_EQ(back.datasets, imatrix.datasets);
  EXPECT_EQ(back.chunk_count, 3u);
  EXPECT_EQ(back.chunk_size, 8u);
  back.write(folder / "b.gguf");
  EXPECT_EQ(test::read_file(folder / "a.gguf"), test::read_file(folder / "b.gguf"));
}

TEST(Imatrix, MeansAreSumsByCountsAndOneWhereNothingWasSeen) {
  const Imatrix imatrix = small_imatrix();
  EXPECT_EQ(imatrix.find("blk.0.attn_q.weight")->mean_squares(), (std::vector<float>{1, 2, 3, 0}));
  EXPECT_EQ(imatrix.find("blk.0.ffn_up_exps.weight")->mean_squares(), (std::vector<float>{1, 2, 1, 1}));
  EXPECT_EQ(imatrix.find("blk.0.attn_k.weight"), nullptr);
}

TEST(Imatrix, MergedCountsAndSumsAddUp) {
  Imatrix sum;
  sum.merge(small_imatrix(), 8);
  Imatrix other = small_imatrix();
  other.entries.erase("blk.0.ffn_up_exps.weight");
  other.entries["blk.1.attn_q.weight"] = {{1}, {40}};
  sum.merge(other, 8);
  EXPECT_EQ(sum.entries["blk.0.attn_q.weight"], (ImatrixEntry{{4, 8, 12, 0}, {4}}));
  EXPECT_EQ(sum.entries["blk.0.ffn_up_exps.weight"], (ImatrixEntry{{2, 4, 0, 0}, {2, 0}}));
  EXPECT_EQ(sum.chunk_count, 5u);  // 40 inputs in chunks of 8
  EXPECT_EQ(sum.datasets.size(), 4u);
  other.entries["blk.1.attn_q.weight"] = {{1, 2}, {40}};
  EXPECT_NE(refusal([&] { sum.merge(other, 8); }).find("'blk.1.attn_q.weight' has 2 values, the others have 1"),
            std::string::npos);
  other.entries = {{"blk.1.attn_q.weight", {{std::numeric_limits<float>::max()}, {1}}}};
  sum.merge(other, 8);
  EXPECT_NE(refusal([&] { sum.merge(other, 8); }).find("too large"), std::string::npos);
}

TEST(Imatrix, TheDatFormIsInUnitsOfChunks) {
  const test::TempFolder folder;
  std::string bytes = dat_bytes({{"w", 2, {1, 3}}, {"v", 1, {5}}});
  append(bytes, int32_t{2});
  append(bytes, int32_t{5});
  bytes += "a.txt";
  test::write_file(folder / "a.dat", bytes);
  const Imatrix imatrix = Imatrix::read(folder / "a.dat");
  EXPECT_EQ(imatrix.find("w")->mean_squares(), (std::vector<float>{0.5f, 1.5f}));
  EXPECT_EQ(imatrix.datasets, std::vector<std::string>{"a.txt"});
  EXPECT_EQ(imatrix.chunk_count, 2u);
  Imatrix sum;
  sum.merge(imatrix, 512);
  EXPECT_EQ(sum.entries["w"], (ImatrixEntry{{512, 1536}, {1024}}));
  EXPECT_EQ(sum.chunk_count, 2u);
  EXPECT_EQ(sum.chunk_size, 512u);
}

TEST(Imatrix, HostileFilesAreRefusedByName) {
  const test::TempFolder folder;
  const auto odd = [&](const std::function<void(Odd&)>& change) {
    Odd file;
    change(file);
    return refusal(file.write(folder / "odd.gguf"));
  };
  const float nan = std::nanf("");
  EXPECT_EQ(odd([](Odd&) {}), "accepted");
  const std::pair<std::string, std::string> cases[] = {
      {odd([](Odd& f) { f.type = "model"; }), "general.type is 'model', expected 'imatrix'"},
      {odd([](Odd& f) { f.with_datasets = false; }), "has no imatrix.datasets"},
      {odd([](Odd& f) { f.chunk_size = 0; }), "chunk_size is 0"},
      {odd([](Odd& f) { f.sums[2] = -1; }), "tensor 'w': value 2 is -1"},
      {odd([&](Odd& f) { f.sums[1] = nan; }), "tensor 'w': value 1 is nan"},
      {odd([](Odd& f) { f.sums[0] = INFINITY; }), "tensor 'w': value 0 is inf"},
      {odd([](Odd& f) { f.counts[0] = 0; }), "tensor 'w' is empty: its count is 0"},
      {odd([](Odd& f) { f.counts[0] = -2; }), "tensor 'w': a count is -2"},
      {odd([&](Odd& f) { f.counts[0] = nan; }), "tensor 'w': a count is nan"},
      {odd([](Odd& f) { f.counts[0] = 1e30f; }), "tensor 'w': a count is 1.0000000150474662e+30"},
      {odd([](Odd& f) {
         f.counts = {1, 1, 1};
       }),
       "tensor 'w' has 4 sums for 3 counts"},
      {odd([](Odd& f) { f.counts_type = NumberType::F16; }), "'w.counts' is F16, expected F32"},
      {odd([](Odd& f) { f.counts_name = "v.counts"; }), "there is no 'w.counts'"},
      {odd([](Odd& f) { f.sums_name = "v.in_sum2"; }), "there is no 'v.counts'"},
      {odd([](Odd& f) { f.sums_name = "a", f.counts_name = "b"; }), "has no entries"},
  };
  for (const auto& [found, expected] : cases) EXPECT_NE(found.find(expected), std::string::npos) << found;
}

TEST(Imatrix, HostileDatFilesAreRefusedByName) {
  const test::TempFolder folder;
  const std::string path = folder / "odd.dat";
  const auto odd = [&](const std::string& bytes) {
    test::write_file(path, bytes);
    return refusal(path);
  };
  std::string most(4, '\0');
  most[3] = '\x7f';
  const std::pair<std::string, std::string> cases[] = {
      {odd(dat_bytes({})), "begins with 0 as its number of entries"},
      {odd(most), "as its number of entries"},
      {odd(dat_bytes({{"w", 0, {1}}})), "tensor 'w' is empty"},
      {odd(dat_bytes({{"w", -1, {1}}})), "tensor 'w': a count is -1"},
      {odd(dat_bytes({{"w", 1, {}}})), "tensor 'w' has 0 values"},
      {odd(dat_bytes({{"w", 1, {-3}}})), "tensor 'w': value 0 is -3"},
      {odd(dat_bytes({{"w", 1, {1}}, {"w", 1, {1}}})), "'w' is there twice"},
      {odd(dat_bytes({{"", 1, {1}}})), "name is 0 bytes long"},
      {odd(dat_bytes({{std::string(65, 'w'), 1, {1}}})), "name is too long"},
      {odd("version https://git-lfs.github.com/spec/v1\noid"), "Git LFS"},
  };
  for (const auto& [found, expected] : cases) EXPECT_NE(found.find(expected), std::string::npos) << found;
}

TEST(Imatrix, EveryTruncationIsRefused) {
  const test::TempFolder folder;
  const std::string path = folder / "cut";
  small_imatrix().write(folder / "a.gguf");
  const std::string gguf = test::read_file(folder / "a.gguf");
  // The writer pads the end; those bytes are no part of the last tensor.
  for (size_t length = 1; length + 28 < gguf.size(); ++length) {
    test::write_file(path, gguf.substr(0, length));
    ASSERT_NE(refusal(path), "accepted") << length;
  }
  const std::string dat = dat_bytes({{"w", 2, {1, 3}}, {"v", 1, {5}}});
  for (size_t length = 1; length < dat.size(); ++length) {
    test::write_file(path, dat.substr(0, length));
    ASSERT_NE(refusal(path), "accepted") << length;
  }
}

TEST(Imatrix, AnotherModelsIsToldFromThisOnes) {
  const test::TempFolder folder;
  GgufWriter writer(folder / "model.gguf");
  const uint64_t shape[] = {4, 2}, experts[] = {2, 3, 2};
  writer.add_tensor("blk.0.attn_q.weight", shape, NumberType::F32);
  writer.add_tensor("blk.0.ffn_up_exps.weight", experts, NumberType::F32);
  for (const size_t elements : {8, 12}) writer.write_data(std::vector<std::byte>(elements * sizeof(float)));
  writer.commit();
  const Gguf model = Gguf::open(folder / "model.gguf");
  const auto match = [&](const std::function<void(Imatrix&)>& change) {
    Imatrix imatrix = small_imatrix();
    change(imatrix);
    return refusal([&] { imatrix.require_match(model); });
  };
  EXPECT_EQ(match([](Imatrix&) {}), "accepted");
  const std::pair<std::string, std::string> cases[] = {
      {match([](Imatrix& m) {
         m.entries["blk.1.attn_q.weight"] = {{1}, {1}};
       }),
       "has no tensor 'blk.1.attn_q.weight'"},
      {match([](Imatrix& m) {
         m.entries["blk.0.attn_q.weight"] = {{1}, {1}};
       }),
       "has 1 values"},
      {match([](Imatrix& m) {
         m.entries["blk.0.ffn_up_exps.weight"] = {{1, 1, 1, 1}, {1, 1, 1, 1}};
       }),
       "'blk.0.ffn_up_exps.weight' has 4 values"},
      {match([](Imatrix& m) {
         m.entries["blk.0.attn_q.weight"].sums = {0, 0, 0, 0};
       }),
       "every value is 0"},
  };
  for (const auto& [found, expected] : cases) EXPECT_NE(found.find(expected), std::string::npos) << found;
}

}  // namespace
}  // namespace thimble
