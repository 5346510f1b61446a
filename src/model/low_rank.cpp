#include "model/low_rank.h"

#include <algorithm>

namespace thimble {
namespace {

constexpr size_t kTokens = 32;  // of a piece
constexpr size_t kRows = 16;    // of a, of a piece

// Float records of `tokens` tokens, the first of them at `x`.
struct Records {
  const std::byte* x;
  size_t stride;  // bytes
  size_t tokens;
};

// `rows` rows of a factor from `first_row` on times the records; y: [tokens][rows], y_stride floats apart.
void multiply(const Kernels& kernels, const Matrix& factor, size_t first_row, size_t rows, const Records& records,
              std::byte* scratch, float* y, size_t y_stride) {
  MatmulTask task{};
  task.weights = factor.data + first_row * factor.stride;
  task.weight_stride = factor.stride;
  task.k = factor.columns;
  task.row_end = rows;
  task.x = records.x;
  task.x_stride = records.stride;
  task.tokens = records.tokens;
  task.y = y;
  task.y_stride = y_stride;
  task.scratch = scratch;
  kernels.matmul[static_cast<size_t>(factor.type)](task);
}

// The same where some of x is dropped: the panel takes as many tokens' rows as it has room for.
void multiply_dropped(const Kernels& kernels, const Workspace& space, unsigned worker, const Weight& weight,
                      const LowRank& update, const Records& records, size_t first_token, size_t first_row, size_t rows,
                      float* y, size_t y_stride) {
  std::byte* panel = space.panel(worker);
  const size_t step = panel_rows(space.layout().panel, records.stride / sizeof(float));
  for (size_t begin = 0; begin < records.tokens; begin += step) {
    const size_t tokens = std::min(step, records.tokens - begin);
    for (size_t t = 0; t < tokens; ++t) {
      update.dropout->apply(weight.tensor, first_token + begin + t, 0, weight.columns,
                            reinterpret_cast<const float*>(records.x + (begin + t) * records.stride),
                            reinterpret_cast<float*>(panel + t * records.stride));
    }
    multiply(kernels, update.a, first_row, rows, {panel, records.stride, tokens}, space.kernel_scratch(worker),
             y + begin * y_stride, y_stride);
  }
}

}  // namespace

size_t low_rank_stride(const LowRank& update) { return activation_layout(ActivationType::f32, update.rank()).bytes; }

void run_inner_products(Worker& worker, const Kernels& kernels, const Workspace& space,
                        std::span<const Product> products, size_t tokens) {
  // Few rows: tokens are shared out as well.
  const size_t token_pieces = (tokens + kTokens - 1) / kTokens;
  const auto pieces_of = [&](const LowRank& update) { return (update.rank() + kRows - 1) / kRows * token_pieces; };
  const auto run_piece = [&](const Weight& weight, const LowRank& update, std::byte* out, size_t piece) {
    const size_t token = piece % token_pieces * kTokens, row = piece / token_pieces * kRows;
    const size_t rows = std::min(kRows, update.rank() - row);
    const size_t x_stride = activation_layout(ActivationType::f32, weight.columns).bytes;
    const Records records{space.records[static_cast<size_t>(ActivationType::f32)] + token * x_stride, x_stride,
                          std::min(kTokens, tokens - token)};
    const size_t y_stride = low_rank_stride(update) / sizeof(float);
    float* y = reinterpret_cast<float*>(out) + token * y_stride + row;
    if (update.drops()) {
      multiply_dropped(kernels, space, worker.index(), weight, update, records, token, row, rows, y, y_stride);
    } else {
      multiply(kernels, update.a, row, rows, records, space.kernel_scratch(worker.index()), y, y_stride);
    }
    for (size_t t = 0; t < records.tokens; ++t) kernels.scale(update.scale, rows, y + t * y_stride);
  };
  size_t pieces = 0;
  for (const Product& product : products) {
    for (const LowRank& update : product.weight->updates) pieces += pieces_of(update);
  }
  if (pieces == 0) return;
  worker.for_each_piece(pieces, 1, [&](size_t piece, size_t) {
    std::byte* out = space.low_rank;
    size_t first = 0;
    for (const Product& product : products) {
      for (const LowRank& update : product.weight->updates) {
        const size_t count = pieces_of(update);
        if (piece >= first && piece < first + count) run_piece(*product.weight, update, out, piece - first);
        first += count;
        out += tokens * low_rank_stride(update);
      }
    }
  });
}

void add_outer_products(Worker& worker, const Kernels& kernels, const Workspace& space, const Product& product,
                        const LowRank& update, const std::byte* inner, size_t begin, size_t end, size_t tokens) {
  alignas(64) float part[kTokens * kMatmulRowTile];
  const size_t stride = low_rank_stride(update);
  const size_t row_end = std::min<size_t>(end * kMatmulRowTile, update.b.rows);
  for (size_t row = begin * kMatmulRowTile; row < row_end; row += kMatmulRowTile) {
    const size_t rows = std::min(kMatmulRowTile, row_end - row);
    for (size_t token = 0; token < tokens; token += kTokens) {
      const Records records{inner + token * stride, stride, std::min(kTokens, tokens - token)};
      multiply(kernels, update.b, row, rows, records, space.kernel_scratch(worker.index()), part, kMatmulRowTile);
      for (size_t t = 0; t < records.tokens; ++t) {
        kernels.add(part + t * kMatmulRowTile, rows, product.y + (token + t) * product.weight->rows + row);
      }
    }
  }
}

void add_embedding_update(const Kernels& kernels, const Workspace& space, const LowRank& update, uint32_t row,
                          float* y) {
  float* inner = reinterpret_cast<float*>(space.low_rank);
  float* outer = space.row(0);
  const TypeInfo& info = type_info(update.a.type);
  info.unpack(update.a.data + row * update.a.stride, inner, update.rank() / info.block_size);
  kernels.scale(update.scale, update.rank(), inner);
  multiply(kernels, update.b, 0, update.b.rows, {space.low_rank, low_rank_stride(update), 1}, space.kernel_scratch(0),
           outer, update.b.rows);
  kernels.add(outer, update.b.rows, y);
}

}  // namespace thimble
