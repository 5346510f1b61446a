#include "model/backward_products.h"

#include <algorithm>

#include "model/low_rank.h"

namespace thimble {
namespace {

constexpr size_t kTile = 8;           // tokens that lie side by side in what is packed
constexpr size_t kPackedRows = 4096;  // of dy that are packed at once
constexpr size_t kPanelRows = 64;     // of a weight
constexpr size_t kSlab = 64;          // columns; of formats with longer blocks, one block
constexpr size_t kWidestSlab = 256;
constexpr size_t kPanelPadding = 16;  // so that rows do not fall on the same lines of the first-level cache
constexpr size_t kTokenChunk = 64;

constexpr float kNothing[kWidestSlab] = {};  // beside the last row of an odd number

size_t tiles_of(size_t tokens) { return (tokens + kTile - 1) / kTile; }

// One product's part of the step.
class ProductBackward {
 public:
  ProductBackward(Worker& worker, const Kernels& kernels, const ProductScratch& scratch,
                  const ProductGradientsTask& task, const ProductGradient& product, bool adds)
      : worker_(worker),
        kernels_(kernels),
        scratch_(scratch),
        task_(task),
        weight_(*product.weight),
        dy_(product.dy),
        adds_(adds),
        block_(type_info(weight_.type).block_size),
        slab_(std::max<size_t>(kSlab, block_)) {}

  // dx (+)= W^T dy and inner = dy B of every update, one after the other.
  void run_rows() const {
    for (size_t row = 0; row < weight_.rows; row += kPackedRows) {
      const size_t rows = std::min<size_t>(kPackedRows, weight_.rows - row);
      worker_.for_each_piece(tiles_of(task_.tokens), 1, [&](size_t tile, size_t) { pack(tile, row, rows); });
      const size_t slabs = task_.dx == nullptr ? 0 : slab_count();
      const size_t inners = weight_.updates.empty() ? 0 : tiles_of(task_.tokens);
      worker_.for_each_piece(slabs + inners, 1, [&](size_t piece, size_t) {
        if (piece < slabs) {
          add_slab(piece, row, rows);
        } else {
          add_inner(piece - slabs, row, rows);
        }
      });
    }
  }

  // dx += inner A of every update, and the gradients of the last one's factors. own: its inner products of the forward pass.
  void run_updates(const std::byte* own, size_t own_stride) const {
    if (weight_.updates.empty()) return;
    const LowRankGradient gradient = task_.gradients.empty() ? LowRankGradient{} : task_.gradients[weight_.tensor];
    const size_t slabs = slab_count();
    const size_t row_pieces = gradient.b == nullptr ? 0 : (weight_.rows + kSlab - 1) / kSlab;
    worker_.for_each_piece(slabs + row_pieces, 1, [&](size_t piece, size_t) {
      if (piece < slabs) {
        add_update_slab(piece, gradient);
      } else {
        add_b(piece - slabs, own, own_stride, gradient);
      }
    });
  }

 private:
  size_t slab_count() const { return (weight_.columns + slab_ - 1) / slab_; }
  size_t slab_width(size_t slab) const { return std::min(slab_, weight_.columns - slab * slab_); }

  // packed[tile][row][token of the tile]
  void pack(size_t tile, size_t first_row, size_t rows) const {
    float* out = scratch_.packed + tile * kPackedRows * kTile;
    const size_t tokens = std::min(kTile, task_.tokens - tile * kTile);
    const float* dy = dy_ + tile * kTile * weight_.rows + first_row;
    for (size_t row = 0; row < rows; ++row) {
      for (size_t t = 0; t < tokens; ++t) out[row * kTile + t] = dy[t * weight_.rows + row];
    }
    if (scratch_.pairs == nullptr) return;
    uint32_t* pairs = scratch_.pairs + tile * kPackedRows * kTile / 2;
    for (size_t row = 0; row < rows; row += 2, pairs += kTile) {
      const float* first = out + row * kTile;
      kernels_.pair_rows(first, row + 1 < rows ? first + kTile : kNothing, kTile, pairs);
    }
  }

  void add_slab(size_t slab, size_t first_row, size_t rows) const {
    const TypeInfo& info = type_info(weight_.type);
    const size_t width = slab_width(slab), column = slab * slab_;
    float* const panel = this->panel();
    if (first_row == 0 && !adds_) {
      for (size_t t = 0; t < task_.tokens; ++t) std::fill_n(task_.dx + t * weight_.columns + column, width, 0.0f);
    }
    for (size_t row = 0; row < rows; row += kPanelRows) {
      const size_t depth = std::min(kPanelRows, rows - row);
      const std::byte* data = weight_.data + (first_row + row) * weight_.stride + column / block_ * info.block_bytes;
      for (size_t i = 0; i < depth; ++i) {
        unpack_weights(kernels_, weight_.type, data + i * weight_.stride, width, panel + i * (slab_ + kPanelPadding));
      }
      if (scratch_.pairs != nullptr) {
        add_pair_panel(panel, row, depth, column, width);
        continue;
      }
      for (size_t tile = 0; tile < tiles_of(task_.tokens); ++tile) {
        add_tile(scratch_.packed + (tile * kPackedRows + row) * kTile, panel, slab_ + kPanelPadding, depth, tile,
                 column, width);
      }
    }
  }

  // The panel's part of dx of all tokens, from what is rounded to bfloat16.
  void add_pair_panel(const float* panel, size_t row, size_t depth, size_t column, size_t width) const {
    const size_t stride = slab_ + kPanelPadding, pairs = (depth + 1) / 2;
    uint32_t* const rounded = scratch_.pair_panels + worker_.index() * ProductScratch::panel_pairs();
    for (size_t i = 0; i < pairs; ++i) {
      const float* first = panel + 2 * i * stride;
      kernels_.pair_rows(first, 2 * i + 1 < depth ? first + stride : kNothing, width, rounded + i * stride);
    }
    for (size_t tile = 0; tile < tiles_of(task_.tokens); ++tile) {
      const size_t tokens = std::min(kTile, task_.tokens - tile * kTile);
      kernels_.add_outer_pairs({scratch_.pairs + (tile * kPackedRows + row) * kTile / 2, kTile, rounded, stride, pairs,
                                tokens, width, task_.dx + tile * kTile * weight_.columns + column, weight_.columns});
    }
  }

  // dx of one tile of tokens += a^T b. a: [depth][kTile], b: [depth][width]
  void add_tile(const float* a, const float* b, size_t b_stride, size_t depth, size_t tile, size_t column,
                size_t width) const {
    const size_t tokens = std::min(kTile, task_.tokens - tile * kTile);
    kernels_.add_outer_products({a, kTile, b, b_stride, depth, tokens, width,
                                 task_.dx + tile * kTile * weight_.columns + column, weight_.columns});
  }

  // inner[token][rank], and packed behind it as inner[tile][rank][token of the tile].
  float* inner(size_t update) const {
    float* at = scratch_.inner;
    for (size_t i = 0; i < update; ++i) {
      at += ProductScratch::inner_floats(task_.tokens, weight_.updates[i].rank());
    }
    return at;
  }
  float* packed_inner(size_t update) const {
    return inner(update) + tiles_of(task_.tokens) * kTile * weight_.updates[update].rank();
  }

  void add_inner(size_t tile, size_t first_row, size_t rows) const {
    for (size_t i = 0; i < weight_.updates.size(); ++i) {
      const LowRank& update = weight_.updates[i];
      const size_t rank = update.rank(), tokens = std::min(kTile, task_.tokens - tile * kTile);
      float* sums = inner(i) + tile * kTile * rank;
      if (first_row == 0) std::fill_n(sums, kTile * rank, 0.0f);
      const auto* b = reinterpret_cast<const float*>(update.b.data) + first_row * rank;
      for (size_t row = 0; row < rows; row += kPanelRows) {
        kernels_.add_outer_products({scratch_.packed + (tile * kPackedRows + row) * kTile, kTile, b + row * rank, rank,
                                     std::min(kPanelRows, rows - row), tokens, rank, sums, rank});
      }
      if (first_row + rows < weight_.rows) continue;
      kernels_.scale(update.scale, tokens * rank, sums);
      float* packed = packed_inner(i) + tile * kTile * rank;
      for (size_t j = 0; j < rank; ++j) {
        for (size_t t = 0; t < tokens; ++t) packed[j * kTile + t] = sums[t * rank + j];
      }
    }
  }

  float* panel() const { return scratch_.panels + worker_.index() * ProductScratch::panel_floats(); }

  void add_update_slab(size_t slab, const LowRankGradient& gradient) const {
    const size_t width = slab_width(slab), column = slab * slab_;
    for (size_t i = 0; i < weight_.updates.size() && task_.dx != nullptr; ++i) {
      const LowRank& update = weight_.updates[i];
      const size_t rank = update.rank();
      const auto* a = reinterpret_cast<const float*>(update.a.data) + column;
      for (size_t tile = 0; tile < tiles_of(task_.tokens); ++tile) {
        const float* packed = packed_inner(i) + tile * kTile * rank;
        if (update.drops()) {
          add_dropped_tile(update, packed, a, tile, column, width);
        } else {
          add_tile(packed, a, weight_.columns, rank, tile, column, width);
        }
      }
    }
    if (gradient.a != nullptr) add_a(column, width, gradient);
  }

  void add_dropped_tile(const LowRank& update, const float* packed, const float* a, size_t tile, size_t column,
                        size_t width) const {
    const size_t tokens = std::min(kTile, task_.tokens - tile * kTile);
    float* sums = panel();
    std::fill_n(sums, tokens * width, 0.0f);
    kernels_.add_outer_products({packed, kTile, a, weight_.columns, update.rank(), tokens, width, sums, width});
    for (size_t t = 0; t < tokens; ++t) {
      const size_t token = tile * kTile + t;
      update.dropout->apply(weight_.tensor, token, column, width, sums + t * width, sums + t * width);
      kernels_.add(sums + t * width, width, task_.dx + token * weight_.columns + column);
    }
  }

  void add_a(size_t column, size_t width, const LowRankGradient& gradient) const {
    const size_t last = weight_.updates.size() - 1, columns = weight_.columns;
    const LowRank& update = weight_.updates[last];
    const size_t rank = update.rank();
    for (size_t t = 0; t < task_.tokens; t += kTokenChunk) {
      const size_t tokens = std::min(kTokenChunk, task_.tokens - t);
      const float* x = task_.x + t * columns + column;
      size_t stride = columns;
      if (update.drops()) {
        stride = slab_ + kPanelPadding;
        for (size_t i = 0; i < tokens; ++i) {
          update.dropout->apply(weight_.tensor, t + i, column, width, x + i * columns, panel() + i * stride);
        }
        x = panel();
      }
      kernels_.add_outer_products(
          {inner(last) + t * rank, rank, x, stride, tokens, rank, width, gradient.a + column, columns});
    }
  }

  void add_b(size_t piece, const std::byte* own, size_t own_stride, const LowRankGradient& gradient) const {
    const size_t row = piece * kSlab, rank = weight_.updates.back().rank(), rows = weight_.rows;
    float* out = gradient.b + (weight_.first_row + row) * rank;
    for (size_t t = 0; t < task_.tokens; t += kTokenChunk) {
      const auto* u = reinterpret_cast<const float*>(own + t * own_stride);
      kernels_.add_outer_products({dy_ + t * rows + row, rows, u, own_stride / sizeof(float),
                                   std::min(kTokenChunk, task_.tokens - t), std::min(kSlab, rows - row), rank, out,
                                   rank});
    }
  }

  Worker& worker_;
  const Kernels& kernels_;
  const ProductScratch& scratch_;
  const ProductGradientsTask& task_;
  const Weight& weight_;
  const float* const dy_;
  const bool adds_;
  const size_t block_;
  const size_t slab_;
};

}  // namespace

size_t ProductScratch::packed_floats(size_t tokens) { return tiles_of(tokens) * kTile * kPackedRows; }

size_t ProductScratch::inner_floats(size_t tokens, size_t rank) { return 2 * tiles_of(tokens) * kTile * rank; }

size_t ProductScratch::panel_floats() { return kPanelRows * (kWidestSlab + kPanelPadding); }

void run_product_gradients(Worker& worker, const Kernels& kernels, const Workspace& space,
                           const ProductScratch& scratch, const ProductGradientsTask& task) {
  std::array<Product, 3> products{};
  bool has_updates = false;
  for (size_t i = 0; i < task.products.size(); ++i) {
    products[i].weight = task.products[i].weight;
    has_updates |= !task.products[i].weight->updates.empty();
  }
  if (has_updates) {
    // The forward pass's inner products once more; they are cheap and would be much to keep.
    const size_t columns = products[0].weight->columns;
    worker.for_each_piece(task.tokens, 1, [&](size_t token, size_t) {
      make_records(kernels, space, 0, token, task.x + token * columns, columns);
    });
    run_inner_products(worker, kernels, space, std::span(products).first(task.products.size()), task.tokens);
  }
  const std::byte* own = space.low_rank;
  bool adds = task.adds;
  for (const ProductGradient& product : task.products) {
    const ProductBackward backward(worker, kernels, scratch, task, product, adds);
    backward.run_rows();
    adds = true;
    size_t stride = 0;
    for (const LowRank& update : product.weight->updates) {
      own += task.tokens * stride;
      stride = low_rank_stride(update);
    }
    backward.run_updates(own, stride);
    own += task.tokens * stride;
  }
}

}  // namespace thimble
