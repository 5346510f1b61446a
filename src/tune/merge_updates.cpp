#include "tune/merge_updates.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "compress/tensor_rows.h"
#include "model/adapter.h"
#include "tune/peft_folder.h"

namespace thimble {
namespace {

constexpr std::string_view kEmbedding = "token_embd.weight";
constexpr std::string_view kHead = "output.weight";
constexpr std::string_view kA = ".lora_a";

std::vector<float> all_rows(const Gguf& gguf, const GgufTensor& tensor) {
  std::vector<float> values(tensor.elements());
  read_rows(gguf, tensor, 0, tensor.rows(), values.data());
  return values;
}

std::vector<float> transposed(const std::vector<float>& values, size_t rows, size_t columns) {
  std::vector<float> turned(values.size());
  for (size_t row = 0; row < rows; ++row) {
    for (size_t column = 0; column < columns; ++column) turned[column * rows + row] = values[row * columns + column];
  }
  return turned;
}

}  // namespace

MergeUpdates::Folder::Folder(const Gguf& base, const std::string& path)
    : model(Model::bind(base, Model::Depth::shapes)), lora(model, read_peft_options(path, model)) {
  read_peft_factors(path, model, lora);
}

MergeUpdates::MergeUpdates(const Gguf& base) : model_(Model::bind(base, Model::Depth::shapes)) {}

void MergeUpdates::add(const std::string& path, float scale) {
  if (is_peft_folder(path)) {
    add_folder(path, scale);
  } else {
    add_gguf(path, scale);
  }
}

void MergeUpdates::add_gguf(const std::string& path, float scale) {
  const Gguf& gguf = ggufs_.emplace_back(Gguf::open(path));
  model_.add_adapter(gguf, scale);  // refuses what running it would refuse
  const AdapterFile file = read_adapter(gguf, base());
  for (const AdapterPair& pair : file.pairs) {
    const uint64_t rank = pair.b->shape[0];
    Update update{std::string(pair.a->name.substr(0, pair.a->name.size() - kA.size())),
                  static_cast<uint32_t>(rank),
                  scale,
                  &gguf,
                  pair.a,
                  pair.b,
                  pair.is_embedding,
                  {},
                  {}};
    if (file.alpha != 0) update.scale *= double{file.alpha} / static_cast<double>(rank);
    if (scale != 0) updates_.push_back(std::move(update));
  }
}

void MergeUpdates::add_folder(const std::string& path, float scale) {
  const Lora& lora = folders_.emplace_back(base(), path).lora;
  const double by_rank = double{lora.options().alpha} / lora.options().rank;
  for (const LoraTensor& tensor : lora.tensors()) {
    Update update;
    update.tensor = tensor.base->name;
    update.rank = tensor.rank;
    update.scale = scale * by_rank;
    update.right = lora.parameters().subspan(tensor.first, tensor.a_count());
    update.left = lora.parameters().subspan(tensor.first + tensor.a_count(), tensor.b_count());
    if (scale != 0) updates_.push_back(std::move(update));
  }
}

bool MergeUpdates::unties_head() const { return model_.is_tied() && (has(kEmbedding) || has(kHead)); }

bool MergeUpdates::has(std::string_view tensor) const {
  return std::ranges::find(updates_, tensor, &Update::tensor) != updates_.end();
}

std::vector<UpdateFactors> MergeUpdates::factors(std::string_view tensor) const {
  std::vector<UpdateFactors> factors;
  for (const Update& update : updates_) {
    if (update.tensor == tensor) factors.push_back(unpack(update));
  }
  return factors;
}

UpdateFactors MergeUpdates::unpack(const Update& update) {
  UpdateFactors factors{update.rank, update.scale, {}, {}};
  if (update.file == nullptr) {
    factors.left.assign(update.left.begin(), update.left.end());
    factors.right.assign(update.right.begin(), update.right.end());
    return factors;
  }
  factors.left = all_rows(*update.file, *update.b);
  factors.right = all_rows(*update.file, *update.a);
  if (update.is_embedding) {  // a row a token
    factors.right = transposed(factors.left, update.b->shape[1], update.rank);
    factors.left = all_rows(*update.file, *update.a);
  }
  return factors;
}

}  // namespace thimble
