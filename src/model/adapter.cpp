#include "model/adapter.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "base/error.h"
#include "model/model.h"

namespace thimble {
namespace {

constexpr std::string_view kA = ".lora_a";
constexpr std::string_view kB = ".lora_b";
constexpr std::string_view kEmbedding = "token_embd.weight";
constexpr std::string_view kHead = "output.weight";

std::string shape_text(const GgufTensor& tensor) {
  return fmt::format("[{}]", fmt::join(tensor.shape.begin(), tensor.shape.begin() + tensor.axes, ", "));
}

class Reader {
 public:
  Reader(const Gguf& adapter, const Gguf& base) : adapter_(adapter), base_(base) {}

  AdapterFile read() const {
    check_kind();
    AdapterFile file;
    file.alpha = read_alpha();
    if (adapter_.tensors().empty()) refuse("holds no tensors; expected pairs of <tensor>.lora_a and <tensor>.lora_b");
    for (const GgufTensor& tensor : adapter_.tensors()) {
      if (tensor.name.ends_with(kA)) {
        file.pairs.push_back(read_pair(tensor));
      } else if (!tensor.name.ends_with(kB)) {
        refuse("tensor {} is neither .lora_a nor .lora_b; what changes whole tensors has to be merged into the model",
               printable(tensor.name));
      } else if (partner(tensor, kA) == nullptr) {
        refuse("tensor {} has no .lora_a beside it: convert the adapter again", printable(tensor.name));
      }
    }
    return file;
  }

 private:
  template <class... Args>
  [[noreturn]] void refuse(fmt::format_string<Args...> text, Args&&... args) const {
    fail(ExitCode::bad_file, "{}: {}", printable(adapter_.path()), fmt::format(text, std::forward<Args>(args)...));
  }

  std::string text_or_missing(const Gguf& gguf, std::string_view key) const {
    const auto text = gguf.string(key);
    return text ? fmt::format("\"{}\"", printable(*text)) : "missing";
  }

  void check_kind() const {
    if (adapter_.string("general.type") != "adapter") {
      refuse("expected an adapter, but general.type is {}: --lora takes a LoRA adapter in GGUF form, -m the model",
             text_or_missing(adapter_, "general.type"));
    }
    if (adapter_.string("adapter.type") != "lora") {
      refuse("adapter.type is {}; expected \"lora\"", text_or_missing(adapter_, "adapter.type"));
    }
    if (adapter_.find("adapter.alora.invocation_tokens") != nullptr) {
      refuse(
          "adapter.alora.invocation_tokens: an adapter that is to be active only after certain tokens; only plain LoRA "
          "adapters are supported");
    }
    if (adapter_.string("general.architecture") != base_.string("general.architecture")) {
      refuse("made for the architecture {}, but {} is {}: use the model that the adapter was trained on",
             text_or_missing(adapter_, "general.architecture"), printable(base_.path()),
             text_or_missing(base_, "general.architecture"));
    }
  }

  float read_alpha() const {
    const double alpha = adapter_.real("adapter.lora.alpha").value_or(0);
    if (!(alpha >= 0 && alpha <= 1e6)) refuse("adapter.lora.alpha is {}; expected 0 to 1000000", alpha);
    return static_cast<float>(alpha);
  }

  // The other tensor of the pair, nullptr where it is missing.
  const GgufTensor* partner(const GgufTensor& tensor, std::string_view suffix) const {
    return adapter_.find_tensor(std::string(tensor.name.substr(0, tensor.name.size() - kA.size())).append(suffix));
  }

  AdapterPair read_pair(const GgufTensor& a) const {
    const std::string_view name = a.name.substr(0, a.name.size() - kA.size());
    const GgufTensor* b = partner(a, kB);
    if (b == nullptr) refuse("tensor {} has no .lora_b beside it: convert the adapter again", printable(a.name));
    const GgufTensor* base = base_.find_tensor(name);
    if (base == nullptr && name == kHead) base = base_.find_tensor(kEmbedding);
    if (base == nullptr) {
      refuse("tensor {}: {} has no tensor {}: use the model that the adapter was trained on", printable(a.name),
             printable(base_.path()), printable(name));
    }
    const AdapterPair pair{base, &a, b, name == kEmbedding};
    check_shapes(pair);
    return pair;
  }

  void check_shapes(const AdapterPair& pair) const {
    const uint64_t columns = pair.base->shape[0], rows = pair.base->shape[1], rank = pair.b->shape[0];
    const auto check = [&](const GgufTensor& factor, uint64_t expected_columns, uint64_t expected_rows) {
      if (factor.shape == std::array<uint64_t, 4>{expected_columns, expected_rows, 1, 1}) return;
      const bool is_transposed = factor.shape == std::array<uint64_t, 4>{expected_rows, expected_columns, 1, 1};
      refuse(
          "tensor {}: expected [{}, {}] for {} and a rank of {}, found {}: {}", printable(factor.name),
          expected_columns, expected_rows, shape_text(*pair.base), rank, shape_text(factor),
          is_transposed ? "it is transposed, convert the adapter again" : "another base model, or a damaged adapter");
    };
    check(*pair.b, rank, pair.is_embedding ? columns : rows);
    if (pair.is_embedding) {
      check(*pair.a, rank, rows);
    } else {
      check(*pair.a, columns, rank);
    }
    // Beyond this nothing is gained, and the rank is what the passes' memory grows with.
    if (rank > std::max(columns, rows)) {
      refuse("tensor {}: a rank of {}; expected at most {}", printable(pair.b->name), rank, std::max(columns, rows));
    }
  }

  const Gguf& adapter_;
  const Gguf& base_;
};

// Looked up by row, never multiplied.
bool is_table(Role role, bool has_head) {
  return role == Role::token_types || role == Role::position_embd || (role == Role::token_embd && !has_head);
}

bool is_float(NumberType type) {
  return type == NumberType::F32 || type == NumberType::F16 || type == NumberType::BF16;
}

}  // namespace

AdapterFile read_adapter(const Gguf& adapter, const Gguf& base) { return Reader(adapter, base).read(); }

Matrix Model::load_factor(const Gguf& adapter, const GgufTensor& tensor) {
  Matrix factor{tensor.data.data(), tensor.type->type, static_cast<uint32_t>(tensor.shape[0]),
                static_cast<uint32_t>(tensor.shape[1]), row_bytes(tensor.type->type, tensor.shape[0])};
  const size_t blocks = tensor.elements() / tensor.type->block_size;
  if (depth_ == Depth::runnable && !tensor.type->has_finite_scales(tensor.data.data(), blocks)) {
    fail(ExitCode::bad_file, "{}: tensor {} holds a {} that is not finite: convert the adapter again",
         printable(adapter.path()), printable(tensor.name), tensor.type->block_size == 1 ? "value" : "block scale");
  }
  if (is_float(factor.type)) return factor;
  // Ranks are short rows: as floats they need no records of their own kind.
  factor.type = NumberType::F32;
  factor.stride = factor.columns * sizeof(float);
  factor.data = nullptr;
  adapter_owned_bytes_ += tensor.elements() * sizeof(float);
  if (depth_ != Depth::runnable) return factor;
  std::vector<float>& values = unpacked_factors_.emplace_back(tensor.elements());
  tensor.type->unpack(tensor.data.data(), values.data(), blocks);
  factor.data = reinterpret_cast<const std::byte*>(values.data());
  return factor;
}

size_t Model::attach(const LowRank& update, const GgufTensor& base) {
  const auto tensor = static_cast<uint32_t>(&base - gguf_->tensors().data());
  size_t found = 0;
  const auto attach_to = [&](Tensors& tensors) {
    for (size_t role = 0; role < kRoleCount; ++role) {
      Weight& weight = tensors.matrices[role];
      if (!weight || weight.tensor != tensor || is_table(static_cast<Role>(role), has_head())) continue;
      // A part of a fused tensor has its rows of b, and all of a.
      LowRank part = update;
      part.b.rows = weight.rows;
      if (part.b.data != nullptr) part.b.data += weight.first_row * part.b.stride;
      weight.updates.push_back(part);
      ++found;
    }
  };
  attach_to(file_);
  for (Tensors& block : blocks_) attach_to(block);
  return found;
}

void Model::add_adapter(const Gguf& adapter, float scale) {
  const AdapterFile file = read_adapter(adapter, *gguf_);
  if (scale == 0) return;
  for (const AdapterPair& pair : file.pairs) {
    LowRank update{load_factor(adapter, *pair.a), load_factor(adapter, *pair.b), scale};
    if (file.alpha != 0) update.scale = scale * file.alpha / static_cast<float>(update.rank());
    if (!std::isfinite(update.scale)) {
      fail(ExitCode::bad_file, "{}: a scale of {} and an alpha of {} are no finite factor for tensor {}",
           printable(adapter.path()), scale, file.alpha, printable(pair.a->name));
    }
    adapter_owned_bytes_ += sizeof(LowRank);
    if (pair.is_embedding) {
      embedding_updates_.push_back(update);
      continue;
    }
    if (attach(update, *pair.base) == 0) {
      fail(ExitCode::bad_file, "{}: tensor {}: {} is no weight of a matrix product and cannot be adapted",
           printable(adapter.path()), printable(pair.a->name), printable(pair.base->name));
    }
  }
  adapter_resident_bytes_ += adapter.file_bytes();
  adapter_owned_bytes_ += adapter.tensors().size() * sizeof(GgufTensor) + adapter.values().size() * sizeof(GgufValue);
}

}  // namespace thimble
