#include "compress/export_plan.h"

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "compress/checkpoint_rows.h"
#include "compress/tensor_rows.h"

namespace thimble {
namespace {

using Rows = ExportedTensor::Rows;

class Planner {
 public:
  explicit Planner(const Model& model)
      : gguf_(model.gguf()), spec_(model.spec()), recipe_(spec_.checkpoint), h_(model.hyper()) {}

  std::vector<ExportedTensor> run() {
    for (const TensorRow& row : spec_.tensors) {
      if (!row.in_block()) add(row, 0);
    }
    for (uint32_t block = 0; block < h_.block_count; ++block) {
      for (const TensorRow& row : spec_.tensors) {
        if (row.in_block()) add(row, block);
      }
    }
    return std::move(planned_);
  }

 private:
  const TensorRow* row_of(Role role) const {
    const auto found = std::ranges::find(spec_.tensors, role, &TensorRow::role);
    return found == spec_.tensors.end() ? nullptr : &*found;
  }
  const GgufTensor* find(Role role, uint32_t block) const {
    const TensorRow* row = row_of(role);
    return row == nullptr ? nullptr : gguf_.find_tensor(tensor_name(*row, block));
  }

  std::string name_of(const TensorRow& row) const {
    const size_t bar = recipe_.has_last_names ? row.hf.rfind('|') : row.hf.find('|');
    if (bar == std::string_view::npos) return std::string(row.hf);
    return std::string(recipe_.has_last_names ? row.hf.substr(bar + 1) : row.hf.substr(0, bar));
  }

  uint64_t rows_of(Role part) const { return rows_of_part(spec_, h_, part, 0); }
  uint32_t head_rows_of(Role part) const { return reordered_head_rows(spec_, h_, part); }

  // Where the file has the rows of this role: in a tensor of its own, or as a part of a fused one.
  std::optional<Rows> find_rows(Role part, uint32_t block) const {
    if (const GgufTensor* own = find(part, block)) return Rows{own, 0, rows_of(part), head_rows_of(part)};
    for (const Role fused : {Role::attn_qkv, Role::attn_qkv_bias, Role::ffn_gate_up}) {
      const GgufTensor* tensor = find(fused, block);
      if (tensor == nullptr) continue;
      uint64_t first = 0;
      for (const Role other : parts_of(fused)) {
        if (other == part) return Rows{tensor, first, rows_of(part), head_rows_of(part)};
        first += rows_of(other);
      }
    }
    return std::nullopt;
  }

  void add(const TensorRow& row, uint32_t block) {
    const std::string name = name_of(row);
    if (name.empty()) return;
    const std::span<const Role> parts = parts_of(row.role);
    ExportedTensor planned;
    if (const GgufTensor* own = parts.size() > 1 ? find(row.role, block) : nullptr) {
      // Fused here and there; the parts have rows of their own where some checkpoints have them apart.
      planned.rows = {{own, 0, row.rows == Dim::one ? own->shape[0] : own->rows(), 0}};
      is_fused_ = block + 1;
    } else if (parts.size() > 1) {
      if (!row_of(parts[0])->hf.empty()) return;  // the checkpoint has the parts
      for (const Role part : parts) {
        if (const auto rows = find_rows(part, block)) planned.rows.push_back(*rows);
      }
    } else {
      const bool is_done = is_fused_ == block + 1 && find(row.role, block) == nullptr;
      if (const auto rows = is_done ? std::nullopt : find_rows(row.role, block)) planned.rows.push_back(*rows);
    }
    if (planned.rows.empty()) return;
    uint64_t count = 0;
    for (const Rows& rows : planned.rows) count += rows.count;
    planned.shape = {count};
    if (row.rows != Dim::one) planned.shape.push_back(resolve(row.columns, h_));
    if (row.is_vector() && row.gguf.ends_with(".weight")) planned.shift = recipe_.norm_shift;
    add_named(std::move(planned), with_number(name, block));
  }

  void add_named(ExportedTensor planned, const std::string& name) {
    if (const size_t slash = name.find('/'); slash != std::string::npos) {
      planned.folder = name.substr(0, slash);
      planned.name = name.substr(slash + 1);
      planned_.push_back(std::move(planned));
      return;
    }
    if (name.find('%') == std::string::npos) {
      planned.name = name;
      planned_.push_back(std::move(planned));
      return;
    }
    for (uint64_t i = 0; i < planned.shape[0]; ++i) {  // a tensor a row, which is a vector
      planned_.push_back(
          {"", with_number(name, i), {planned.shape[1]}, {{planned.rows[0].tensor, i, 1}}, planned.shift});
    }
  }

  const Gguf& gguf_;
  const ArchSpec& spec_;
  const CheckpointRecipe& recipe_;
  const Hyperparameters& h_;
  std::vector<ExportedTensor> planned_;
  uint32_t is_fused_ = 0;  // one more than the block of which a fused tensor was taken as it is
};

uint64_t place_of(const Rows& rows, uint64_t row) {
  if (rows.head_rows == 0) return rows.first + row;
  const uint64_t head = row / rows.head_rows, inside = row % rows.head_rows, half = rows.head_rows / 2;
  return rows.first + head * rows.head_rows + (inside % half) * 2 + inside / half;
}

// Values of a vector are rows of one here and columns there.
void read_vector(const Gguf& gguf, const ExportedTensor& tensor, std::vector<float>& out) {
  std::vector<float> whole;
  for (const Rows& rows : tensor.rows) {
    const bool is_row = rows.tensor->rows() > 1;  // of a matrix
    whole.resize(rows.tensor->shape[0]);
    read_rows(gguf, *rows.tensor, is_row ? rows.first : 0, 1, whole.data());
    for (uint64_t i = 0; i < (is_row ? whole.size() : rows.count); ++i) {
      out.push_back(whole[is_row ? i : place_of(rows, i)]);
    }
  }
}

}  // namespace

std::vector<ExportedTensor> plan_export(const Model& model) { return Planner(model).run(); }

void read_exported_rows(const Gguf& gguf, const ExportedTensor& tensor, uint64_t first, uint64_t count, float* out) {
  const uint64_t width = tensor.row_values();
  if (tensor.is_vector()) {
    std::vector<float> values;
    read_vector(gguf, tensor, values);
    for (uint64_t i = 0; i < count; ++i) out[i] = values[first + i] - tensor.shift;
    return;
  }
  uint64_t begin = 0;
  for (const Rows& rows : tensor.rows) {
    const uint64_t from = std::max(first, begin), to = std::min(first + count, begin + rows.count);
    if (from < to && rows.head_rows == 0) {
      read_rows(gguf, *rows.tensor, rows.first + from - begin, to - from, out + (from - first) * width);
    } else {
      for (uint64_t row = from; row < to; ++row) {
        read_rows(gguf, *rows.tensor, place_of(rows, row - begin), 1, out + (row - first) * width);
      }
    }
    begin += rows.count;
  }
}

void forget_exported_rows(const Gguf& gguf, const ExportedTensor& tensor) {
  for (const Rows& rows : tensor.rows) forget_rows(gguf, *rows.tensor, 0, rows.tensor->rows());
}

}  // namespace thimble
