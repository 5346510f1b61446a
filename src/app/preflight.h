// What is settled about running a model before anything is loaded: its file, its shapes, the session asked for and the
// memory that this will take. The order is open, bind, plan, refuse or load; nothing large happens before the refusal.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "app/option_groups.h"
#include "engine/language_model.h"
#include "engine/memory_plan.h"
#include "engine/session_options.h"
#include "format/gguf.h"
#include "model/model.h"

namespace thimble {

struct MemoryLimit {
  uint64_t bytes;
  std::string source;
};

std::string cache_type_name(NumberType type);  // "q8_0"

class Preflight {
 public:
  // Throws Error(bad_file, usage).
  Preflight(const ModelOptions& model_options, const ContextOptions& context_options);
  // Of a header that is at hand already. `program_bytes`: what the process had resident before it opened anything.
  Preflight(Gguf header, const ContextOptions& context_options, uint64_t program_bytes);

  const Gguf& gguf() const { return *gguf_; }
  const std::vector<OpenAdapter>& adapters() const { return adapters_; }
  const Model& model() const { return *model_; }
  unsigned threads() const { return threads_; }
  const MemoryLimit& limit() const { return limit_; }

  // What a session will have. May be changed until the model is loaded; a batch is never longer than the context.
  SessionOptions session;
  void set_context_length(size_t tokens);
  void set_embedding();  // the session embeds texts

  MemoryPlan plan() const { return plan_memory(*model_, session, threads_, program_bytes_); }
  std::vector<Remedy> remedies() const {
    return find_remedies(*model_, session, threads_, program_bytes_, limit_.bytes);
  }
  // Throws Error(usage) where `output` is one of the files that the model or its adapters are read from.
  void require_no_input(const std::string& output) const;
  // With `more_bytes` that the caller will take besides. Throws Error(does_not_fit).
  void require_fit(uint64_t more_bytes = 0) const {
    thimble::require_fit(*model_, session, threads_, program_bytes_ + more_bytes, limit_.bytes, limit_.source);
  }

  // These end this object's use of what they give away.
  std::unique_ptr<const Gguf> take_gguf();
  std::vector<OpenAdapter> take_adapters() { return std::move(adapters_); }

 private:
  void settle(const ContextOptions& context_options);
  uint64_t program_bytes_;
  MemoryLimit limit_;
  std::unique_ptr<const Gguf> gguf_;
  std::vector<OpenAdapter> adapters_;
  std::unique_ptr<const Model> model_;
  unsigned threads_;
};

}  // namespace thimble
