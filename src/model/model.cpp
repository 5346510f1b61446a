#include "model/model.h"

#include <algorithm>
#include <cmath>
#include <cstring>

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
  model.check_rope_factors();
  model.refuse_unknown_tensors(static_cast<size_t>(std::count(model.bound_.begin(), model.bound_.end(), true)));
  return model;
}

void Model::bind_row(const TensorRow& row, uint32_t block, Tensors& into) {
  const std::string name = tensor_name(row, block);
  const GgufTensor* tensor = gguf_->find_tensor(name);
  if (tensor == nullptr) {
    if (row.presence == Presence::optional) return;
    fail(ExitCode::bad_file, "{}: tensor {} is missing", gguf_->path(), name);
  }
  const uint64_t columns = resolve(row.columns, hyper_);
  const uint64_t rows = resolve(row.rows, hyper_);
  if (tensor->shape[0] != columns || tensor->rows() != rows || tensor->shape[1] != rows) {
    fail(ExitCode::bad_file, "{}: tensor {}: expected {}, found {}", gguf_->path(), name, shape_text(columns, rows),
         shape_text(tensor->shape[0], tensor->rows()));
  }
  bound_[static_cast<size_t>(tensor - gguf_->tensors().data())] = true;
  if (row.is_vector()) {
    vector_count_ += columns;
    if (depth_ == Depth::runnable) load_vector(*tensor, into.vectors[index(row.role)]);
    return;
  }
  if (select_kernels("scalar").matmul[static_cast<size_t>(tensor->type->type)] == nullptr) {
    fail(ExitCode::bad_file, "{}: tensor {} is {}, which cannot be computed with; quantize it to another type",
         gguf_->path(), name, tensor->type->name);
  }
  into.matrices[index(row.role)] = Weight{tensor->data.data(),
                                          tensor->type->type,
                                          static_cast<uint32_t>(columns),
                                          static_cast<uint32_t>(rows),
                                          row_bytes(tensor->type->type, columns),
                                          static_cast<uint64_t>(tensor->data.data() - gguf_->file().bytes().data())};
}

void Model::load_vector(const GgufTensor& tensor, Slot& slot) {
  slot = {values_.size(), tensor.elements()};
  values_.resize(slot.begin + slot.count);
  float* values = values_.data() + slot.begin;
  tensor.type->unpack(tensor.data.data(), values, slot.count / tensor.type->block_size);
  for (size_t i = 0; i < slot.count; ++i) {
    if (!std::isfinite(values[i])) {
      fail(ExitCode::bad_file, "{}: tensor {}: value {} is not finite", gguf_->path(), printable(tensor.name), i);
    }
  }
}

void Model::check_rope_factors() const {
  const Slot& slot = file_.vectors[index(Role::rope_freqs)];
  for (size_t i = 0; i < slot.count; ++i) {
    if (const float factor = values_[slot.begin + i]; !(factor > 0)) {
      fail(ExitCode::bad_file, "{}: rope_freqs.weight: factor {} is {}; expected a number above 0", gguf_->path(), i,
           factor);
    }
  }
}

void Model::refuse_unknown_tensors(size_t bound) const {
  if (bound == gguf_->tensors().size()) return;
  for (size_t i = 0; i < bound_.size(); ++i) {
    if (bound_[i]) continue;
    fail(ExitCode::bad_file, "{}: tensor {} is not part of a {} model with {} blocks", gguf_->path(),
         printable(gguf_->tensors()[i].name), spec_->name, hyper_.block_count);
  }
}

void Model::embedding_row(uint32_t token, std::span<std::byte> staging, float* out) const {
  const Weight& table = matrix(Role::token_embd);
  const TypeInfo& info = type_info(table.type);
  const std::byte* row = table.data + table.stride * token;
  if (!is_tied()) {
    gguf_->file().read_at(table.file_offset + table.stride * token, staging.first(table.stride));
    row = staging.data();
  }
  info.unpack(row, out, table.columns / info.block_size);
}

uint64_t Model::resident_bytes() const {
  const Weight& table = matrix(Role::token_embd);
  return gguf_->file_bytes() - (is_tied() ? 0 : static_cast<uint64_t>(table.stride) * table.rows);
}

uint64_t Model::owned_bytes() const {
  return vector_count_ * sizeof(float) + blocks_.size() * sizeof(Tensors) +
         gguf_->tensors().size() * sizeof(GgufTensor) + gguf_->values().size() * sizeof(GgufValue);
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
