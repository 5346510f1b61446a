// GGUF to GGUF in other number formats, by plain rounding: each tensor on its own, with a search for the scales that leave the
// least error under the importance matrix. Streams: a panel of rows at a time is resident, packed by all threads, written in order.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "base/team.h"
#include "compress/quantize_plan.h"
#include "format/gguf.h"
#include "kernels/kernels.h"

namespace thimble {

// A metadata value that replaces or joins those of the input.
struct MetadataOverride {
  std::string key;
  std::variant<uint32_t, float, bool, std::string> value;
};
// "KEY=TYPE:VALUE" with TYPE int, float, bool or str, as llama.cpp has it. Throws Error(usage).
MetadataOverride parse_override(const std::string& text);

struct TensorResult {
  double error =
      0;  // sqrt of the weighted squared error over the weighted squares; importance 1 where there is no imatrix
};

struct QuantizeRun {
  const Gguf& gguf;
  const QuantizeOptions& options;
  const QuantizePlan& plan;
  std::vector<MetadataOverride> overrides;
  // Bytes of the input done, of all; may throw to stop.
  std::function<void(uint64_t done, uint64_t total)> progress;
};

// Writes `output`, or with keep_split the parts of that name, which appear when all is done. A result a tensor, in the plan's
// order. Throws Error(bad_file) naming the tensor where a weight is not finite, Error(failed) where the disk does not take it.
std::vector<TensorResult> quantize(const QuantizeRun& run, const std::string& output, Team& team,
                                   const Kernels& kernels);

// The files that this writes.
std::vector<std::string> output_files(const Gguf& gguf, const QuantizeOptions& options, const std::string& output);

}  // namespace thimble
