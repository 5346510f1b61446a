#include "compress/output_type.h"

#include <algorithm>

#include "base/error.h"
#include "compress/mix.h"

namespace thimble {

NumberType stored_type(std::string_view gguf_name, std::span<const uint64_t> shape, NumberType wanted) {
  // Positions and kinds of tokens are looked up, not multiplied with: nothing is won by fewer bits.
  constexpr std::string_view kLookedUp[] = {"position_embd.weight", "token_types.weight"};
  const bool is_matrix = shape.size() > 1 && gguf_name.ends_with(".weight") && !gguf_name.ends_with("_norm.weight") &&
                         std::ranges::count(kLookedUp, gguf_name) == 0;
  if (!is_matrix) return NumberType::F32;
  return shape[0] % type_info(wanted).block_size == 0 ? wanted : NumberType::F16;
}

uint32_t file_type_id(NumberType wanted) { return find_mix(type_info(wanted).name)->file_type; }

void pack_values(NumberType type, const float* in, size_t count, std::byte* out, std::string_view tensor) {
  const TypeInfo& info = type_info(type);
  info.pack(in, out, count / info.block_size);
  if (type != NumberType::F16 && type != NumberType::BF16) return;
  if (info.has_finite_scales(out, count)) return;
  size_t bad = 0;
  while (info.has_finite_scales(out + bad * info.block_bytes, 1)) ++bad;
  fail(ExitCode::bad_file, "tensor {}: {} is beyond what {} holds; give --outtype {}", printable(tensor), in[bad],
       info.name, type == NumberType::F16 ? "bf16 or f32" : "f32");
}

}  // namespace thimble
