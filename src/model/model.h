// A model bound to its file: every tensor of the family's rows found, typed and of the right shape. Immutable.
#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "format/gguf.h"
#include "model/arch_spec.h"
#include "model/dropout.h"
#include "model/hyperparameters.h"

namespace thimble {

// [rows][columns] in blocks of the number format. Empty where there is none.
struct Matrix {
  const std::byte* data = nullptr;
  NumberType type = NumberType::F32;
  uint32_t columns = 0;
  uint32_t rows = 0;
  size_t stride = 0;  // bytes a row

  explicit operator bool() const { return data != nullptr; }
};

// What an adapter adds to a product: scale * b (a x). For the embedding's table: scale * b (row of a). Both are F32, F16 or BF16.
struct LowRank {
  Matrix a;  // [rank][columns of the weight]; of the embedding [vocabulary_size][rank]
  Matrix b;  // [rows of the weight][rank]; of the embedding [embedding_length][rank]
  float scale = 1;
  const Dropout* dropout = nullptr;  // of a training pass, on what `a` reads; null for none

  bool drops() const { return dropout != nullptr && dropout->rate > 0; }
  uint32_t rank() const { return b.columns; }
};

// A matrix inside the file's mapping: a whole tensor, or, of a fused one, the rows of one part.
struct Weight : Matrix {
  uint64_t file_offset = 0;
  uint32_t tensor = 0;           // index in gguf.tensors()
  uint32_t first_row = 0;        // of the tensor
  std::vector<LowRank> updates;  // of adapters, in their order
};

class Model {
 public:
  enum class Depth {
    shapes,   // no tensor data is read: enough for plan and info
    runnable  // vectors (norms, biases) are loaded too
  };
  // Throws Error(bad_file) naming the tensor: missing, unknown, of another shape, or of a type that no kernel takes.
  // `gguf` must outlive the model.
  static Model bind(const Gguf& gguf, Depth depth = Depth::runnable);

  // Adds a LoRA adapter: every product with a weight that it names gains scale * alpha / rank * b (a x), or scale * b (a x)
  // where it says no alpha; a scale of 0 adds nothing. The weights stay as they are. Adapters add up, in the order of the calls,
  // which must come before any session's. Throws Error(bad_file) as read_adapter does, and for factors that are not finite
  // where the model is runnable. `adapter` must outlive the model.
  void add_adapter(const Gguf& adapter, float scale);

  // The same for one tensor of the model, with factors that the caller keeps and may change between passes: what is trained.
  // Each weight that is bound to the tensor gains `update`, of a fused one its rows. False where no product has the tensor.
  bool add_update(const LowRank& update, const GgufTensor& tensor) { return attach(update, tensor) != 0; }

  // Lets a weight (a part of a fused tensor too) be other values of the same shape, which must outlive the model. Nothing else
  // changes: not the plan, nor what check_tensors() reads. Not while a pass runs.
  void replace_matrix(Role role, const Matrix& matrix);
  void replace_matrix(uint32_t block, Role role, const Matrix& matrix);

  // The pages of the file that hold a block's matrices, or the head, leave this process's memory until they are read again.
  void forget_block(uint32_t block) const;
  void forget_head() const { forget(head()); }

  const Gguf& gguf() const { return *gguf_; }
  const ArchSpec& spec() const { return *spec_; }
  const Hyperparameters& hyper() const { return hyper_; }

  const Weight& matrix(Role role) const { return file_.matrices[index(role)]; }
  const Weight& matrix(uint32_t block, Role role) const { return blocks_[block].matrices[index(role)]; }
  // float32 values, nullptr where the file has none.
  const float* vector(Role role) const { return pointer(file_.vectors[index(role)]); }
  const float* vector(uint32_t block, Role role) const { return pointer(blocks_[block].vectors[index(role)]); }
  std::span<const float> values(uint32_t block, Role role) const {
    const Slot& slot = blocks_[block].vectors[index(role)];
    return std::span(values_).subspan(slot.begin, slot.count);
  }

  // An encoder has no head: it gives vectors, not logits.
  bool has_head() const { return spec_->head == Head::logits; }
  // The matrix that makes logits: output, or the embedding where the head is tied to it. Of a model with a head.
  const Weight& head() const { return matrix(Role::output) ? matrix(Role::output) : matrix(Role::token_embd); }
  bool is_tied() const { return has_head() && !matrix(Role::output); }

  // What adapters add to a token's row of the embedding.
  std::span<const LowRank> embedding_updates() const { return embedding_updates_; }

  // One token's row of the embedding as floats, out: [embedding_length]. Where no tied head needs the table, the row is read past
  // the mapping, so that a table of which few rows are used does not become resident. staging: at least staging_bytes().
  void embedding_row(uint32_t token, std::span<std::byte> staging, float* out) const;
  // A row of a table that is not a head, out: [embedding_length].
  void table_row(Role table, size_t row, float* out) const;
  size_t staging_bytes() const { return matrix(Role::token_embd).stride; }

  // Of the files' mappings once every weight has been used, with the head or without.
  uint64_t resident_bytes(bool with_head = true) const;
  uint64_t owned_bytes() const;  // heap that a runnable model holds beside the mapping

  // Reads every tensor of the model's file; throws Error(bad_file) naming the first with a value or block scale that is not finite.
  void check_tensors() const;

 private:
  struct Slot {
    size_t begin = 0;  // in values_
    size_t count = 0;  // 0: none
  };
  struct Tensors {
    std::array<Weight, kRoleCount> matrices{};
    std::array<Slot, kRoleCount> vectors{};
    std::bitset<kRoleCount> bound;
  };
  static constexpr size_t index(Role role) { return static_cast<size_t>(role); }
  const float* pointer(const Slot& slot) const { return slot.count == 0 ? nullptr : values_.data() + slot.begin; }

  void forget(const Weight& weight) const;
  void bind_row(const TensorRow& row, uint32_t block, Tensors& into);
  void bind_matrix(const GgufTensor& tensor, uint64_t first_row, uint64_t rows, Weight& weight) const;
  Slot load_vector(const GgufTensor& tensor);
  uint64_t length_of(Role role) const;
  void check_rope_factors(Role role) const;
  void check_dense_layers() const;
  void refuse_unknown_tensors(size_t bound) const;
  Matrix load_factor(const Gguf& adapter, const GgufTensor& tensor);
  size_t attach(const LowRank& update, const GgufTensor& base);  // gives it to each weight bound to `base`; how many

  const Gguf* gguf_ = nullptr;
  const ArchSpec* spec_ = nullptr;
  Hyperparameters hyper_;
  Depth depth_ = Depth::runnable;
  Tensors file_;
  std::vector<Tensors> blocks_;
  std::vector<float> values_;
  std::vector<bool> bound_;  // by index in gguf.tensors()
  uint64_t vector_count_ = 0;
  std::vector<LowRank> embedding_updates_;
  bool table_is_replaced_ = false;  // by replace_matrix()
  std::vector<std::vector<float>> unpacked_factors_;
  uint64_t adapter_resident_bytes_ = 0;
  uint64_t adapter_owned_bytes_ = 0;
};

}  // namespace thimble
