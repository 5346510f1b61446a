// What a number format can say of a run of weights: value = scale * level + offset, the scale and offset shared by the run. The
// formats seen through one shape, for searches that work on many rows at once; the bytes are made in the end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "quant/type_list.h"

namespace thimble {

struct Grid {
  NumberType type;
  size_t run;                     // columns that share a scale and an offset: 16 or 32
  std::span<const float> levels;  // ascending; empty where they are the integers low..high
  float low, high;
  bool has_offset;
  // Formats with blocks of 256 write scales and offsets as small integers times a binary16 of the block. All zero where each
  // run has a binary16 of its own. An offset is -minimum * code.
  int scale_low, scale_high, offset_high;

  bool is_coded() const { return scale_high != 0; }
  size_t block() const { return is_coded() ? 256 : run; }
};

// nullptr where weights of the format are not rounded one by one on such a grid.
const Grid* find_grid(NumberType type);

// The parts of one block of a row. Runs in order; for a format with a scale a run the codes are not used, else `scale` and
// `minimum` are the block's.
struct BlockParts {
  float scale;
  float offset;            // of the run; or, of a coded format, the block's factor of minima (positive)
  const int* scale_codes;  // [runs]
  const int* offset_codes;
  const float* levels;  // [block]
};

// Writes one block in the format's layout.
void encode_block(const Grid& grid, const BlockParts& parts, std::byte* out);

}  // namespace thimble
