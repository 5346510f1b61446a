#include "measure/log_prob_file.h"

#include <array>
#include <cassert>
#include <cmath>
#include <cstring>
#include <filesystem>

#include "base/error.h"
#include "measure/kept_rows.h"
#include "measure/log_prob_record.h"

namespace thimble {
namespace {

constexpr std::string_view kMagic = "_logits_";
// Far above any model and context; the products of sizes below them fit 64 bits.
constexpr int32_t kMostVocabulary = 1 << 24;
constexpr int32_t kMostChunk = 1 << 24;
// A step is a 65535th of 16 at most, a minimum that plus the logarithm of the vocabulary's size.
constexpr float kMostStep = 1e-3f;
constexpr float kLeastMinimum = -64;

}  // namespace

LogProbFileWriter::LogProbFileWriter(const std::string& path, const Chunks& chunks, uint32_t vocabulary) : file_(path) {
  file_.write(kMagic);
  const std::array<int32_t, 3> sizes = {static_cast<int32_t>(chunks.chunk_tokens()), static_cast<int32_t>(vocabulary),
                                        static_cast<int32_t>(chunks.count())};
  file_.write(std::as_bytes(std::span(sizes)));
  file_.write(std::as_bytes(chunks.all()));
}

LogProbFile LogProbFile::open(const std::string& path) {
  LogProbFile file(MappedFile::open(path));
  const std::span<const std::byte> bytes = file.file_.bytes();
  const std::string name = printable(path);
  std::array<int32_t, 3> sizes{};
  const uint64_t header = kMagic.size() + sizeof sizes;
  if (bytes.size() < header || std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) != 0) {
    fail(ExitCode::bad_file,
         "{}: no file of log-probabilities: it does not begin with '{}'; write one with eval "
         "perplexity --kl-divergence-base",
         name, kMagic);
  }
  std::memcpy(sizes.data(), bytes.data() + kMagic.size(), sizeof sizes);
  const auto [chunk, vocabulary, count] = sizes;
  if (chunk < 4 || chunk > kMostChunk || vocabulary < 1 || vocabulary > kMostVocabulary || count < 1) {
    fail(ExitCode::bad_file, "{}: {} chunks of {} tokens of a vocabulary of {}: no such text", name, count, chunk,
         vocabulary);
  }
  file.chunk_tokens_ = static_cast<uint32_t>(chunk);
  file.vocabulary_ = static_cast<uint32_t>(vocabulary);
  file.chunk_count_ = static_cast<uint32_t>(count);
  const uint64_t tokens = uint64_t{file.chunk_tokens_} * file.chunk_count_;
  file.records_at_ = header + tokens * sizeof(TokenId);
  uint64_t needed = 0;
  if (__builtin_mul_overflow(file.scored() * log_prob_words(file.vocabulary_) * sizeof(uint16_t), file.chunk_count_,
                             &needed) ||
      __builtin_add_overflow(needed, file.records_at_, &needed) || needed > bytes.size()) {
    fail(ExitCode::bad_file, "{}: cut short: {} bytes, but {} chunks of {} tokens of a vocabulary of {} take more",
         name, bytes.size(), count, chunk, vocabulary);
  }
  file.tokens_.resize(tokens);
  std::memcpy(file.tokens_.data(), bytes.data() + header, tokens * sizeof(TokenId));
  for (const TokenId token : file.tokens_) {
    if (token < 0 || token >= vocabulary) {
      fail(ExitCode::bad_file, "{}: token {} is none of a vocabulary of {}", name, token, vocabulary);
    }
  }
  return file;
}

uint64_t LogProbFile::identity() const {
  std::error_code error;
  const auto changed = std::filesystem::last_write_time(path(), error).time_since_epoch().count();
  const uint64_t text = hash_of(std::as_bytes(tokens()));
  return combine_hashes(combine_hashes(text, file_.bytes().size()), static_cast<uint64_t>(changed));
}

void LogProbFile::read_record(size_t chunk, size_t index, std::span<uint16_t> record) const {
  assert(chunk < chunk_count_ && index < scored() && record.size() == log_prob_words(vocabulary_));
  const uint64_t place = records_at_ + (chunk * scored() + index) * record.size_bytes();
  file_.read_at(place, std::as_writable_bytes(record));
  const LogProbHeader header = log_prob_header(record);
  if (header.step >= 0 && header.step <= kMostStep && header.minimum >= kLeastMinimum && header.minimum <= 0) return;
  fail(ExitCode::bad_file, "{}: record {} of chunk {} has a step of {} and a minimum of {}: no log-probabilities",
       printable(path()), index, chunk, header.step, header.minimum);
}

}  // namespace thimble
