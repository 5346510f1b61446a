// Quantized matrix products on one thread: every format, instruction set and a few batch sizes. Weights are in the L3
// cache; with the argument dram:1 they are not. bytes_per_second counts weights, items_per_second multiply-adds.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <random>
#include <string>
#include <vector>

#include "kernels/kernels.h"
#include "quant/type_list.h"

namespace thimble {
namespace {

constexpr size_t kColumns = 2048;

struct AlignedDelete {
  void operator()(std::byte* p) const { ::operator delete[](p, std::align_val_t{64}); }
};
using AlignedBytes = std::unique_ptr<std::byte[], AlignedDelete>;

AlignedBytes aligned_bytes(size_t n) {
  return AlignedBytes(static_cast<std::byte*>(::operator new[](n, std::align_val_t{64})));
}

// Any bits are valid weights; scales that are not finite cost no more than others.
AlignedBytes random_weights(size_t n) {
  AlignedBytes out = aligned_bytes(n);
  std::mt19937_64 random(1);
  for (size_t i = 0; i < n; i += sizeof(uint64_t)) {
    const uint64_t bits = random();
    std::memcpy(out.get() + i, &bits, std::min(sizeof bits, n - i));
  }
  return out;
}

void matmul(benchmark::State& state, const Kernels& table, const TypeInfo& type, bool dram) {
  const auto tokens = static_cast<size_t>(state.range(0));
  const size_t stride = row_bytes(type.type, kColumns);
  const size_t rows = (dram ? 128 << 20 : 1 << 20) / stride / kMatmulRowTile * kMatmulRowTile;
  const AlignedBytes weights = random_weights(rows * stride);

  const ActivationType activations = activation_type(type.type);
  const size_t record = activation_layout(activations, kColumns).bytes;
  const AlignedBytes x = aligned_bytes(tokens * record);
  std::mt19937 random(2);
  std::normal_distribution<float> normal;
  std::vector<float> values(kColumns);
  for (size_t t = 0; t < tokens; ++t) {
    for (float& value : values) value = normal(random);
    const auto quantize = activations == ActivationType::q8_32 ? table.quantize_q8_32 : table.quantize_q8_256;
    quantize(values.data(), kColumns, x.get() + t * record);
  }

  std::vector<float> y(tokens * rows);
  const AlignedBytes scratch = aligned_bytes(matmul_scratch_bytes(kColumns));
  const MatmulTask task{.weights = weights.get(),
                        .weight_stride = stride,
                        .k = kColumns,
                        .row_begin = 0,
                        .row_end = rows,
                        .x = x.get(),
                        .x_stride = record,
                        .tokens = tokens,
                        .y = y.data(),
                        .y_stride = rows,
                        .scratch = scratch.get()};
  for (auto _ : state) {
    table.matmul[static_cast<size_t>(type.type)](task);
    benchmark::ClobberMemory();
  }
  const auto runs = static_cast<int64_t>(state.iterations());
  state.SetBytesProcessed(runs * static_cast<int64_t>(rows * stride));
  state.SetItemsProcessed(runs * static_cast<int64_t>(rows * kColumns * tokens));
}

const bool kRegistered = [] {
  for (const Kernels* table : available_kernels()) {
    for (const TypeInfo& type : all_types()) {
      if (type.block_size == 1) continue;
      const std::string name = "matmul/" + std::string(table->isa) + "/" + std::string(type.name);
      auto* cached = benchmark::RegisterBenchmark(name.c_str(), matmul, *table, type, false)->ArgName("tokens");
      if (table->isa == "scalar") {
        cached->Arg(1);
        continue;
      }
      for (int tokens : {1, 4, 16, 512}) cached->Arg(tokens);
      benchmark::RegisterBenchmark((name + "/dram").c_str(), matmul, *table, type, true)->ArgName("tokens")->Arg(1);
    }
  }
  return true;
}();

}  // namespace
}  // namespace thimble
