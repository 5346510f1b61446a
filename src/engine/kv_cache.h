// The key-value cache of one session: K and V in their own number formats, quantized as they are written. Layers with a window
// keep a ring of their window and one batch; the others keep the whole context.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/memory.h"
#include "model/forward.h"
#include "model/model.h"

namespace thimble {

enum class Rotation : uint8_t { automatic, on, off };

struct KvOptions {
  size_t context_length = 2048;
  size_t batch_tokens = 512;
  NumberType k_type = NumberType::Q8_0;
  NumberType v_type = NumberType::Q8_0;
  // Hadamard rotation before quantization spreads outliers over the head. Automatic: where the type is quantized.
  Rotation rotation = Rotation::automatic;
};

class KvCache {
 public:
  KvCache(const Model& model, const KvOptions& options);

  const KvView& view() const { return view_; }
  // To be told the number of cached positions after each batch: in a window layer's ring new ones replace old ones.
  void note_length(size_t length);
  // Whether the cache can be cut to `length` positions and continued there; if not, clear it and start again.
  bool can_rewind(size_t length) const;
  void clear();
  // Of each block's heads, the bytes of K's and of V's first `length` positions, or of the whole ring.
  std::vector<std::span<std::byte>> runs(size_t length) const;
  // The first `length` positions of another one with the same options, or with rings all of its positions.
  void copy_from(const KvCache& other, size_t length);
  // Of `length` positions that stay, those that can be copied while others behind them are written; none with rings.
  size_t lendable(size_t length) const;

  // Throws Error(usage) where a cache type does not suit the model's head size.
  static uint64_t bytes(const Model& model, const KvOptions& options);

 private:
  size_t heads_ = 0;           // of K and of V in a block
  size_t window_ = 0;          // of the window layers whose ring is shorter than the context
  size_t ring_ = 0;            // slots of such a ring, 0: there is none
  size_t replaced_below_ = 0;  // positions below this are gone from the rings
  Buffer memory_;
  std::vector<KvBlock> blocks_;
  KvView view_;
};

// The types a cache can have; parsing takes their lower-case names.
NumberType parse_cache_type(std::string_view flag, std::string_view name);

}  // namespace thimble
