// The tensors of a model that the quantizer chooses formats for, in the order in which a walk over the blocks meets them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/model.h"

namespace thimble {

// A matrix tensor with the weights that are bound to it: one, or the parts of a fused tensor.
struct RoundingUnit {
  static constexpr uint32_t kOutsideBlocks = UINT32_MAX;

  uint32_t tensor = 0;  // index in gguf.tensors()
  uint32_t block = kOutsideBlocks;
  std::vector<Role> roles;
  Role reader = Role::output;  // whose input (InputProbe) it reads; token_embd for a table of which rows are looked up

  bool is_table() const { return reader == Role::token_embd; }
};

// Every matrix whose rows are a multiple of 32 wide; the others stay as they are. The head comes last, and before it the embedding
// where that is a tensor of its own.
std::vector<RoundingUnit> rounding_units(const Model& model);

// The weight that a role of a unit is bound to.
const Weight& weight_of(const Model& model, const RoundingUnit& unit, Role role);

// Lets the unit's weights be `rows` (of the whole tensor, in `type`), which must outlive the model or the next replacement.
void replace_unit(Model& model, const RoundingUnit& unit, NumberType type, const std::byte* rows);
// Lets them be the file's again.
void restore_unit(Model& model, const RoundingUnit& unit);

}  // namespace thimble
