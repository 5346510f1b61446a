// Which type each tensor gets, against llama-quantize; tests/oracle/quantize_types.py made the figures.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>

#include "base/error.h"
#include "compress/quantize_plan.h"
#include "format/gguf_writer.h"
#include "support/temp_file.h"
#include "support/tiny_cases.h"

namespace thimble {
namespace {

struct Shape {
  uint32_t blocks, heads, kv_heads, width, feed_forward;
  bool has_output;
};
// As in the script.
const std::map<std::string, Shape> kShapes = {{"shape-deep", {33, 4, 4, 256, 512, true}},
                                              {"shape-grouped", {20, 8, 2, 256, 256, false}},
                                              {"shape-odd", {9, 4, 2, 96, 320, true}}};

// Names and shapes of a llama; all zeros.
void write_shape(const Shape& s, const std::string& path) {
  GgufWriter writer(path);
  writer.set("general.architecture", "llama");
  writer.set("llama.block_count", s.blocks);
  writer.set("llama.attention.head_count", s.heads);
  writer.set("llama.attention.head_count_kv", s.kv_heads);
  std::vector<std::pair<std::string, std::vector<uint64_t>>> tensors = {{"token_embd.weight", {s.width, 32}},
                                                                        {"output_norm.weight", {s.width}}};
  if (s.has_output) tensors.push_back({"output.weight", {s.width, 32}});
  const uint64_t key = s.width / s.heads * s.kv_heads;
  for (uint32_t b = 0; b < s.blocks; ++b) {
    const auto add = [&](std::string_view name, std::vector<uint64_t> shape) {
      tensors.push_back({fmt::format("blk.{}.{}.weight", b, name), std::move(shape)});
    };
    add("attn_norm", {s.width});
    add("attn_q", {s.width, s.width});
    add("attn_k", {s.width, key});
    add("attn_v", {s.width, key});
    add("attn_output", {s.width, s.width});
    add("ffn_norm", {s.width});
    add("ffn_gate", {s.width, s.feed_forward});
    add("ffn_up", {s.width, s.feed_forward});
    add("ffn_down", {s.feed_forward, s.width});
  }
  for (const auto& [name, shape] : tensors) writer.add_tensor(name, shape, NumberType::F32);
  for (const auto& [name, shape] : tensors) {
    uint64_t elements = 1;
    for (const uint64_t length : shape) elements *= length;
    const std::vector<float> zeros(elements);
    writer.write_data(std::as_bytes(std::span(zeros)));
  }
  writer.commit();
}

// Sums of one for every matrix.
Imatrix even_imatrix(const Gguf& gguf) {
  Imatrix imatrix;
  for (const GgufTensor& tensor : gguf.tensors()) {
    if (tensor.axes < 2 || !tensor.name.ends_with("weight")) continue;
    imatrix.entries[std::string(tensor.name)] = {std::vector<float>(tensor.shape[0], 1.0f), {1}};
  }
  return imatrix;
}

// As the script writes it.
std::string types_of(const Gguf& gguf, const Mix& mix, const Imatrix* imatrix) {
  QuantizePlan plan;
  try {
    plan = plan_quantization(gguf, {.mix = &mix, .imatrix = imatrix, .allow_requantize = true});
  } catch (const Error& error) {
    return std::string(error.what()).find("needs an importance matrix") != std::string::npos ? "refused" : error.what();
  }
  std::vector<std::pair<std::string_view, size_t>> runs;
  for (const PlannedTensor& planned : plan.tensors) {
    if (planned.type == NumberType::F32) continue;
    const std::string_view name = type_info(planned.type).name;
    if (runs.empty() || runs.back().first != name) runs.push_back({name, 0});
    ++runs.back().second;
  }
  std::string out;
  for (const auto& [name, count] : runs) {
    out += (out.empty() ? "" : " ") + std::string(name) + (count > 1 ? fmt::format("*{}", count) : "");
  }
  return out;
}

TEST(QuantizeTypes, AreThoseOfLlamaQuantize) {
  const test::TempFolder folder;
  std::map<std::string, Gguf> models;
  for (const test::TinyCase& tiny : test::tiny_cases()) {
    if (tiny.name.find('-') != std::string::npos) continue;
    test::write_tiny_model(*tiny.spec, tiny.model, folder / tiny.name);
    models.emplace(tiny.name, Gguf::open(folder / tiny.name));
  }
  for (const auto& [name, shape] : kShapes) {
    write_shape(shape, folder / name);
    models.emplace(name, Gguf::open(folder / name));
  }
  std::ifstream golden(THIMBLE_TEST_DATA "/compress/types.txt");
  size_t cases = 0;
  for (std::string line; std::getline(golden, line); ++cases) {
    SCOPED_TRACE(line);
    std::istringstream words(line);
    std::string name, when, mix_name, expected;
    words >> name >> when >> mix_name >> std::ws;
    std::getline(words, expected);
    const auto model = models.find(name);
    ASSERT_NE(model, models.end());
    const Mix* mix = find_mix(mix_name);
    ASSERT_NE(mix, nullptr);
    const Imatrix imatrix = even_imatrix(model->second);
    if (when != "imatrix") {
      EXPECT_EQ(types_of(model->second, *mix, nullptr), expected);
    }
    if (when != "-") {
      EXPECT_EQ(types_of(model->second, *mix, &imatrix), expected);
    }
  }
  EXPECT_EQ(cases, 400u);
}

TEST(QuantizeTypes, MixesAreFoundByNameAliasAndNumber) {
  EXPECT_EQ(find_mix("q4_k_m")->file_type, 15u);
  EXPECT_EQ(find_mix("Q4_K"), find_mix("Q4_K_M"));
  EXPECT_EQ(find_mix("7"), find_mix("Q8_0"));
  for (const char* unknown : {"", "Q4", "99", "7x", "Q4_K_M "}) EXPECT_EQ(find_mix(unknown), nullptr) << unknown;
}

}  // namespace
}  // namespace thimble
