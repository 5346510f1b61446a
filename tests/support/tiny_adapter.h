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
  // GGUF names without block and ".weight"; of the model's matrices those that there are.
  std::vector<std::string> targets = {"attn_q",      "attn_k",   "attn_v", "attn_qkv",
                                      "attn_output", "ffn_gate", "ffn_up", "ffn_down"};
};

// The adapters of tests/oracle/tiny_adapters.py and the scales they have there.
inline TinyAdapter first_tiny_adapter() { return {}; }
inline TinyAdapter second_tiny_adapter() {
  return {"second", 5, 3, NumberType::F32, {"token_embd", "attn_q", "attn_v", "attn_qkv", "ffn_down", "output"}};
}
inline constexpr float kFirstTinyScale = 0.75f, kSecondTinyScale = -1.25f;

// "blk.3.attn_q.weight" is "attn_q".
inline std::string tiny_target(std::string_view name) {
  if (name.starts_with("blk.")) name.remove_prefix(name.find('.', 4) + 1);
  return std::string(name.substr(0, name.rfind('.')));
}

inline void write_tiny_adapter(const Gguf& base, const TinyAdapter& adapter, const std::string& path) {
  const TypeInfo& info = type_info(adapter.type);
  struct Tensor {
    std::string name;
    uint64_t columns, rows;
    float spread;
  };
  std::vector<Tensor> tensors;
  // What passes through keeps its size, and gains about half of it.
  const float b_spread = 0.5f * std::sqrt(3.0f / static_cast<float>(adapter.rank));
  const auto add = [&](const std::string& name, uint64_t columns, uint64_t rows) {
    const bool is_table = name == "token_embd.weight";
    const float a_spread = std::sqrt(3.0f / static_cast<float>(columns));
    tensors.push_back({name + ".lora_a", is_table ? adapter.rank : columns, is_table ? rows : adapter.rank, a_spread});
    tensors.push_back({name + ".lora_b", adapter.rank, is_table ? columns : rows, b_spread});
  };
  const auto wanted = [&](const std::string& target) { return std::ranges::count(adapter.targets, target) != 0; };
  for (const GgufTensor& tensor : base.tensors()) {
    if (tensor.axes == 2 && wanted(tiny_target(tensor.name)))
      add(std::string(tensor.name), tensor.shape[0], tensor.shape[1]);
  }
  if (wanted("output") && base.find_tensor("output.weight") == nullptr) {
    const GgufTensor& table = *base.find_tensor("token_embd.weight");
    add("output.weight", table.shape[0], table.shape[1]);
  }
  GgufWriter writer(path);
  writer.set("general.type", "adapter");
  writer.set("general.architecture", *base.string("general.architecture"));
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
