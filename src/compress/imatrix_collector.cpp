#include "compress/imatrix_collector.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>

#include "base/error.h"

namespace thimble {
namespace {

constexpr std::array kReaders = {Role::attn_q, Role::attn_output, Role::ffn_up, Role::ffn_down};
constexpr size_t kPiece = 64;  // columns that a worker sums up at once

size_t widest(const Model& model, bool with_output) {
  size_t columns = with_output ? model.head().columns : 0;
  for (uint32_t block = 0; block < model.hyper().block_count; ++block) {
    for (const Role reader : kReaders) columns = std::max<size_t>(columns, model.matrix(block, reader).columns);
  }
  return columns;
}

}  // namespace

ImatrixCollector::ImatrixCollector(const Model& model, size_t batch_tokens, bool with_output)
    : model_(model),
      with_output_(with_output && !model.is_tied()),
      row_(widest(model, with_output_)),
      seen_(batch_tokens * row_) {
  const uint32_t blocks = model.hyper().block_count;
  for (uint32_t block = 0; block < blocks; ++block) {
    add_input(block, {Role::attn_q, Role::attn_k, Role::attn_v});
    add_input(block, {Role::attn_output});
    add_input(block, {Role::ffn_up, Role::ffn_gate});
    add_input(block, {Role::ffn_down});
  }
  if (!with_output_) return;
  const Weight& head = model.head();
  inputs_.push_back({{std::string(model.gguf().tensors()[head.tensor].name)}, std::vector<float>(head.columns), 0});
}

// A fused tensor has several of the roles and is one entry.
void ImatrixCollector::add_input(uint32_t block, std::initializer_list<Role> roles) {
  Input input;
  for (const Role role : roles) {
    const Weight& weight = model_.matrix(block, role);
    if (!weight) continue;
    input.sums.resize(weight.columns);
    const std::string name(model_.gguf().tensors()[weight.tensor].name);
    if (std::ranges::count(input.tensors, name) == 0) input.tensors.push_back(name);
  }
  inputs_.push_back(std::move(input));
}

uint64_t ImatrixCollector::bytes(const Model& model, size_t batch_tokens, bool with_output) {
  uint64_t floats = batch_tokens * widest(model, with_output);
  for (uint32_t block = 0; block < model.hyper().block_count; ++block) {
    for (const Role reader : kReaders) floats += model.matrix(block, reader).columns;
  }
  return floats * sizeof(float);
}

size_t ImatrixCollector::index(uint32_t block, Role reader) const {
  if (reader == Role::output) return kReaders.size() * model_.hyper().block_count;
  return block * kReaders.size() + static_cast<size_t>(std::ranges::find(kReaders, reader) - kReaders.begin());
}

void ImatrixCollector::see(Worker&, uint32_t block, Role reader, size_t token, std::span<const float> values) {
  if (index(block, reader) >= inputs_.size()) return;
  assert(values.size() <= row_ && (token + 1) * row_ <= seen_.size());
  std::ranges::copy(values, seen_.begin() + static_cast<std::ptrdiff_t>(token * row_));
}

void ImatrixCollector::finish(Worker& worker, uint32_t block, Role reader, size_t tokens) {
  if (index(block, reader) >= inputs_.size()) return;
  Input& input = inputs_[index(block, reader)];
  worker.for_each_piece(input.sums.size(), kPiece, [&](size_t begin, size_t end) {
    std::array<float, kPiece> sums{};
    for (size_t token = 0; token < tokens; ++token) {
      const float* values = seen_.data() + token * row_ + begin;
      for (size_t i = 0; i < end - begin; ++i) sums[i] += values[i] * values[i];
    }
    for (size_t i = begin; i < end; ++i) input.sums[i] += sums[i - begin];
    if (begin == 0) input.count += tokens;
  });
}

std::map<std::string, ImatrixEntry, std::less<>> ImatrixCollector::entries() const {
  std::map<std::string, ImatrixEntry, std::less<>> entries;
  for (const Input& input : inputs_) {
    const bool finite = std::ranges::all_of(input.sums, [](float sum) { return std::isfinite(sum); });
    if (!finite) {
      fail(ExitCode::bad_file, "{}: what tensor '{}' is given is not finite on this text", model_.gguf().path(),
           printable(input.tensors.front()));
    }
    for (const std::string& tensor : input.tensors) entries[tensor] = {input.sums, {input.count}};
  }
  return entries;
}

void ImatrixCollector::restore(const Imatrix& saved, uint64_t count) {
  for (const Input& input : inputs_) {
    const ImatrixEntry* entry = saved.find(input.tensors.front());
    if (entry == nullptr || entry->sums.size() != input.sums.size()) {
      fail(ExitCode::bad_file, "{}: no statistics of tensor '{}'", printable(saved.path),
           printable(input.tensors.front()));
    }
  }
  for (Input& input : inputs_) {
    input.sums = saved.find(input.tensors.front())->sums;
    input.count = count;
  }
}

}  // namespace thimble
