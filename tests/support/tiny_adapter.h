// A small random LoRA adapter for a model of tiny_model.h, its factors functions of their tensors' names, so that
// tests/oracle/tiny_adapters.py can make the same adapter in another library.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "format/gguf_writer.h"
#include "support/tiny_model.h"

namespace thimble::test {

struct TinyAdapter {
  std::string seed = "first";  // two adapters of different seeds differ in all values
  uint64_t rank = 8;
  float alpha = 16;
  NumberType type = NumberType::F32;
  std::vector<Role> roles = {Role::attn_q,   Role::attn_k, Role::attn_v,  Role::attn_output,
                             Role::ffn_gate, Role::ffn_up, Role::ffn_down};
};

// The adapters of tests/oracle/tiny_adapters.py and the scales they have there.
inline TinyAdapter first_tiny_adapter() { return {}; }
inline TinyAdapter second_tiny_adapter() {
  return {
      "second", 5, 3, NumberType::F32, {Role::token_embd, Role::attn_q, Role::attn_v, Role::ffn_down, Role::output}};
}
inline constexpr float kFirstTinyScale = 0.75f, kSecondTinyScale = -1.25f;

inline void write_tiny_adapter(const ArchSpec& spec, const TinyModel& tiny, const TinyAdapter& adapter,
                               const std::string& path) {
  const Hyperparameters h = tiny_hyperparameters(spec, tiny);
  const TypeInfo& info = type_info(adapter.type);
  struct Tensor {
    std::string name;
    uint64_t columns, rows;
    float spread;
  };
  std::vector<Tensor> tensors;
  for (const TensorRow& row : spec.tensors) {
    if (std::find(adapter.roles.begin(), adapter.roles.end(), row.role) == adapter.roles.end()) continue;
    for (uint32_t block = 0; block < (row.in_block() ? h.block_count : 1); ++block) {
      const std::string name = tensor_name(row, block);
      const uint64_t columns = resolve(row.columns, h), rows = resolve(row.rows, h), rank = adapter.rank;
      // What passes through keeps its size, and gains about half of it.
      const float b_spread = 0.5f * std::sqrt(3.0f / static_cast<float>(rank));
      if (row.role == Role::token_embd) {
        tensors.push_back({name + ".lora_a", rank, rows, std::sqrt(3.0f / static_cast<float>(columns))});
        tensors.push_back({name + ".lora_b", rank, columns, b_spread});
      } else {
        tensors.push_back({name + ".lora_a", columns, rank, std::sqrt(3.0f / static_cast<float>(columns))});
        tensors.push_back({name + ".lora_b", rank, rows, b_spread});
      }
    }
  }
  GgufWriter writer(path);
  writer.set("general.type", "adapter");
  writer.set("general.architecture", spec.name);
  writer.set("adapter.type", "lora");
  writer.set("adapter.lora.alpha", adapter.alpha);
  for (const Tensor& tensor : tensors) {
    const uint64_t shape[] = {tensor.columns, tensor.rows};
    writer.add_tensor(tensor.name, shape, adapter.type);
  }
  for (const Tensor& tensor : tensors) {
    std::vector<float> values = tiny_values(adapter.seed + tensor.name, tensor.columns * tensor.rows);
    for (float& value : values) value *= tensor.spread;
    std::vector<std::byte> bytes(values.size() / info.block_size * info.block_bytes);
    info.pack(values.data(), bytes.data(), values.size() / info.block_size);
    writer.write_data(bytes);
  }
  writer.commit();
}

}  // namespace thimble::test
