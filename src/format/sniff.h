// Recognises the files that people hand over in place of a model.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace thimble {

// What the file that begins so is and how to get at the model, such as "a Git LFS pointer, not the model: ..."; empty
// where the first bytes say nothing.
std::string_view recognise_foreign_file(std::span<const std::byte> bytes);

}  // namespace thimble
