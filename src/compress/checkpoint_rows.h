// What names and rows of Hugging Face checkpoints have in common on both ways, to GGUF and back (CheckpointRecipe).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "model/arch_spec.h"

namespace thimble {

// The name with `number` in place of its first "%"; as it is where there is none.
std::string with_number(std::string_view name, uint64_t number);

// Rows of a head where this role's rows are in another order in the checkpoint (halves of each head one after the other) than in the
// GGUF file (the halves' rows in turn); 0 where they are not.
uint32_t reordered_head_rows(const ArchSpec& spec, const Hyperparameters& hyper, Role role);

// Rows that a part of a fused tensor takes; `rest` where the family has no row for it.
uint64_t rows_of_part(const ArchSpec& spec, const Hyperparameters& hyper, Role part, uint64_t rest);

}  // namespace thimble
