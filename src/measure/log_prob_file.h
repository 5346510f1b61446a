// A reference's log-probabilities on a text, in the file that llama-perplexity writes and reads with --kl-divergence-base: "_logits_",
// then as int32 the tokens of a chunk, the vocabulary's size, the number of chunks, and the chunks' tokens; then a record
// (log_prob_record.h) for each scored position.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/atomic_file.h"
#include "base/mapped_file.h"
#include "measure/chunks.h"

namespace thimble {

class LogProbFileWriter {
 public:
  // Throws Error(failed) where `path` cannot be written.
  LogProbFileWriter(const std::string& path, const Chunks& chunks, uint32_t vocabulary);
  void write(std::span<const uint16_t> records) {
    file_.write(std::as_bytes(records));
  }  // of scored positions, in order
  void commit() { file_.commit(); }

 private:
  AtomicFile file_;
};

class LogProbFile {
 public:
  // Throws Error(bad_file) naming the fault: another kind of file, impossible sizes, tokens out of range, cut short.
  static LogProbFile open(const std::string& path);

  const std::string& path() const { return file_.path(); }
  uint64_t identity() const;  // of its size, time of change and text: for telling apart
  uint32_t vocabulary() const { return vocabulary_; }
  uint32_t chunk_tokens() const { return chunk_tokens_; }
  uint32_t chunk_count() const { return chunk_count_; }
  std::span<const TokenId> tokens() const { return tokens_; }
  // Record `index` of a chunk's scored ones. Throws Error(bad_file) where its step and minimum are no log-probabilities'.
  void read_record(size_t chunk, size_t index, std::span<uint16_t> record) const;

 private:
  explicit LogProbFile(MappedFile file) : file_(std::move(file)) {}
  size_t scored() const { return chunk_tokens_ - 1 - chunk_tokens_ / 2; }

  MappedFile file_;
  uint32_t vocabulary_ = 0;
  uint32_t chunk_tokens_ = 0;
  uint32_t chunk_count_ = 0;
  std::vector<TokenId> tokens_;
  uint64_t records_at_ = 0;
};

}  // namespace thimble
