// What the reader accepts and the writer therefore keeps to.
#pragma once

#include <cstdint>

namespace thimble::gguf_limits {

// By the specification.
inline constexpr uint64_t kKeyBytes = 65535;
inline constexpr uint64_t kTensorNameBytes = 64;
inline constexpr uint32_t kAxes = 4;
inline constexpr uint64_t kLeastAlignment = 8;
// Ours: far above any model, they keep the tables of a hostile file small.
inline constexpr uint64_t kEntries = 65536;  // metadata keys, tensors
inline constexpr uint64_t kLargestAlignment = 1 << 20;
inline constexpr uint64_t kParts = 512;  // of a split model; each is an open file, of which a process may have 1,024

}  // namespace thimble::gguf_limits
