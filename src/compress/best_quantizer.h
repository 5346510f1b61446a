// The closest file of a given size: formats chosen for each tensor by measured loss, then rounding with error feedback.
//
// First pass over the blocks: what each tensor costs in each format, as the KL divergence that one format causes, measured on a
// sample of text (SensitivityProbe), times how much less or more another format errs by the tensor's own Hessian. Then the
// allocation, then a second pass that rounds. What is measured and rounded is kept in a folder of files as it is done, so that a
// run that was stopped goes on there, and one with another budget does not measure again.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "compress/best_state.h"
#include "compress/feedback_rounding.h"
#include "compress/rounding_units.h"
#include "compress/sensitivity.h"
#include "compress/type_allocation.h"
#include "engine/language_model.h"

namespace thimble {

struct BestOptions {
  size_t chunk_tokens = 512;
  size_t chunks = 128;                     // of calibration text at most, beside the sample
  uint64_t residual_bytes = 384ull << 20;  // of those chunks' residual at most: fewer chunks where it would be more
  float damping = 0.01f;
  int descents = 6;
  std::string state_folder;  // made where it is missing
};

struct RoundedTensor {
  std::string name;
  NumberType from;
  NumberType to;
  uint64_t elements;
  uint64_t bytes;
  double cost;  // predicted, in nats of KL divergence
};

struct BestResult {
  std::vector<RoundedTensor> tensors;  // those that were rounded
  uint64_t bytes = 0;                  // of the file
  double predicted_divergence = 0;     // of the allocation
  double divergence = 0;               // measured on the sample, which was not calibrated on
  size_t scored_tokens = 0;
};

class BestQuantizer {
 public:
  // `done` tensors of `total`, `kept` of them by an earlier run; returning false stops the work, which can go on later.
  using Progress = std::function<bool(size_t done, size_t total, size_t kept)>;

  // tokens: of the calibration text, without a BOS. Throws Error(usage) for a model without a head or a text that is too
  // short. The references must outlive it.
  BestQuantizer(const LanguageModel& language_model, const Kernels& kernels, Team& team,
                std::span<const TokenId> tokens, const BestOptions& options);

  // The first pass. False where `progress` stopped it.
  bool measure(const Progress& progress);

  // Formats for a file of at most `file_bytes`. After measure().
  void choose(uint64_t file_bytes);

  // In place of measure() and choose(): the file is to be `frame`, whose tensors have the model's names and shapes, but for those that
  // are named, which are rounded from the model's weights to the formats that they have there. Throws Error(bad_file) naming a tensor
  // that differs. `frame` must outlive this.
  void follow(const Gguf& frame, std::span<const std::string> rounded);

  // The second pass, and the file. nullopt where `progress` stopped it.
  std::optional<BestResult> write(const std::string& path, const Progress& progress);

 private:
  void split_text(std::span<const TokenId> tokens);
  std::string identity() const;
  template <class Done, class Work>
  bool walk(const Progress& progress, Done done, Work work);
  MeasuredTensor measure_unit(size_t index, const InputStatistics& statistics, SensitivityProbe& probe);
  void round_unit(size_t index, NumberType type, const InputStatistics& statistics, std::span<std::byte> rows) const;
  double divergence_of_rounded(const RoundingUnit& unit, const GgufTensor& tensor, std::span<const std::byte> rows,
                               SensitivityProbe& probe) const;
  const FormatChoice& choice(size_t unit) const;
  const Gguf& frame() const { return frame_ == nullptr ? model_.gguf() : *frame_; }
  void write_tensors(const std::string& path) const;
  uint32_t file_type() const;
  BestResult measure_result();

  const LanguageModel& language_model_;
  const Kernels& kernels_;
  Team& team_;
  BestOptions options_;
  Model model_;  // a copy: its weights are replaced
  std::vector<RoundingUnit> units_;
  std::vector<TokenId> calibration_;  // whole chunks
  std::vector<TokenId> sample_;
  SampleOptions sample_options_;
  std::unique_ptr<BestState> state_;
  std::vector<std::optional<MeasuredTensor>> measured_;  // of each unit
  std::vector<TensorChoices> choices_;
  Allocation allocation_;
  const Gguf* frame_ = nullptr;  // what is followed
  std::vector<bool> is_copied_;  // of each unit: from the frame
};

}  // namespace thimble
