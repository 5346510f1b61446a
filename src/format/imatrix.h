// The importance matrix: what the columns of a model's matrices were given on a calibration text. Read and written in llama.cpp's
// GGUF form (tools/imatrix: general.type "imatrix", tensors NAME.in_sum2 and NAME.counts), and read in its older .dat form.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "format/gguf.h"

namespace thimble {

class GgufWriter;

// Of one tensor. Experts that lie in one tensor have a count each; any other tensor has one count for all of it.
struct ImatrixEntry {
  std::vector<float> sums;       // [counts.size()][columns]: sums of squares, finite and not negative
  std::vector<uint64_t> counts;  // inputs summed up; not all are 0

  size_t columns() const { return sums.size() / counts.size(); }
  // The mean square of each value, [counts.size()][columns]. Of an expert that saw nothing each is 1, as llama.cpp has it.
  std::vector<float> mean_squares() const;
  bool operator==(const ImatrixEntry&) const = default;
};

struct Imatrix {
  std::map<std::string, ImatrixEntry, std::less<>> entries;  // by the tensor's GGUF name
  std::vector<std::string> datasets;                         // names of the texts
  uint32_t chunk_count = 0;
  uint32_t chunk_size = 0;  // tokens; 0: unknown, of the .dat form, whose sums and counts are in units of one chunk
  std::string path;         // where it was read, for messages

  // Of either form. Throws Error(bad_file) naming the file, the tensor and the fault: no imatrix, cut short, no entries, sums
  // and counts that do not go together, values that are no number or negative, nothing seen.
  static Imatrix read(const std::string& path);
  // The same of a file that is open already, which must be of the GGUF form.
  static Imatrix read(const Gguf& gguf);

  // Writes the GGUF form; the file appears whole or not at all. Throws Error(failed, bad_file).
  void write(const std::string& path) const;
  // The same into a file that has further metadata of the caller's; the caller commits it.
  void write(GgufWriter& writer) const;

  const ImatrixEntry* find(std::string_view tensor) const;  // nullptr where there is none

  // Throws Error(bad_file) naming the tensor where this is no imatrix of this model: a tensor that it does not have, or another
  // number of columns or experts; and for an entry that is 0 everywhere, which says nothing of what matters.
  void require_match(const Gguf& model) const;

  // Adds another one's sums and counts. `chunk_tokens` is the size of a chunk where one of them does not say. Throws
  // Error(bad_file) naming the tensor whose lengths differ.
  void merge(const Imatrix& other, uint32_t chunk_tokens);

 private:
  void resolve_chunk_size(uint32_t chunk_tokens);  // sums and counts in tokens, where they are in chunks
  void count_chunks();
};

}  // namespace thimble
