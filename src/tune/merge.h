// Adapters merged into a model's weights: a GGUF file whose adapted tensors are W + delta, each value rounded once from a sum in
// doubles, and whose other tensors and metadata are the base's. Streams: a panel of rows at a time is resident.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/team.h"
#include "format/gguf.h"
#include "format/imatrix.h"
#include "kernels/kernels.h"
#include "tune/merge_updates.h"

namespace thimble {

struct MergeOptions {
  std::optional<NumberType> type;    // of the adapted tensors; none: what they have in the base
  const Gguf* original = nullptr;    // where their values are taken from, in full precision; null: from the base
  const Imatrix* imatrix = nullptr;  // what matters where they are rounded to fewer bits; null: all alike
};

struct MergedTensor {
  std::string_view name;
  const GgufTensor* base;              // in the base; of a head that was tied, the embedding
  const Gguf* file = nullptr;          // that its values come from
  const GgufTensor* values = nullptr;  // there
  NumberType type{};
  const ImatrixEntry* importance = nullptr;
  bool is_merged = false;  // else the base's bytes are copied

  uint64_t bytes() const { return row_bytes(type, base->shape[0]) * base->rows(); }
  bool is_rounded() const { return is_merged && type_info(type).block_size > 1; }
};

struct MergePlan {
  std::vector<MergedTensor> tensors;  // in the order of the file
  uint64_t bytes() const;             // of their data
  size_t merged() const;
  bool rounds() const;  // some tensor to fewer bits than a float's
};

// Throws Error(usage) for a type that cannot be written, Error(bad_file) where the original or the imatrix is not of this model.
MergePlan plan_merge(const MergeUpdates& updates, const MergeOptions& options);

// Of a tensor that was merged; both relative to the norm of W + delta.
struct MergeResult {
  double change = 0;  // |delta|
  double error = 0;   // what rounding to the type left, weighted by importance where there is one
};

// Writes the file, which is none of those read, whole or not at all: a result a tensor. Throws Error(bad_file) naming the tensor where a value is not finite or
// beyond its format, or where the original is that of another model; Error(failed) where the disk does not take it.
std::vector<MergeResult> merge(const MergeUpdates& updates, const MergePlan& plan, const std::string& output,
                               Team& team, const Kernels& kernels,
                               const std::function<void(uint64_t done, uint64_t total)>& progress);

}  // namespace thimble
