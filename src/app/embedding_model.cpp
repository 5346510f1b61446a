#include "app/embedding_model.h"

namespace thimble {
namespace {

ContextOptions embedding_context(const ContextOptions& context) {
  ContextOptions own;
  own.threads = context.threads;
  own.isa = context.isa;
  own.memory_limit = context.memory_limit;
  own.memory_limit_name = context.memory_limit_name;
  return own;
}

}  // namespace

void EmbeddingOption::declare(OptionTable& options, std::string help) {
  options.text("--embed-model", "GGUF", path, std::move(help)).path();
}

Preflight EmbeddingModel::preflight(const std::string& path, const ContextOptions& context) {
  ModelOptions model;
  model.model = path;
  Preflight preflight(model, embedding_context(context));
  preflight.set_embedding();
  pooling_of(preflight.model());  // refuses what gives no vectors
  return preflight;
}

uint64_t EmbeddingModel::bytes(const Preflight& preflight) {
  const MemoryPlan plan = preflight.plan();
  return plan.total() - plan.program;
}

EmbeddingModel::EmbeddingModel(Preflight preflight, const ContextOptions& context)
    : runtime_(std::move(preflight), ModelOptions(), embedding_context(context)),
      embedder_(runtime_.language_model(), runtime_.kernels(), runtime_.team(), runtime_.session_options()) {}

}  // namespace thimble
