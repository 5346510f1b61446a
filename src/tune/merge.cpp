#include "tune/merge.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <utility>

#include "base/error.h"
#include "compress/output_type.h"
#include "compress/tensor_packer.h"
#include "compress/tensor_rows.h"
#include "format/gguf_writer.h"

namespace thimble {
namespace {

constexpr std::string_view kEmbedding = "token_embd.weight";
constexpr std::string_view kHead = "output.weight";
constexpr size_t kColumns = 512;     // whose sums are in the cache at a time
constexpr uint64_t kLookedAt = 256;  // rows by which an original is recognised
// Of base and original, relative: above what two bits a weight leave, and far below what unrelated weights differ by (1.4).
constexpr double kMostDifference = 0.75;

std::string shape_text(const GgufTensor& tensor) {
  return fmt::format("[{}]", fmt::join(tensor.shape.begin(), tensor.shape.begin() + tensor.axes, ", "));
}

bool is_float(NumberType type) {
  return type == NumberType::F32 || type == NumberType::F16 || type == NumberType::BF16;
}

// Rows of W + delta, as any worker asks for them.
class MergedRows {
 public:
  MergedRows(const MergedTensor& tensor, std::vector<UpdateFactors> factors, const Kernels& kernels)
      : tensor_(tensor), factors_(std::move(factors)), kernels_(kernels), sums_(tensor.values->rows()) {}

  void read(uint64_t first, uint64_t count, float* rows) {
    const size_t columns = tensor_.values->shape[0];
    read_rows(*tensor_.file, *tensor_.values, first, count, rows, &kernels_);
    for (uint64_t row = 0; row < count; ++row) sums_[first + row] = {};
    for (size_t begin = 0; begin < columns; begin += kColumns) {
      const size_t width = std::min(kColumns, columns - begin);
      for (uint64_t row = 0; row < count; ++row) add(first + row, begin, width, rows + row * columns + begin);
    }
  }

  // |delta| / |W + delta| of all rows.
  double change() const {
    Sums all;
    for (const Sums& row : sums_) {
      all.delta += row.delta;
      all.merged += row.merged;
    }
    return all.merged > 0 ? std::sqrt(all.delta / all.merged) : 0;
  }

 private:
  struct Sums {
    double delta = 0, merged = 0;
  };

  void add(uint64_t row, size_t begin, size_t width, float* values) {
    std::array<double, kColumns> delta{};
    for (const UpdateFactors& update : factors_) {
      const size_t columns = update.right.size() / update.rank;
      for (size_t i = 0; i < update.rank; ++i) {
        const double factor = update.scale * static_cast<double>(update.left[row * update.rank + i]);
        const float* right = update.right.data() + i * columns + begin;
        for (size_t c = 0; c < width; ++c) delta[c] += factor * static_cast<double>(right[c]);
      }
    }
    Sums& sums = sums_[row];
    for (size_t c = 0; c < width; ++c) {
      const double merged = static_cast<double>(values[c]) + delta[c];
      sums.delta += delta[c] * delta[c];
      sums.merged += merged * merged;
      values[c] = static_cast<float>(merged);
    }
    if (std::all_of(values, values + width, [](float value) { return std::isfinite(value); })) return;
    fail(ExitCode::bad_file,
         "tensor {}: in row {} the merged values are no finite floats; give the adapter a smaller scale",
         printable(tensor_.name), row);
  }

  const MergedTensor& tensor_;
  const std::vector<UpdateFactors> factors_;
  const Kernels& kernels_;
  std::vector<Sums> sums_;
};

// Rounding differs by less; a fine-tune of the base is not told from it.
void require_original(const Gguf& base, const MergedTensor& tensor) {
  if (tensor.values == tensor.base) return;
  const size_t columns = tensor.base->shape[0];
  const uint64_t rows = std::min(tensor.base->rows(), kLookedAt);
  std::vector<float> rounded(rows * columns), original(rows * columns);
  read_rows(base, *tensor.base, 0, rows, rounded.data());
  read_rows(*tensor.file, *tensor.values, 0, rows, original.data());
  double difference = 0, norm = 0;
  for (size_t i = 0; i < rounded.size(); ++i) {
    difference += std::pow(double{rounded[i]} - double{original[i]}, 2);
    norm += double{original[i]} * double{original[i]};
  }
  if (difference <= kMostDifference * kMostDifference * norm) return;
  fail(ExitCode::bad_file, "{}: tensor {} is not what {} was quantized from: they differ by {:.0f}%",
       printable(tensor.file->path()), printable(tensor.name), printable(base.path()),
       100 * std::sqrt(difference / norm));
}

class Planner {
 public:
  Planner(const MergeUpdates& updates, const MergeOptions& options) : updates_(updates), options_(options) {}

  MergePlan plan() const {
    const Gguf& base = updates_.base();
    if (options_.original != nullptr) require_kin(*options_.original);
    if (options_.imatrix != nullptr) options_.imatrix->require_match(base);
    MergePlan plan;
    for (const GgufTensor& tensor : base.tensors()) plan.tensors.push_back(planned(tensor.name, tensor));
    if (updates_.unties_head()) plan.tensors.push_back(planned(kHead, *base.find_tensor(kEmbedding)));
    return plan;
  }

 private:
  void require_kin(const Gguf& original) const {
    const auto architecture = [](const Gguf& gguf) { return gguf.string("general.architecture").value_or(""); };
    if (architecture(original) == architecture(updates_.base())) return;
    fail(ExitCode::bad_file, "{}: is of the architecture {}, but {} of {}: expected what it was quantized from",
         printable(original.path()), printable(architecture(original)), printable(updates_.base().path()),
         printable(architecture(updates_.base())));
  }

  MergedTensor planned(std::string_view name, const GgufTensor& base) const {
    MergedTensor tensor{name, &base, &updates_.base(), &base, base.type->type};
    tensor.is_merged = updates_.has(name);
    if (!tensor.is_merged) return tensor;
    if (options_.type) tensor.type = *options_.type;
    if (type_info(tensor.type).pack == nullptr) {
      fail(ExitCode::usage, "tensor {}: {} is read but not written; give --outtype", printable(name),
           type_info(tensor.type).name);
    }
    if (options_.original != nullptr) take_from(*options_.original, tensor);
    if (options_.imatrix != nullptr && tensor.is_rounded()) tensor.importance = options_.imatrix->find(name);
    return tensor;
  }

  static void take_from(const Gguf& original, MergedTensor& tensor) {
    const GgufTensor* values = original.find_tensor(tensor.name);
    if (values == nullptr && tensor.name == kHead) values = original.find_tensor(kEmbedding);
    if (values == nullptr) {
      fail(ExitCode::bad_file, "{}: tensor {} is missing: expected what the model was quantized from",
           printable(original.path()), printable(tensor.name));
    }
    if (values->shape != tensor.base->shape || !is_float(values->type->type)) {
      fail(ExitCode::bad_file, "{}: tensor {}: expected F16, BF16 or F32 of {}, found {} of {}",
           printable(original.path()), printable(tensor.name), shape_text(*tensor.base), values->type->name,
           shape_text(*values));
    }
    tensor.file = &original;
    tensor.values = values;
  }

  const MergeUpdates& updates_;
  const MergeOptions& options_;
};

// What most weights have names the file's type, where it is one that was asked for.
std::optional<NumberType> most_common_type(const MergePlan& plan) {
  std::map<NumberType, uint64_t> elements;
  bool is_changed = false;
  for (const MergedTensor& tensor : plan.tensors) {
    elements[tensor.type] += tensor.base->elements();
    is_changed |= tensor.type != tensor.base->type->type;
  }
  if (!is_changed) return std::nullopt;
  const NumberType most = std::ranges::max_element(elements, {}, [](const auto& pair) { return pair.second; })->first;
  return is_float(most) ? std::optional(most) : std::nullopt;
}

void declare(const Gguf& base, const MergePlan& plan, GgufWriter& writer) {
  for (const GgufValue& value : base.values()) {
    if (!value.key.starts_with("split.")) writer.set(value);
  }
  if (const auto type = most_common_type(plan)) writer.set("general.file_type", file_type_id(*type));
  for (const MergedTensor& tensor : plan.tensors) {
    writer.add_tensor(tensor.name, std::span(tensor.base->shape).first(tensor.base->axes), tensor.type);
  }
}

}  // namespace

uint64_t MergePlan::bytes() const {
  uint64_t sum = 0;
  for (const MergedTensor& tensor : tensors) sum += tensor.bytes();
  return sum;
}

size_t MergePlan::merged() const {
  return static_cast<size_t>(std::ranges::count(tensors, true, &MergedTensor::is_merged));
}

bool MergePlan::rounds() const { return std::ranges::any_of(tensors, &MergedTensor::is_rounded); }

MergePlan plan_merge(const MergeUpdates& updates, const MergeOptions& options) {
  return Planner(updates, options).plan();
}

std::vector<MergeResult> merge(const MergeUpdates& updates, const MergePlan& plan, const std::string& output,
                               Team& team, const Kernels& kernels,
                               const std::function<void(uint64_t done, uint64_t total)>& progress) {
  const Gguf& base = updates.base();
  GgufWriter writer(output, static_cast<uint32_t>(base.alignment()));
  declare(base, plan, writer);
  std::vector<PackBench> benches(team.size());
  std::vector<MergeResult> results;
  const uint64_t total = plan.bytes();
  uint64_t done = 0;
  for (const MergedTensor& tensor : plan.tensors) {
    MergeResult& result = results.emplace_back();
    progress(done, total);
    if (!tensor.is_merged) {
      copy_tensor(base, *tensor.base, writer);
      done += tensor.bytes();
      continue;
    }
    require_original(base, tensor);
    MergedRows rows(tensor, updates.factors(tensor.name), kernels);
    const auto source = [&](uint64_t first, uint64_t count, float* out) { rows.read(first, count, out); };
    TensorPacker packer(*tensor.values, tensor.type, tensor.importance, source, kernels, benches);
    for (uint64_t first = 0; first < tensor.values->rows(); first += packer.panel_rows()) {
      const size_t count = std::min<uint64_t>(packer.panel_rows(), tensor.values->rows() - first);
      const std::span<const std::byte> packed = packer.pack(team, first, count);
      const TypeInfo& type = type_info(tensor.type);
      if (!type.has_finite_scales(packed.data(), packed.size() / type.block_bytes)) {
        fail(ExitCode::bad_file, "tensor {}: a value in rows {} to {} is beyond what {} holds; give --outtype f32",
             printable(tensor.name), first, first + count - 1, type.name);
      }
      writer.write_data(packed);
      forget_rows(*tensor.file, *tensor.values, first, count);
      done += packed.size();
      progress(done, total);
    }
    result = {rows.change(), packer.relative_error()};
  }
  writer.commit();
  return results;
}

}  // namespace thimble
