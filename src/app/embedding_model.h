// The encoder that makes vectors for a knowledge base, beside whatever else runs.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "app/option_groups.h"
#include "app/runtime.h"
#include "knowledge/text_embedder.h"

namespace thimble {

struct EmbeddingOption {
  std::optional<std::string> path;
  void declare(OptionTable& options, std::string help);
};

// Threads and instruction set are those of `context`, the context is the encoder's own.
class EmbeddingModel {
 public:
  // Its plan, before anything is loaded. Throws Error(bad_file, usage).
  static Preflight preflight(const std::string& path, const ContextOptions& context);
  // Bytes that it takes beside a program that is running already.
  static uint64_t bytes(const Preflight& preflight);

  EmbeddingModel(Preflight preflight, const ContextOptions& context);
  TextEmbedder& embedder() { return embedder_; }
  const Runtime& runtime() const { return runtime_; }

 private:
  Runtime runtime_;
  TextEmbedder embedder_;
};

}  // namespace thimble
