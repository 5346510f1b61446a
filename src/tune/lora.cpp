#include "tune/lora.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "format/gguf_writer.h"
#include "model/adapter.h"
#include "tune/random.h"

namespace thimble {
namespace {

struct Target {
  std::string_view name;
  Role role;
};
constexpr Target kTargets[] = {{"q", Role::attn_q},      {"k", Role::attn_k},      {"v", Role::attn_v},
                               {"o", Role::attn_output}, {"gate", Role::ffn_gate}, {"up", Role::ffn_up},
                               {"down", Role::ffn_down}};

Matrix factor(const float* values, size_t columns, size_t rows) {
  return {reinterpret_cast<const std::byte*>(values), NumberType::F32, static_cast<uint32_t>(columns),
          static_cast<uint32_t>(rows), columns * sizeof(float)};
}

}  // namespace

std::vector<Role> parse_targets(std::string_view text) {
  std::vector<Role> roles;
  const auto add = [&](std::string_view name) {
    const auto found = std::ranges::find(kTargets, name, &Target::name);
    if (found == std::end(kTargets)) {
      fail(ExitCode::usage, "--targets: expected all, or some of q,k,v,o,gate,up,down, found '{}'", printable(name));
    }
    roles.push_back(found->role);
  };
  if (text == "all") {
    for (const Target& target : kTargets) roles.push_back(target.role);
    return roles;
  }
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    add(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return roles;
}

std::vector<LoraTensor> Lora::plan(const Model& model, const LoraOptions& options) {
  std::vector<LoraTensor> tensors;
  size_t next = 0;
  for (uint32_t block = 0; block < model.hyper().block_count; ++block) {
    for (const Role role : options.targets) {
      const Weight& weight = model.matrix(block, role);
      if (!weight) continue;
      const GgufTensor& base = model.gguf().tensors()[weight.tensor];
      if (std::ranges::count(tensors, &base, &LoraTensor::base) != 0) continue;  // another part of a fused one
      const size_t columns = base.shape[0], rows = base.shape[1];
      if (options.rank > std::min(columns, rows)) {
        fail(ExitCode::usage, "--rank {}: {} is [{}, {}]; expected at most {}", options.rank, printable(base.name),
             columns, rows, std::min(columns, rows));
      }
      tensors.push_back({&base, block, options.rank, columns, rows, next});
      next += options.rank * (columns + rows);
    }
  }
  if (tensors.empty()) fail(ExitCode::usage, "--targets: {} has none of them", model.gguf().path());
  return tensors;
}

uint64_t Lora::bytes(const Model& model, const LoraOptions& options) {
  const LoraTensor last = plan(model, options).back();
  return 2 * (last.first + last.a_count() + last.b_count()) * sizeof(float);
}

Lora::Lora(Model& model, const LoraOptions& options)
    : options_(options), model_(model), tensors_(plan(model, options)), memory_(bytes(model, options), "the adapter") {
  const LoraTensor& last = tensors_.back();
  count_ = last.first + last.a_count() + last.b_count();
  values_ = reinterpret_cast<float*>(memory_.data());
  by_tensor_.resize(model.gguf().tensors().size());
  const float scale = options.alpha / static_cast<float>(options.rank);
  for (const LoraTensor& tensor : tensors_) {
    float* a = values_ + tensor.first;
    float* b = a + tensor.a_count();
    model.add_update({factor(a, tensor.columns, tensor.rank), factor(b, tensor.rank, tensor.rows), scale, &dropout_},
                     *tensor.base);
    by_tensor_[static_cast<size_t>(tensor.base - model.gguf().tensors().data())] = {a + count_, b + count_};
  }
}

void Lora::initialize(uint64_t seed) {
  Random random(seed);
  for (const LoraTensor& tensor : tensors_) {
    const float bound = 1.0f / std::sqrt(static_cast<float>(tensor.columns));
    for (float& value : a(tensor)) value = bound * random.next_signed();
    std::ranges::fill(b(tensor), 0.0f);
  }
}

void Lora::write_gguf(const std::string& path) const {
  GgufWriter writer(path);
  const Gguf& base = model_.gguf();
  writer.set("general.type", "adapter");
  writer.set("general.architecture", *base.string("general.architecture"));
  if (const auto name = base.string("general.name")) writer.set("general.name", *name);
  writer.set("adapter.type", "lora");
  writer.set("adapter.lora.alpha", options_.alpha);
  for (const LoraTensor& tensor : tensors_) {
    const uint64_t a_shape[] = {tensor.columns, tensor.rank}, b_shape[] = {tensor.rank, tensor.rows};
    writer.add_tensor(std::string(tensor.base->name) + ".lora_a", a_shape, NumberType::F32);
    writer.add_tensor(std::string(tensor.base->name) + ".lora_b", b_shape, NumberType::F32);
  }
  for (const LoraTensor& tensor : tensors_) {
    const std::span<const float> values = parameters();
    writer.write_data(std::as_bytes(values.subspan(tensor.first, tensor.a_count())));
    writer.write_data(std::as_bytes(values.subspan(tensor.first + tensor.a_count(), tensor.b_count())));
  }
  writer.commit();
}

void Lora::read_gguf(const std::string& path) {
  const Gguf adapter = Gguf::open(path);
  const AdapterFile file = read_adapter(adapter, model_.gguf());
  if (file.alpha != options_.alpha) {
    fail(ExitCode::bad_file, "{}: its alpha is {}, the run's {}: give --alpha {}", printable(path), file.alpha,
         options_.alpha, file.alpha);
  }
  if (file.pairs.size() != tensors_.size()) {
    fail(ExitCode::bad_file, "{}: adapts {} tensors, the run {}: give the --targets it was trained with",
         printable(path), file.pairs.size(), tensors_.size());
  }
  for (const LoraTensor& tensor : tensors_) {
    const auto pair = std::ranges::find_if(
        file.pairs, [&](const AdapterPair& p) { return p.base == tensor.base && !p.is_embedding; });
    if (pair == file.pairs.end()) {
      fail(ExitCode::bad_file, "{}: does not adapt {}: give the --targets it was trained with", printable(path),
           printable(tensor.base->name));
    }
    if (pair->b->shape[0] != tensor.rank) {
      fail(ExitCode::bad_file, "{}: tensor {} is of rank {}, the run's is {}: give --rank {}", printable(path),
           printable(pair->a->name), pair->b->shape[0], tensor.rank, pair->b->shape[0]);
    }
    const auto read = [&](const GgufTensor& from, std::span<float> to) {
      from.type->unpack(from.data.data(), to.data(), to.size() / from.type->block_size);
      if (!std::ranges::all_of(to, [](float value) { return std::isfinite(value); })) {
        fail(ExitCode::bad_file, "{}: tensor {} holds a value that is not finite", printable(path),
             printable(from.name));
      }
    };
    read(*pair->a, a(tensor));
    read(*pair->b, b(tensor));
  }
}

}  // namespace thimble
