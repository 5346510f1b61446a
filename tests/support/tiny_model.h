// A small random model of any family, written from the family's own rows: every weight is a function of its tensor's name and
// its index, so that tests/oracle/tiny_logits.py can make the same model in another library.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "format/gguf_writer.h"
#include "model/arch_spec.h"
#include "quant/type_list.h"

namespace thimble::test {

struct TinyModel {
  NumberType matrix_type = NumberType::F32;
  uint32_t block_count = 7;  // enough for a layer that sees everything after window layers
  uint32_t embedding_length = 64;
  uint32_t feed_forward_length = 96;
  uint32_t head_count = 4;
  uint32_t head_count_kv = 2;
  uint32_t key_length = 32;
  uint32_t context_length = 512;
  uint32_t sliding_window = 16;
  uint32_t vocabulary_size = 320;
  bool tied = false;
  std::vector<Role> with;                        // optional tensors that the file has
  std::vector<Role> without;                     // required ones that it lacks: their fused tensor is in `with`
  std::function<void(Hyperparameters&)> adjust;  // before anything is written
  std::string rope_scaling;                      // rope.scaling.type, none where empty
  std::vector<std::string> tokens;               // in place of as many unused ones
};

// Uniform in [-1, 1), of 24 bits: FNV-1a of the name plus the index through splitmix64's finaliser.
inline std::vector<float> tiny_values(std::string_view name, size_t count) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : name) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) {
    uint64_t z = hash + (i + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    values[i] = static_cast<float>(z >> 40) * 0x1p-23f - 1.0f;
  }
  return values;
}

// Matrices keep the size of what passes through them; norms are near 1, biases small.
inline std::vector<float> tiny_weights(const TensorRow& row, const std::string& name, size_t columns, size_t rows) {
  std::vector<float> values = tiny_values(name, columns * rows);
  const bool is_bias = name.ends_with(".bias");
  const float spread = !row.is_vector() ? std::sqrt(3.0f / static_cast<float>(columns)) : is_bias ? 0.1f : 0.2f;
  for (float& value : values) value = value * spread + (row.is_vector() && !is_bias ? 1.0f : 0.0f);
  return values;
}

inline Hyperparameters tiny_hyperparameters(const ArchSpec& spec, const TinyModel& tiny) {
  Hyperparameters h = spec.defaults;
  h.block_count = tiny.block_count;
  h.context_length = tiny.context_length;
  h.embedding_length = tiny.embedding_length;
  h.feed_forward_length = tiny.feed_forward_length;
  h.head_count = tiny.head_count;
  h.head_count_kv = tiny.head_count_kv;
  h.key_length = h.value_length = h.rope_dimension_count = tiny.key_length;
  h.vocabulary_size = tiny.vocabulary_size;
  h.layer_norm_epsilon = 1e-5f;
  h.sliding_window = tiny.sliding_window;
  h.rope_original_context_length = tiny.context_length;
  if (h.token_type_count == 0) h.token_type_count = 2;
  if (tiny.adjust) tiny.adjust(h);
  if (h.attention_scale == 0) h.attention_scale = 1.0f / std::sqrt(static_cast<float>(h.key_length));
  return h;
}

// The 256 bytes as byte-level BPE spells them, three control tokens, and unused ones up to the vocabulary's size.
inline void add_tiny_tokenizer(GgufWriter& writer, const TinyModel& tiny) {
  std::vector<std::string> tokens;
  uint32_t next = 256;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    const bool shown = (byte >= 33 && byte <= 126) || (byte >= 161 && byte != 173);
    const uint32_t c = shown ? byte : next++;
    tokens.push_back(c < 128 ? std::string(1, static_cast<char>(c))
                             : std::string{static_cast<char>(0xc0 | c >> 6), static_cast<char>(0x80 | (c & 63))});
  }
  std::vector<int32_t> types(tokens.size(), 1);
  for (const char* control : {"<|endoftext|>", "<|im_start|>", "<|im_end|>"}) {
    tokens.emplace_back(control);
    types.push_back(3);
  }
  for (const std::string& token : tiny.tokens) {
    tokens.push_back(token);
    types.push_back(5);
  }
  while (tokens.size() < tiny.vocabulary_size) {
    tokens.push_back("<unused" + std::to_string(tokens.size()) + ">");
    types.push_back(5);
  }
  const std::vector<std::string_view> views(tokens.begin(), tokens.end());
  writer.set("tokenizer.ggml.model", "gpt2");
  writer.set("tokenizer.ggml.pre", "gpt-2");
  writer.set("tokenizer.ggml.tokens", std::span<const std::string_view>(views));
  writer.set("tokenizer.ggml.token_type", std::span<const int32_t>(types));
  const std::string_view merges[] = {"t h"};
  writer.set("tokenizer.ggml.merges", std::span<const std::string_view>(merges).first(0));
  writer.set("tokenizer.ggml.eos_token_id", uint32_t{258});
  writer.set("tokenizer.ggml.bos_token_id", uint32_t{256});
  writer.set("tokenizer.ggml.add_bos_token", false);
  writer.set(
      "tokenizer.chat_template",
      "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endfor %}"
      "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}");
}

inline void write_tiny_model(const ArchSpec& spec, const TinyModel& tiny, const std::string& path) {
  const Hyperparameters h = tiny_hyperparameters(spec, tiny);
  GgufWriter writer(path);
  writer.set("general.architecture", spec.name);
  writer.set("general.name", "tiny " + std::string(spec.name));
  for (const HyperRow& row : spec.hyperparameters) {
    const std::string key = hyper_key(spec.name, row.gguf);
    if (const auto* integer = std::get_if<uint32_t Hyperparameters::*>(&row.field)) {
      if (h.**integer != 0) writer.set(key, h.**integer);
    } else if (const auto* real = std::get_if<float Hyperparameters::*>(&row.field)) {
      if (h.**real != 0) writer.set(key, h.**real);
    } else {
      const auto flag = std::get<bool Hyperparameters::*>(row.field);
      if (h.*flag != spec.defaults.*flag || !(h.*flag)) writer.set(key, h.*flag);
    }
  }
  if (!tiny.rope_scaling.empty()) writer.set(hyper_key(spec.name, "rope.scaling.type"), tiny.rope_scaling);
  add_tiny_tokenizer(writer, tiny);
  std::vector<std::pair<const TensorRow*, std::string>> tensors;
  for (const TensorRow& row : spec.tensors) {
    const auto listed = [&](const std::vector<Role>& roles) { return std::ranges::count(roles, row.role) != 0; };
    const bool wanted = (row.presence == Presence::required && !listed(tiny.without)) ||
                        (row.role == Role::output && !tiny.tied && spec.head == Head::logits) || listed(tiny.with);
    for (uint32_t block = 0; wanted && block < (row.in_block() ? h.block_count : 1); ++block) {
      tensors.emplace_back(&row, tensor_name(row, block));
      const uint64_t shape[] = {resolve(row.columns, h), resolve(row.rows, h)};
      writer.add_tensor(tensors.back().second, std::span(shape, shape[1] == 1 ? 1 : 2),
                        row.is_vector() ? NumberType::F32 : tiny.matrix_type);
    }
  }
  for (const auto& [row, name] : tensors) {
    const TypeInfo& info = type_info(row->is_vector() ? NumberType::F32 : tiny.matrix_type);
    const std::vector<float> values = tiny_weights(*row, name, resolve(row->columns, h), resolve(row->rows, h));
    std::vector<std::byte> bytes(values.size() / info.block_size * info.block_bytes);
    info.pack(values.data(), bytes.data(), values.size() / info.block_size);
    writer.write_data(bytes);
  }
  writer.commit();
}

}  // namespace thimble::test
