#include "engine/memory_plan.h"

#include <algorithm>

#include "base/error.h"
#include "engine/embedder.h"
#include "model/workspace.h"
#include "text/tokenizer.h"

namespace thimble {
namespace {

constexpr uint64_t kStackOfWorker = 128 << 10;  // touched pages of a worker's stack and of the allocator's arena for it
// Code, library pages and heap that only running touches: 2.2 to 3.5 MB were measured over five models.
constexpr uint64_t kTouchedByRunning = 4'000'000;
constexpr size_t kLeastUsefulContext = 256;

std::string megabytes(uint64_t bytes) { return fmt::format("{:.0f} MB", static_cast<double>(bytes) / 1e6); }

}  // namespace

MemoryPlan plan_memory(const Model& model, const SessionOptions& options, unsigned workers, uint64_t program_bytes) {
  const WorkspaceLayout layout(model, options.workspace(workers));
  MemoryPlan plan;
  plan.weights = model.resident_bytes(options.sequences == 0) + model.owned_bytes();
  plan.kv = options.sequences != 0 ? Embedder::cache_bytes(model, options)
                                   : options.sessions * KvCache::bytes(model, options.kv);
  plan.activations = layout.activation_bytes();
  plan.scratch = layout.scratch_bytes();
  plan.tokenizer = Tokenizer::planned_bytes(model.gguf());
  plan.program = program_bytes + kTouchedByRunning + workers * kStackOfWorker;
  return plan;
}

std::vector<Remedy> find_remedies(const Model& model, const SessionOptions& options, unsigned workers,
                                  uint64_t program_bytes, uint64_t limit) {
  std::vector<Remedy> remedies;
  const auto total = [&](const SessionOptions& candidate) {
    return plan_memory(model, candidate, workers, program_bytes).total();
  };
  const auto try_contexts = [&](SessionOptions candidate, const std::string& flags) {
    for (size_t context = options.kv.context_length; context >= kLeastUsefulContext;
         context = (context / 2) / 256 * 256) {
      candidate.kv.context_length = context;
      // A text that is embedded is one batch.
      candidate.kv.batch_tokens = candidate.sequences != 0 ? context : std::min(candidate.kv.batch_tokens, context);
      if (const uint64_t bytes = total(candidate); bytes <= limit) {
        const bool same = context == options.kv.context_length;
        remedies.push_back({same ? flags.substr(1) : fmt::format("-c {}{}", context, flags), bytes});
        return;
      }
    }
  };
  try_contexts(options, "");
  if (options.sequences != 0) return remedies;
  SessionOptions smaller_cache = options;
  const size_t head = model.hyper().key_length;
  if (head % 32 == 0) {
    for (const auto& [type, flags] :
         {std::pair{NumberType::Q8_0, " -ctk q8_0 -ctv q8_0"}, std::pair{NumberType::Q4_0, " -ctk q8_0 -ctv q4_0"}}) {
      if (row_bytes(type, head) >= row_bytes(smaller_cache.kv.v_type, head)) continue;
      smaller_cache.kv.v_type = type;
      smaller_cache.kv.k_type = NumberType::Q8_0;
      try_contexts(smaller_cache, flags);
    }
  }
  SessionOptions smaller_batch = options;
  smaller_batch.kv.batch_tokens = std::min<size_t>(64, options.kv.batch_tokens);
  try_contexts(smaller_batch, " -b 64");
  return remedies;
}

void require_fit(const Model& model, const SessionOptions& options, unsigned workers, uint64_t program_bytes,
                 uint64_t limit, std::string_view limit_source) {
  const uint64_t total = plan_memory(model, options, workers, program_bytes).total();
  if (total <= limit) return;
  std::string way_out;
  for (const Remedy& remedy : find_remedies(model, options, workers, program_bytes, limit)) {
    way_out +=
        fmt::format("{}{} ({})", way_out.empty() ? "it fits with " : " or ", remedy.change, megabytes(remedy.total));
  }
  if (way_out.empty()) {
    way_out =
        fmt::format("no context makes it fit: use a smaller model or a smaller quantization (this file alone is {})",
                    megabytes(model.gguf().file_bytes()));
  }
  fail(ExitCode::does_not_fit, "{}: needs {} of memory, but the limit is {} ({}); {}", model.gguf().path(),
       megabytes(total), megabytes(limit), limit_source, way_out);
}

}  // namespace thimble
