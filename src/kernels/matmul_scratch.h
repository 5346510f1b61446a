#pragma once

#include <cstddef>

namespace thimble {

// Columns that are unpacked at a time: the lanes of 32 rows and the activations of a few tokens fit a 32 KB L1 cache.
inline constexpr size_t kMatmulSlab = 512;

// Enough for the MatmulWorkspace of every instruction set.
inline constexpr size_t kMatmulScratchBytes = 40 * 1024;

}  // namespace thimble
