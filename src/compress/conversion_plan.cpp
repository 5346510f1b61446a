#include "compress/conversion_plan.h"

#include <algorithm>
#include <bitset>
#include <cmath>
#include <set>

#include "compress/checkpoint_rows.h"

namespace thimble {
namespace {

// What some exporters leave in, for any family.
constexpr std::string_view kUnusedEnds[] = {".attention.masked_bias", ".attention.bias", ".rotary_emb.inv_freq"};

class Planner {
 public:
  Planner(const CheckpointConfig& config, const CheckpointTensors& tensors, Hyperparameters& hyper)
      : config_(config), spec_(config.spec()), tensors_(tensors), hyper_(hyper) {}

  std::vector<ConvertedTensor> run() {
    find_vocabulary_size();
    std::bitset<kRoleCount> bound;
    for (const TensorRow& row : spec_.tensors) {
      if (!row.in_block()) plan_row(row, 0, bound);
    }
    // A block holds several tensors, so more blocks than tensors is a lie that must not cost time.
    if (hyper_.block_count > tensors_.names().size() || hyper_.block_count > kMostBlocks) {
      config_.refuse(
          "num_hidden_layers", nlohmann::json(hyper_.block_count),
          fmt::format("as many as the checkpoint's {} tensors make, at most {}", tensors_.names().size(), kMostBlocks));
    }
    for (uint32_t block = 0; block < hyper_.block_count; ++block) {
      bound.reset();
      for (const TensorRow& row : spec_.tensors) {
        if (row.in_block()) plan_row(row, block, bound);
      }
    }
    for (ComputedTensor& computed : rope_factors(config_, hyper_)) {
      const auto row = std::ranges::find(spec_.tensors, computed.role, &TensorRow::role);
      planned_.push_back({std::string(row->gguf), {computed.values.size()}, {}, 0, std::move(computed.values)});
    }
    refuse_unused();
    return std::move(planned_);
  }

 private:
  [[noreturn]] void refuse(const StoredTensor& stored, const std::string& fault) const {
    fail(ExitCode::bad_file, "{}: tensor {}: {}", printable(stored.file->path()), printable(stored.tensor->name),
         fault);
  }

  const StoredTensor* find(const TensorRow& row, uint32_t block) {
    std::string_view names = row.hf;
    while (!names.empty()) {
      const size_t end = std::min(names.find('|'), names.size());
      const std::string name = core_name(with_number(names.substr(0, end), block));
      if (const StoredTensor* stored = tensors_.find(with_number(name, 0))) {
        found_name_ = name;
        return stored;
      }
      names.remove_prefix(std::min(end + 1, names.size()));
    }
    return nullptr;
  }

  void find_vocabulary_size() {
    const auto row = std::ranges::find(spec_.tensors, Role::token_embd, &TensorRow::role);
    const StoredTensor* stored = find(*row, 0);
    if (stored == nullptr) refuse_missing(*row, 0);
    const SafetensorsTensor& tensor = *stored->tensor;
    const auto said = config_.integer("vocab_size");
    if (tensor.shape.size() != 2 || tensor.shape[0] > (1u << 24) || (said && *said != tensor.shape[0])) {
      refuse(*stored, fmt::format("its shape is {}; expected [{}, {}]", tensor.shape_text(),
                                  said ? fmt::to_string(*said) : "vocabulary", hyper_.embedding_length));
    }
    hyper_.vocabulary_size = static_cast<uint32_t>(tensor.shape[0]);
  }

  [[noreturn]] void refuse_missing(const TensorRow& row, uint32_t block) const {
    fail(ExitCode::bad_file, "{}: the checkpoint has no tensor {}", printable(config_.path()),
         with_number(with_number(row.hf.substr(0, row.hf.find('|')), block), 0));
  }

  // The head may be missing where it is the embedding, and of classes that have none ("Qwen3Model").
  bool is_optional(const TensorRow& row) const {
    const bool has_own_head =
        config_.boolean("tie_word_embeddings") == false && !config_.architecture().ends_with("Model");
    if (row.role == Role::output && has_own_head) return false;
    return row.presence == Presence::optional;
  }

  void plan_row(const TensorRow& row, uint32_t block, std::bitset<kRoleCount>& bound) {
    const auto index = [](Role role) { return static_cast<size_t>(role); };
    if (bound[index(row.role)]) return;  // came fused
    const StoredTensor* stored = find(row, block);
    if (stored == nullptr || is_left_out(found_name_)) {
      if (!is_optional(row) && !row.hf.empty()) refuse_missing(row, block);
      return;
    }
    for (const Role part : parts_of(row.role)) bound[index(part)] = true;
    ConvertedTensor planned;
    planned.name = tensor_name(row, block);
    const uint64_t columns = resolve(row.columns, hyper_), rows = resolve(row.rows, hyper_);
    planned.shape = {columns};
    if (row.rows != Dim::one) planned.shape.push_back(rows);
    if (row.is_vector() && row.gguf.ends_with(".weight")) planned.shift = spec_.checkpoint.norm_shift;
    if (found_name_.find('%') != std::string::npos) {
      for (uint64_t i = 0; i < rows; ++i) add_row_tensor(planned, row, block, i, columns);
    } else {
      add_sources(planned, row, *stored);
    }
    planned_.push_back(std::move(planned));
  }

  // One tensor a row.
  void add_row_tensor(ConvertedTensor& planned, const TensorRow& row, uint32_t block, uint64_t number,
                      uint64_t columns) {
    const StoredTensor* stored = tensors_.find(with_number(found_name_, number));
    if (stored == nullptr) {
      fail(ExitCode::bad_file, "{}: the checkpoint has no tensor {}", printable(config_.path()),
           with_number(with_number(row.hf, block), number));
    }
    check(*stored, {columns});
    planned.sources.push_back({stored, 0, 1});
  }

  void add_sources(ConvertedTensor& planned, const TensorRow& row, const StoredTensor& stored) {
    std::vector<uint64_t> expected(planned.shape.rbegin(), planned.shape.rend());
    uint64_t first = 0;
    if (row.role == Role::position_embd) {
      // Of models whose positions begin behind the padding token's id, the rows before are never used.
      first = skipped_positions(stored);
      expected[0] += first;
    }
    check(stored, expected);
    uint64_t rest = planned.rows();
    for (const Role part : parts_of(row.role)) {
      const uint64_t count = part == row.role ? rest : rows_of_part(spec_, hyper_, part, rest);
      planned.sources.push_back({&stored, first, count, reordered_head_rows(spec_, hyper_, part)});
      first += count;
      rest -= count;
    }
  }

  uint64_t skipped_positions(const StoredTensor& stored) const {
    const auto& classes = spec_.checkpoint.classes_padded_positions;
    if (std::ranges::count(classes, config_.architecture()) == 0 || stored.tensor->shape.empty()) return 0;
    return config_.integer("pad_token_id").value_or(0) + 1;
  }

  void check(const StoredTensor& stored, const std::vector<uint64_t>& expected) {
    const SafetensorsTensor& tensor = *stored.tensor;
    if (tensor.shape != expected) {
      refuse(stored,
             fmt::format("its shape is {}; config.json makes it [{}]", tensor.shape_text(), fmt::join(expected, ", ")));
    }
    if (tensor.data.empty()) refuse(stored, "it holds no values");
    if (!is_float(tensor.type)) {
      refuse(stored, fmt::format("its type is {}; expected F32, F16, BF16 or F64", name_of(tensor.type)));
    }
    used_.insert(&tensor);
  }

  bool is_left_out(const std::string& core) const {
    return std::ranges::any_of(spec_.checkpoint.unused,
                               [&](std::string_view begin) { return core.starts_with(begin); });
  }

  void refuse_unused() const {
    for (const std::string& name : tensors_.names()) {
      const StoredTensor& stored = *tensors_.find(name);
      if (used_.contains(stored.tensor) || is_left_out(name)) continue;
      if (std::ranges::any_of(kUnusedEnds, [&](std::string_view end) { return name.ends_with(end); })) continue;
      refuse(stored, fmt::format("it is not part of a {} model with {} layers", spec_.hf_class, hyper_.block_count));
    }
  }

  const CheckpointConfig& config_;
  const ArchSpec& spec_;
  const CheckpointTensors& tensors_;
  Hyperparameters& hyper_;
  std::vector<ConvertedTensor> planned_;
  std::set<const SafetensorsTensor*> used_;
  std::string found_name_;  // core name of what find() found; "%" where there is one tensor a row
};

// The place among a source's rows of what comes `row`-th.
uint64_t place_of(const SourceRows& source, uint64_t row) {
  if (source.head_rows == 0) return source.first + row;
  const uint64_t head = row / source.head_rows, inside = row % source.head_rows;
  return source.first + head * source.head_rows + (inside % 2) * (source.head_rows / 2) + inside / 2;
}

// Calls f(source, first row of it, count, rows of the tensor before) for the parts of [first, first + count).
template <class F>
void for_sources(const ConvertedTensor& tensor, uint64_t first, uint64_t count, F&& f) {
  uint64_t begin = 0;
  for (const SourceRows& source : tensor.sources) {
    const uint64_t from = std::max(first, begin), to = std::min(first + count, begin + source.count);
    if (from < to) f(source, from - begin, to - from, from - first);
    begin += source.count;
  }
}

[[noreturn]] void refuse_value(const ConvertedTensor& tensor, uint64_t first, size_t index, float value) {
  const uint64_t width = tensor.row_values(), row = first + index / width;
  for_sources(tensor, row, 1, [&](const SourceRows& source, uint64_t inner, uint64_t /*count*/, uint64_t /*before*/) {
    fail(ExitCode::bad_file, "{}: tensor {}: row {}, value {} is {}; expected a finite number",
         printable(source.stored->file->path()), printable(source.stored->tensor->name), place_of(source, inner),
         index % width, value);
  });
  fail(ExitCode::bad_file, "{}: factor {} is {}; expected a finite number", tensor.name, row, value);
}

}  // namespace

std::vector<ConvertedTensor> plan_conversion(const CheckpointConfig& config, const CheckpointTensors& tensors,
                                             Hyperparameters& hyper) {
  return Planner(config, tensors, hyper).run();
}

void read_planned_rows(const ConvertedTensor& tensor, uint64_t first, uint64_t count, float* out) {
  const uint64_t width = tensor.row_values();
  if (!tensor.computed.empty()) std::copy_n(tensor.computed.begin() + static_cast<std::ptrdiff_t>(first), count, out);
  for_sources(tensor, first, count, [&](const SourceRows& source, uint64_t from, uint64_t rows, uint64_t before) {
    const SafetensorsTensor& stored = *source.stored->tensor;
    const size_t stride = width * bytes_of(stored.type);
    float* to = out + before * width;
    if (source.head_rows == 0) {
      unpack_values(stored.type, stored.data.data() + (source.first + from) * stride, to, rows * width);
      return;
    }
    for (uint64_t row = 0; row < rows; ++row) {
      unpack_values(stored.type, stored.data.data() + place_of(source, from + row) * stride, to + row * width, width);
    }
  });
  for (size_t i = 0; i < count * width; ++i) {
    if (!std::isfinite(out[i])) refuse_value(tensor, first, i, out[i]);
    out[i] += tensor.shift;
  }
}

void forget_planned_rows(const ConvertedTensor& tensor, uint64_t first, uint64_t count) {
  for_sources(tensor, first, count, [&](const SourceRows& source, uint64_t from, uint64_t rows, uint64_t /*before*/) {
    const SafetensorsTensor& stored = *source.stored->tensor;
    const size_t stride = tensor.row_values() * bytes_of(stored.type);
    uint64_t begin = from, end = from + rows;
    if (source.head_rows != 0) {
      begin = begin / source.head_rows * source.head_rows;
      end = std::min((end + source.head_rows - 1) / source.head_rows * source.head_rows, source.count);
    }
    source.stored->file->file().forget(stored.data.subspan((source.first + begin) * stride, (end - begin) * stride));
  });
}

}  // namespace thimble
