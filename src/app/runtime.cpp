#include "app/runtime.h"

#include <fmt/ranges.h>

#include "base/error.h"
#include "measure/kept_rows.h"

namespace thimble {
namespace {

MemoryPlan plan_that_fits(const Preflight& preflight) {
  preflight.require_fit();
  return preflight.plan();
}

std::vector<std::string> names_of(const std::vector<OpenAdapter>& adapters) {
  std::vector<std::string> names;
  for (const OpenAdapter& adapter : adapters) {
    names.push_back(fmt::format("{}, scale {}", printable(adapter.gguf->path()), adapter.scale));
  }
  return names;
}

}  // namespace

Runtime::Runtime(Preflight preflight, const ModelOptions& model_options, const ContextOptions& context_options)
    : kernels_(select_kernels(context_options.isa)),
      plan_(plan_that_fits(preflight)),
      limit_(preflight.limit()),
      adapters_(names_of(preflight.adapters())),
      session_options_(preflight.session),
      language_model_(LanguageModel::load(preflight.take_gguf(),
                                          {model_options.pre_tokenizer, model_options.check_tensors},
                                          preflight.take_adapters())),
      team_(preflight.threads()) {}

std::string Runtime::run_as() const {
  const KvOptions& kv = session_options_.kv;
  return fmt::format("{} {} {} {} {}", kernels_.isa, cache_type_name(kv.k_type), cache_type_name(kv.v_type),
                     static_cast<int>(kv.rotation), fmt::join(adapters_, " "));
}

uint64_t Runtime::identity() const {
  const std::string how = run_as();
  return combine_hashes(identity_of(language_model_.gguf()), hash_of(std::as_bytes(std::span(how))));
}

void Runtime::note_setup(const Console& console, bool verbose) const {
  const KvOptions& kv = session_options_.kv;
  const uint32_t trained = language_model_.model().hyper().context_length;
  if (kv.context_length > trained) {
    console.note("-c {}: the model was trained for {} tokens; what is further back may be misread", kv.context_length,
                 trained);
  }
  if (!verbose) return;
  for (const std::string& adapter : adapters_) console.note("with the adapter {}", adapter);
  console.note(
      "{}, {} threads; context {} tokens, batch {}, keys {}, values {}; {:.0f} MB planned, limit {:.0f} MB ({})",
      kernels_.isa, team_.size(), kv.context_length, kv.batch_tokens, cache_type_name(kv.k_type),
      cache_type_name(kv.v_type), static_cast<double>(plan_.total()) / 1e6, static_cast<double>(limit_.bytes) / 1e6,
      limit_.source);
}

std::unique_ptr<Session> Runtime::make_session(const SessionOptions& options) {
  return std::make_unique<Session>(language_model_.model(), kernels_, team_, options);
}

}  // namespace thimble
