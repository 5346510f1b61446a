#include "model/model.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "kernels/kernels.h"
#include "model/consistency.h"

namespace thimble {
namespace {

std::string shape_text(uint64_t columns, uint64_t rows) {
  return rows == 1 ? fmt::format("[{}]", columns) : fmt::format("[{}, {}]", columns, rows);
}

uint32_t read_vocabulary_size(const Gguf& gguf) {
  const GgufTensor* embedding = gguf.find_tensor("token_embd.weight");
  if (embedding == nullptr) fail(ExitCode::bad_file, "{}: tensor token_embd.weight is missing", gguf.path());
  if (embedding->shape[1] > (1u << 24)) {
    fail(ExitCode::bad_file, "{}: token_embd.weight has {} rows; expected at most {}", gguf.path(), embedding->shape[1],
         1u << 24);
  }
  return static_cast<uint32_t>(embedding->shape[1]);
}

}  // namespace

Model Model::bind(const Gguf& gguf, Depth depth) {
  Model model;
  model.gguf_ = &gguf;
  model.depth_ = depth;
  const auto architecture = gguf.string("general.architecture");
  if (!architecture) fail(ExitCode::bad_file, "{}: general.architecture is missing", gguf.path());
  check_kind(gguf);
  model.spec_ = &find_architecture(*architecture, gguf.path());
  model.hyper_ = read_hyperparameters(gguf, *model.spec_);
  model.hyper_.vocabulary_size = read_vocabulary_size(gguf);
  check_consistency(gguf, *model.spec_, model.hyper_);
  // A block holds several tensors, so more blocks than tensors is a lie that must not cost memory.
  if (model.hyper_.block_count > gguf.tensors().size()) {
    fail(ExitCode::bad_file, "{}: block_count is {}, but the file holds {} tensors", gguf.path(),
         model.hyper_.block_count, gguf.tensors().size());
  }
  model.blocks_.resize(model.hyper_.block_count);
  model.bound_.resize(gguf.tensors().size());
  for (const TensorRow& row : model.spec_->tensors) {
    if (!row.in_block()) model.bind_row(row, 0, model.file_);
  }
  for (uint32_t block = 0; block < model.hyper_.block_count; ++block) {
    for (const TensorRow& row : model.spec_->tensors) {
      if (row.in_block()) model.bind_row(row, block, model.blocks_[block]);
    }
  }
  for (Role role : {Role::rope_freqs, Role::rope_factors_long, Role::rope_factors_short})
    model.check_rope_factors(role);
  model.check_dense_layers();
  model.refuse_unknown_tensors(static_cast<size_t>(std::count(model.bound_.begin(), model.bound_.end(), true)));
  return model;
}

void Model::bind_row(const TensorRow& row, uint32_t block, Tensors& into) {
  const std::string name = tensor_name(row, block);
  const GgufTensor* tensor = gguf_->find_tensor(name);
  const std::span<const Role> parts = parts_of(row.role);
  if (tensor == nullptr) {
    // What came fused with others is not there once more.
    if (row.presence == Presence::optional || into.bound[index(row.role)]) return;
    fail(ExitCode::bad_file, "{}: tensor {} is missing", gguf_->path(), name);
  }
  if (into.bound[index(parts[0])]) {
    fail(ExitCode::bad_file, "{}: tensor {} is there although a fused tensor holds it already", gguf_->path(), name);
  }
  const uint64_t columns = resolve(row.columns, hyper_);
  const uint64_t rows = resolve(row.rows, hyper_);
  if (tensor->shape[0] != columns || tensor->rows() != rows || tensor->shape[1] != rows) {
    fail(ExitCode::bad_file, "{}: tensor {}: expected {}, found {}", gguf_->path(), name, shape_text(columns, rows),
         shape_text(tensor->shape[0], tensor->rows()));
  }
  bound_[static_cast<size_t>(tensor - gguf_->tensors().data())] = true;
  for (const Role part : parts) into.bound[index(part)] = true;
  if (row.is_vector()) {
    vector_count_ += columns * rows;
    if (depth_ != Depth::runnable) return;
    Slot rest = load_vector(*tensor);
    for (const Role part : parts) {
      const size_t count = parts.size() == 1 ? rest.count : length_of(part);
      into.vectors[index(part)] = {std::exchange(rest.begin, rest.begin + count), count};
    }
    return;
  }
  uint64_t first_row = 0;
  for (const Role part : parts) {
    const uint64_t count = parts.size() == 1 ? rows : length_of(part);
    bind_matrix(*tensor, std::exchange(first_row, first_row + count), count, into.matrices[index(part)]);
  }
}

// Outputs of a part of a fused tensor.
uint64_t Model::length_of(Role role) const {
  switch (role) {
    case Role::attn_q:
    case Role::attn_q_bias: return hyper_.query_width();
    case Role::attn_k:
    case Role::attn_k_bias: return hyper_.key_width();
    case Role::attn_v:
    case Role::attn_v_bias: return hyper_.value_width();
    default: return hyper_.feed_forward_length;
  }
}

void Model::bind_matrix(const GgufTensor& tensor, uint64_t first_row, uint64_t rows, Weight& weight) const {
  if (select_kernels("scalar").matmul[static_cast<size_t>(tensor.type->type)] == nullptr) {
    fail(ExitCode::bad_file, "{}: tensor {} is {}, which cannot be computed with; quantize it to another type",
         gguf_->path(), printable(tensor.name), tensor.type->name);
  }
  weight.type = tensor.type->type;
  weight.columns = static_cast<uint32_t>(tensor.shape[0]);
  weight.rows = static_cast<uint32_t>(rows);
  weight.stride = row_bytes(weight.type, tensor.shape[0]);
  weight.data = tensor.data.data() + first_row * weight.stride;
  weight.file_offset = static_cast<uint64_t>(weight.data - gguf_->files()[tensor.part].bytes().data());
  weight.tensor = static_cast<uint32_t>(&tensor - gguf_->tensors().data());
  weight.first_row = static_cast<uint32_t>(first_row);
}

Model::Slot Model::load_vector(const GgufTensor& tensor) {
  const Slot slot = {values_.size(), tensor.elements()};
  values_.resize(slot.begin + slot.count);
  float* values = values_.data() + slot.begin;
  tensor.type->unpack(tensor.data.data(), values, slot.count / tensor.type->block_size);
  for (size_t i = 0; i < slot.count; ++i) {
    if (!std::isfinite(values[i])) {
      fail(ExitCode::bad_file, "{}: tensor {}: value {} is not finite", gguf_->path(), printable(tensor.name), i);
    }
  }
  return slot;
}

void Model::check_rope_factors(Role role) const {
  const Slot& slot = file_.vectors[index(role)];
  for (size_t i = 0; i < slot.count; ++i) {
    if (const float factor = values_[slot.begin + i]; !(factor > 0)) {
      const auto row = std::ranges::find(spec_->tensors, role, &TensorRow::role);
      fail(ExitCode::bad_file, "{}: {}: factor {} is {}; expected a number above 0", gguf_->path(), row->gguf, i,
           factor);
    }
  }
}

void Model::check_dense_layers() const {
  if (static_cast<bool>(matrix(Role::dense_2)) == static_cast<bool>(matrix(Role::dense_3))) return;
  const bool has_second = static_cast<bool>(matrix(Role::dense_2));
  fail(ExitCode::bad_file, "{}: tensor {} is missing, but {} is there: the vector would have another width",
       gguf_->path(), has_second ? "dense_3.weight" : "dense_2.weight",
       has_second ? "dense_2.weight" : "dense_3.weight");
}

void Model::refuse_unknown_tensors(size_t bound) const {
  if (bound == gguf_->tensors().size()) return;
  for (size_t i = 0; i < bound_.size(); ++i) {
    if (bound_[i]) continue;
    fail(ExitCode::bad_file, "{}: tensor {} is not part of a {} model with {} blocks", gguf_->path(),
         printable(gguf_->tensors()[i].name), spec_->name, hyper_.block_count);
  }
}

void Model::replace_matrix(Role role, const Matrix& matrix) {
  Weight& weight = file_.matrices[index(role)];
  assert(weight.rows == matrix.rows && weight.columns == matrix.columns);
  static_cast<Matrix&>(weight) = matrix;
  if (role == Role::token_embd) table_is_replaced_ = matrix.data != gguf_->tensors()[weight.tensor].data.data();
}

void Model::replace_matrix(uint32_t block, Role role, const Matrix& matrix) {
  Weight& weight = blocks_[block].matrices[index(role)];
  assert(weight.rows == matrix.rows && weight.columns == matrix.columns);
  static_cast<Matrix&>(weight) = matrix;
}

void Model::forget_block(uint32_t block) const {
  for (const Weight& weight : blocks_[block].matrices) {
    if (weight) forget(weight);
  }
}

void Model::forget(const Weight& weight) const {
  const GgufTensor& tensor = gguf_->tensors()[weight.tensor];
  const std::span<const std::byte> data(weight.data, weight.stride * weight.rows);
  if (data.data() >= tensor.data.data() && data.data() + data.size() <= tensor.data.data() + tensor.data.size())
    gguf_->files()[tensor.part].forget(data);
}

void Model::embedding_row(uint32_t token, std::span<std::byte> staging, float* out) const {
  if (is_tied() || table_is_replaced_) return table_row(Role::token_embd, token, out);
  const Weight& table = matrix(Role::token_embd);
  const MappedFile& file = gguf_->files()[gguf_->tensors()[table.tensor].part];
  file.read_at(table.file_offset + table.stride * token, staging.first(table.stride));
  const TypeInfo& info = type_info(table.type);
  info.unpack(staging.data(), out, table.columns / info.block_size);
}

void Model::table_row(Role role, size_t row, float* out) const {
  const Weight& table = matrix(role);
  const TypeInfo& info = type_info(table.type);
  info.unpack(table.data + table.stride * row, out, table.columns / info.block_size);
}

uint64_t Model::resident_bytes(bool with_head) const {
  const auto bytes = [](const Weight& weight) { return static_cast<uint64_t>(weight.stride) * weight.rows; };
  uint64_t resident = gguf_->file_bytes() + adapter_resident_bytes_;
  if (!is_tied()) resident -= bytes(matrix(Role::token_embd));
  if (!with_head && has_head()) resident -= bytes(head());
  return resident;
}

uint64_t Model::owned_bytes() const {
  return vector_count_ * sizeof(float) + blocks_.size() * sizeof(Tensors) +
         gguf_->tensors().size() * sizeof(GgufTensor) + gguf_->values().size() * sizeof(GgufValue) +
         adapter_owned_bytes_;
}

void Model::check_tensors() const {
  for (const GgufTensor& tensor : gguf_->tensors()) {
    const TypeInfo& type = *tensor.type;
    const size_t blocks = tensor.elements() / type.block_size;
    if (type.has_finite_scales(tensor.data.data(), blocks)) continue;
    size_t bad = 0;
    while (type.has_finite_scales(tensor.data.data() + bad * type.block_bytes, 1)) ++bad;
    fail(ExitCode::bad_file, "{}: tensor {}: {} {} is not finite", gguf_->path(), printable(tensor.name),
         type.block_size == 1 ? "value" : "the scale of block", bad);
  }
}

}  // namespace thimble
