#include "app/preflight.h"

#include <algorithm>

#include "app/paths.h"
#include "base/atomic_file.h"
#include "base/cpu.h"
#include "base/memory.h"
#include "engine/embedder.h"
#include "engine/session_defaults.h"

namespace thimble {
namespace {

// Asked before the file is mapped: an address space limit counts the mapping, which the plan counts too.
MemoryLimit memory_limit(const ContextOptions& options) {
  if (options.memory_limit) return {*options.memory_limit, options.memory_limit_name};
  AvailableMemory available = available_memory();
  return {available.bytes, std::move(available.source)};
}

NumberType cache_type(std::string_view flag, const std::string& name, const Hyperparameters& hyper) {
  if (!name.empty()) return parse_cache_type(flag, name);
  return default_cache_type(hyper);
}

Rotation rotation(const std::string& name) {
  if (name == "on") return Rotation::on;
  return name == "off" ? Rotation::off : Rotation::automatic;
}

std::vector<OpenAdapter> open_adapters(const std::vector<AdapterOption>& options) {
  std::vector<OpenAdapter> adapters;
  for (const AdapterOption& option : options) {
    adapters.push_back({std::make_unique<const Gguf>(Gguf::open(option.path)), static_cast<float>(option.scale)});
  }
  return adapters;
}

std::unique_ptr<const Model> bind_shapes(const Gguf& gguf, const std::vector<OpenAdapter>& adapters) {
  auto model = std::make_unique<Model>(Model::bind(gguf, Model::Depth::shapes));
  for (const OpenAdapter& adapter : adapters) model->add_adapter(*adapter.gguf, adapter.scale);
  return model;
}

size_t context_length(std::optional<int64_t> asked, const Hyperparameters& hyper) {
  if (!asked) return default_context_length(hyper);
  return *asked == 0 ? hyper.context_length : static_cast<size_t>(*asked);
}

}  // namespace

std::string cache_type_name(NumberType type) {
  std::string name(type_info(type).name);
  for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return name;
}

Preflight::Preflight(const ModelOptions& model_options, const ContextOptions& context_options)
    : program_bytes_(resident_bytes()),
      limit_(memory_limit(context_options)),
      gguf_(std::make_unique<const Gguf>(Gguf::open(resolve_model(model_options.model)))),
      adapters_(open_adapters(model_options.adapters)),
      model_(bind_shapes(*gguf_, adapters_)),
      threads_(context_options.threads ? static_cast<unsigned>(*context_options.threads) : usable_cpus()) {
  settle(context_options);
}

Preflight::Preflight(Gguf header, const ContextOptions& context_options, uint64_t program_bytes)
    : program_bytes_(program_bytes),
      limit_(memory_limit(context_options)),
      gguf_(std::make_unique<const Gguf>(std::move(header))),
      model_(std::make_unique<const Model>(Model::bind(*gguf_, Model::Depth::shapes))),
      threads_(context_options.threads ? static_cast<unsigned>(*context_options.threads) : usable_cpus()) {
  settle(context_options);
}

void Preflight::settle(const ContextOptions& context_options) {
  const Hyperparameters& hyper = model_->hyper();
  session.kv.k_type = cache_type("-ctk", context_options.cache_type_k, hyper);
  session.kv.v_type = cache_type("-ctv", context_options.cache_type_v, hyper);
  session.kv.rotation = rotation(context_options.kv_rotate);
  session.kv.batch_tokens = static_cast<size_t>(context_options.batch_size);
  set_context_length(context_length(context_options.ctx_size, hyper));
  session.logit_rows = 1 + kDefaultDraftTokens;
  if (!model_->has_head()) set_embedding();
}

void Preflight::set_context_length(size_t tokens) {
  session.kv.context_length = tokens;
  session.kv.batch_tokens = std::min(session.kv.batch_tokens, tokens);
}

void Preflight::set_embedding() { session = embedding_options(*model_, session); }

void Preflight::require_no_input(const std::string& output) const {
  const auto compare = [&](const Gguf& gguf) {
    for (const MappedFile& file : gguf.files()) require_different_files(file.path(), output);
  };
  compare(*gguf_);
  for (const OpenAdapter& adapter : adapters_) compare(*adapter.gguf);
}

std::unique_ptr<const Gguf> Preflight::take_gguf() {
  model_.reset();
  return std::move(gguf_);
}

}  // namespace thimble
