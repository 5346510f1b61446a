#include "model/products.h"

#include <algorithm>
#include <cstring>

#include "model/low_rank.h"

namespace thimble {
namespace {

size_t row_tiles(const Weight& weight) { return (weight.rows + kMatmulRowTile - 1) / kMatmulRowTile; }

void run_tiles(Worker& worker, const Kernels& kernels, const Workspace& space, const Product& product, size_t begin,
               size_t end, size_t tokens) {
  const Weight& weight = *product.weight;
  const ActivationType type = activation_type(weight.type);
  MatmulTask task{};
  task.weights = weight.data;
  task.weight_stride = weight.stride;
  task.k = weight.columns;
  task.row_begin = begin * kMatmulRowTile;
  task.row_end = std::min<size_t>(end * kMatmulRowTile, weight.rows);
  task.x = space.records[static_cast<size_t>(type)];
  task.x_stride = activation_layout(type, weight.columns).bytes;
  task.tokens = tokens;
  task.y = product.y;
  task.y_stride = weight.rows;
  task.scratch = space.kernel_scratch(worker.index());
  kernels.matmul[static_cast<size_t>(weight.type)](task);
}

// The same on floats: a few rows at a time are unpacked.
void run_tiles_as_floats(Worker& worker, const Kernels& kernels, const Workspace& space, const Product& product,
                         size_t begin, size_t end, size_t tokens) {
  const Weight& weight = *product.weight;
  std::byte* panel = space.panel(worker.index());
  MatmulTask task{};
  task.weights = panel;
  task.weight_stride = weight.columns * sizeof(float);
  task.k = weight.columns;
  task.x = space.records[static_cast<size_t>(ActivationType::f32)];
  task.x_stride = activation_layout(ActivationType::f32, weight.columns).bytes;
  task.tokens = tokens;
  task.y_stride = weight.rows;
  task.scratch = space.kernel_scratch(worker.index());
  const size_t step = panel_rows(space.layout().panel, weight.columns);
  const size_t row_end = std::min<size_t>(end * kMatmulRowTile, weight.rows);
  for (size_t row = begin * kMatmulRowTile; row < row_end; row += step) {
    task.row_end = std::min(step, row_end - row);
    for (size_t i = 0; i < task.row_end; ++i) {
      unpack_weights(kernels, weight.type, weight.data + (row + i) * weight.stride, weight.columns,
                     reinterpret_cast<float*>(panel) + i * weight.columns);
    }
    task.y = product.y + row;
    kernels.matmul[static_cast<size_t>(NumberType::F32)](task);
  }
}

// The same on what is rounded to bfloat16.
void run_tiles_as_pairs(Worker& worker, const Kernels& kernels, const Workspace& space, const Product& product,
                        size_t begin, size_t end, size_t tokens) {
  const Weight& weight = *product.weight;
  auto* const panel = reinterpret_cast<uint32_t*>(space.panel(worker.index()));
  PairMatmulTask task{};
  task.weights = panel;
  task.x = space.pairs;
  task.pairs = pair_count(weight.columns);
  task.tokens = tokens;
  task.y_stride = weight.rows;
  const size_t step = panel_rows(space.layout().panel, weight.columns);
  const size_t row_end = std::min<size_t>(end * kMatmulRowTile, weight.rows);
  for (size_t row = begin * kMatmulRowTile; row < row_end; row += step) {
    task.rows = std::min(step, row_end - row);
    for (size_t i = 0; i < task.rows; ++i) {
      float* const values = space.row(worker.index());
      unpack_weights(kernels, weight.type, weight.data + (row + i) * weight.stride, weight.columns, values);
      kernels.pair_record(values, weight.columns, panel + i * task.pairs);
    }
    task.y = product.y + row;
    kernels.matmul_pairs(task);
  }
}

// How the row tiles of a step are cut. One token reads weights as fast as memory gives them, which takes long runs: a large
// piece for each worker first, then small ones to even them out. Many tokens stay with each tile for long: pieces alike.
class PieceBounds {
 public:
  PieceBounds(size_t tiles, size_t workers, size_t tokens)
      : tiles_(tiles), large_(workers), small_(workers * (tokens == 1 ? 4 : 15)) {
    large_end_ = tokens == 1 ? tiles * 3 / 4 : tiles / 16;
  }
  size_t pieces() const { return large_ + small_; }
  // First tile of a piece; pieces() gives the end of the last.
  size_t at(size_t piece) const {
    if (piece <= large_) return large_end_ * piece / large_;
    return large_end_ + (tiles_ - large_end_) * (piece - large_) / small_;
  }

 private:
  size_t tiles_;
  size_t large_;
  size_t small_;
  size_t large_end_;
};

}  // namespace

RecordTypes record_types(std::initializer_list<const Weight*> weights) {
  RecordTypes types = 0;
  for (const Weight* weight : weights) {
    types |= 1u << static_cast<unsigned>(activation_type(weight->type));
    if (!weight->updates.empty()) types |= 1u << static_cast<unsigned>(ActivationType::f32);
  }
  return types;
}

void unpack_weights(const Kernels& kernels, NumberType type, const std::byte* from, size_t count, float* to) {
  using enum NumberType;
  if (type == F16 || type == BF16 || type == Q8_0 || type == Q5_1 || type == Q5_0 || type == Q4_0) {
    kernels.load_v(type, from, count, 0, to);  // as a value of that width in a cache
    return;
  }
  const TypeInfo& info = type_info(type);
  info.unpack(from, to, count / info.block_size);
}

void make_records(const Kernels& kernels, const Workspace& space, RecordTypes types, size_t token, const float* row,
                  size_t width) {
  if (space.layout().options.training) types = 1u << static_cast<unsigned>(ActivationType::f32);
  for (unsigned i = 0; i < space.records.size(); ++i) {
    if ((types >> i & 1u) == 0) continue;
    const auto type = static_cast<ActivationType>(i);
    if (space.layout().options.bfloat) kernels.pair_record(row, width, space.pairs + token * pair_count(width));
    std::byte* record = space.records[i] + token * activation_layout(type, width).bytes;
    switch (type) {
      case ActivationType::f32: std::memcpy(record, row, width * sizeof(float)); break;
      case ActivationType::q8_32: kernels.quantize_q8_32(row, width, record); break;
      case ActivationType::q8_256: kernels.quantize_q8_256(row, width, record); break;
    }
  }
}

void run_products(Worker& worker, const Kernels& kernels, const Workspace& space, std::span<const Product> products,
                  size_t tokens) {
  run_inner_products(worker, kernels, space, products, tokens);
  size_t tiles = 0;
  for (const Product& product : products) tiles += row_tiles(*product.weight);
  const PieceBounds bounds(tiles, worker.count(), tokens);
  worker.for_each_piece(bounds.pieces(), 1, [&](size_t piece, size_t) {
    const size_t begin = bounds.at(piece), end = bounds.at(piece + 1);
    size_t first = 0;
    const std::byte* inner = space.low_rank;
    for (const Product& product : products) {
      const size_t count = row_tiles(*product.weight);
      const size_t from = std::max(begin, first), to = std::min(end, first + count);
      const WorkspaceOptions& options = space.layout().options;
      const bool as_floats = options.training && activation_type(product.weight->type) != ActivationType::f32;
      auto* const run = options.bfloat ? run_tiles_as_pairs : as_floats ? run_tiles_as_floats : run_tiles;
      if (from < to) run(worker, kernels, space, product, from - first, to - first, tokens);
      for (const LowRank& update : product.weight->updates) {
        if (from < to)
          add_outer_products(worker, kernels, space, product, update, inner, from - first, to - first, tokens);
        inner += tokens * low_rank_stride(update);
      }
      first += count;
    }
  });
}

}  // namespace thimble
