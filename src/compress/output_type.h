// The number format that a tensor gets in a file of full precision or Q8_0, as llama.cpp's converter chooses it.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "quant/type_list.h"

namespace thimble {

// What `--outtype` takes.
inline constexpr NumberType kOutputTypes[] = {NumberType::F32, NumberType::F16, NumberType::BF16, NumberType::Q8_0};

// Vectors, norms, biases and tables that are only looked up stay F32; F16 where the rows are no multiple of the format's block.
NumberType stored_type(std::string_view gguf_name, std::span<const uint64_t> shape, NumberType wanted);

// general.file_type of a file most of whose weights are in this format, which a mix is named after.
uint32_t file_type_id(NumberType wanted);

// Packs `count` finite values; throws Error(bad_file) naming `tensor` where one is beyond the format's range.
void pack_values(NumberType type, const float* in, size_t count, std::byte* out, std::string_view tensor);

}  // namespace thimble
