#include "compress/rounding_units.h"

#include <algorithm>

namespace thimble {
namespace {

constexpr size_t kNarrowest = 32;  // the smallest block of a quantized format

struct Reading {
  Role role;
  Role reader;
};
constexpr Reading kReadings[] = {{Role::attn_q, Role::attn_q},    {Role::attn_k, Role::attn_q},
                                 {Role::attn_v, Role::attn_q},    {Role::attn_output, Role::attn_output},
                                 {Role::ffn_up, Role::ffn_up},    {Role::ffn_gate, Role::ffn_up},
                                 {Role::ffn_down, Role::ffn_down}};

void add(std::vector<RoundingUnit>& units, const Weight& weight, uint32_t block, const Reading& reading) {
  if (!weight || weight.columns % kNarrowest != 0) return;
  const auto same = std::ranges::find(units, weight.tensor, &RoundingUnit::tensor);
  if (same != units.end()) {
    same->roles.push_back(reading.role);
  } else {
    units.push_back({weight.tensor, block, {reading.role}, reading.reader});
  }
}

Matrix as_matrix(const Weight& like, NumberType type, const std::byte* rows) {
  Matrix matrix = like;
  matrix.type = type;
  matrix.stride = row_bytes(type, like.columns);
  matrix.data = rows + like.first_row * matrix.stride;
  return matrix;
}

void replace(Model& model, const RoundingUnit& unit, Role role, const Matrix& matrix) {
  if (unit.block == RoundingUnit::kOutsideBlocks) {
    model.replace_matrix(role, matrix);
  } else {
    model.replace_matrix(unit.block, role, matrix);
  }
}

}  // namespace

std::vector<RoundingUnit> rounding_units(const Model& model) {
  std::vector<RoundingUnit> units;
  for (uint32_t block = 0; block < model.hyper().block_count; ++block) {
    for (const Reading& reading : kReadings) add(units, model.matrix(block, reading.role), block, reading);
  }
  constexpr uint32_t kNone = RoundingUnit::kOutsideBlocks;
  if (!model.is_tied()) add(units, model.matrix(Role::token_embd), kNone, {Role::token_embd, Role::token_embd});
  add(units, model.head(), kNone, {model.is_tied() ? Role::token_embd : Role::output, Role::output});
  return units;
}

const Weight& weight_of(const Model& model, const RoundingUnit& unit, Role role) {
  return unit.block == RoundingUnit::kOutsideBlocks ? model.matrix(role) : model.matrix(unit.block, role);
}

void replace_unit(Model& model, const RoundingUnit& unit, NumberType type, const std::byte* rows) {
  for (const Role role : unit.roles) replace(model, unit, role, as_matrix(weight_of(model, unit, role), type, rows));
}

void restore_unit(Model& model, const RoundingUnit& unit) {
  const GgufTensor& tensor = model.gguf().tensors()[unit.tensor];
  replace_unit(model, unit, tensor.type->type, tensor.data.data());
}

}  // namespace thimble
