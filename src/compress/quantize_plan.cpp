#include "compress/quantize_plan.h"

#include <algorithm>

#include "base/error.h"
#include "quant/type_list.h"

namespace thimble {
namespace {

constexpr double kLowBits = 4;                   // formats of fewer bits a weight lose much without an imatrix
constexpr uint64_t kSmallModel = 4'000'000'000;  // parameters, up to which fewer break a model
constexpr size_t kMostExpressionBytes = 1000;

double bits_of(NumberType type) {
  const TypeInfo& info = type_info(type);
  return 8.0 * info.block_bytes / info.block_size;
}

bool is_allowed(const QuantizeOptions& options, std::string_view entry) {
  const auto is_in_name = [&](const std::string& part) { return entry.find(part) != entry.npos; };
  if (std::ranges::any_of(options.exclude_weights, is_in_name)) return false;
  return options.include_weights.empty() || std::ranges::any_of(options.include_weights, is_in_name);
}

size_t count_entries(const QuantizeOptions& options) {
  if (options.imatrix == nullptr) return 0;
  return static_cast<size_t>(std::ranges::count_if(
      options.imatrix->entries, [&](const auto& entry) { return is_allowed(options, entry.first); }));
}

class Planner {
 public:
  Planner(const Gguf& gguf, const QuantizeOptions& options, bool has_imatrix)
      : gguf_(gguf), options_(options), chooser_(*options.mix, mix_model(gguf, has_imatrix)) {}

  PlannedTensor plan(const GgufTensor& tensor) {
    PlannedTensor planned{.tensor = &tensor, .type = tensor.type->type};
    const bool is_left = options_.leave_output_tensor && tensor.name == "output.weight";
    if (is_left || !is_quantizable(tensor)) return planned;
    const NumberType wanted = choose(tensor);
    planned.type = fallback_type(wanted, tensor.shape[0]);
    planned.stands_in = planned.type != wanted;
    if (planned.is_copied()) return planned;
    if (type_info(planned.type).pack == nullptr) {
      fail(ExitCode::usage, "{}: tensor {} would become {}, which can be read but not written; choose another type",
           printable(gguf_.path()), printable(tensor.name), type_info(planned.type).name);
    }
    require_original(tensor, planned.type);
    if (options_.imatrix != nullptr && is_allowed(options_, tensor.name))
      planned.importance = options_.imatrix->find(tensor.name);
    if (planned.importance == nullptr && requires_imatrix(*options_.mix, tensor.name, planned.type)) {
      fail(ExitCode::usage,
           "{}: tensor {} as {} needs an importance matrix, without which it would be ruined; give --imatrix FILE",
           printable(gguf_.path()), printable(tensor.name), type_info(planned.type).name);
    }
    return planned;
  }

 private:
  // The first of the caller's types whose expression is in the name.
  std::optional<NumberType> named_type(std::string_view name) const {
    for (const auto& [expression, type] : options_.tensor_types) {
      if (std::regex_search(name.begin(), name.end(), expression)) return type;
    }
    return std::nullopt;
  }

  NumberType choose(const GgufTensor& tensor) {
    const TensorKind kind = tensor_kind(tensor.name);
    const bool is_other_table = tensor.name != "token_embd.weight";
    if (options_.token_embedding_type && kind == TensorKind::token_embd &&
        !(is_other_table && named_type(tensor.name))) {
      return *options_.token_embedding_type;
    }
    if (options_.output_tensor_type && kind == TensorKind::output) return *options_.output_tensor_type;
    if (type_info(options_.mix->type).block_size == 1) return options_.mix->type;
    if (const auto named = named_type(tensor.name)) return *named;
    if (options_.pure) return options_.mix->type;
    return chooser_.choose(tensor.name, tensor.shape[0], options_.output_tensor_type);
  }

  void require_original(const GgufTensor& tensor, NumberType type) const {
    if (tensor.type->block_size == 1 || options_.allow_requantize) return;
    fail(ExitCode::usage,
         "{}: tensor {} is {} already, and quantizing it again to {} loses more than quantizing the original: take the "
         "F16 file, or give --allow-requantize",
         printable(gguf_.path()), printable(tensor.name), tensor.type->name, type_info(type).name);
  }

  const Gguf& gguf_;
  const QuantizeOptions& options_;
  MixChooser chooser_;
};

void warn(const QuantizeOptions& options, QuantizePlan& plan) {
  const double bits = bits_of(options.mix->type);
  if (bits < kLowBits && plan.parameters() < kSmallModel) {
    plan.warnings.push_back(fmt::format(
        "{} has {:.1f} bits a weight, and models below 4 B parameters break below 4 bits: a smaller model at "
        "Q4_K_M is usually better; measure it with eval before you keep it",
        options.mix->name, bits));
  }
  if (bits < 4.6 && bits < 16 && plan.imatrix_entries == 0 && bits < kLowBits + 0.6) {
    plan.warnings.push_back(
        fmt::format("no importance matrix: at {:.1f} bits a weight it makes the file clearly better at the same size; "
                    "see --imatrix",
                    bits));
  }
  size_t uncovered = 0;
  size_t standing_in = 0;
  for (const PlannedTensor& tensor : plan.tensors) {
    const bool is_searched = !tensor.is_copied() && type_info(tensor.type).block_size > 1;
    const TensorKind kind = tensor_kind(tensor.tensor->name);
    const bool is_table = kind == TensorKind::token_embd || kind == TensorKind::output;
    uncovered += is_searched && !is_table && tensor.importance == nullptr ? 1 : 0;
    standing_in += tensor.stands_in ? 1 : 0;
  }
  if (plan.imatrix_entries > 0 && uncovered > 0)
    plan.warnings.push_back(fmt::format("the importance matrix says nothing of {} tensors", uncovered));
  if (standing_in > 0) {
    plan.warnings.push_back(
        fmt::format("{} of {} tensors have rows that are no multiple of the type's block and get a larger type",
                    standing_in, plan.tensors.size()));
  }
}

}  // namespace

uint64_t QuantizePlan::bytes() const {
  uint64_t sum = 0;
  for (const PlannedTensor& tensor : tensors) sum += tensor.bytes();
  return sum;
}

uint64_t QuantizePlan::parameters() const {
  uint64_t sum = 0;
  for (const PlannedTensor& tensor : tensors) sum += tensor.tensor->elements();
  return sum;
}

double QuantizePlan::bits_per_weight() const {
  const uint64_t count = parameters();
  return count > 0 ? 8.0 * static_cast<double>(bytes()) / static_cast<double>(count) : 0;
}

QuantizePlan plan_quantization(const Gguf& gguf, const QuantizeOptions& options) {
  if (options.imatrix != nullptr) options.imatrix->require_match(gguf);
  QuantizePlan plan;
  plan.imatrix_entries = count_entries(options);
  std::vector<const GgufTensor*> order;
  for (const GgufTensor& tensor : gguf.tensors()) order.push_back(&tensor);
  std::ranges::sort(order, [](const auto* a, const auto* b) { return comes_before(a->name, b->name); });
  if (options.keep_split) {
    std::ranges::stable_sort(order, [](const auto* a, const auto* b) {
      return a->part != b->part ? a->part < b->part : a->data.data() < b->data.data();
    });
  }
  Planner planner(gguf, options, plan.imatrix_entries > 0);
  for (const GgufTensor* tensor : order) plan.tensors.push_back(planner.plan(*tensor));
  warn(options, plan);
  return plan;
}

NumberType parse_written_type(const std::string& name) {
  const TypeInfo* type = find_type_named(name);
  if (type != nullptr && type->pack != nullptr) return type->type;
  std::string names;
  for (const TypeInfo& known : all_types()) {
    if (known.pack != nullptr) names += (names.empty() ? "" : ", ") + std::string(known.name);
  }
  fail(ExitCode::usage, "expected a type that can be written ({}), found '{}'", names, printable(name));
}

std::pair<std::regex, NumberType> parse_tensor_type(const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == text.npos || equals == 0 || equals > kMostExpressionBytes) {
    fail(ExitCode::usage, "expected EXPRESSION=TYPE, such as attn_v=q8_0, found '{}'", printable(text));
  }
  std::string expression = text.substr(0, equals);
  std::ranges::transform(expression, expression.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const NumberType type = parse_written_type(text.substr(equals + 1));
  try {
    return {std::regex(expression), type};
  } catch (const std::regex_error& error) {
    fail(ExitCode::usage, "expected a regular expression before '=', found '{}': {}", printable(expression),
         error.what());
  }
}

}  // namespace thimble
