// A model file with all that answering takes: weights bound, tokenizer, chat template. Immutable, shared by sessions.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "format/gguf.h"
#include "model/model.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace thimble {

struct LoadOptions {
  std::string pre_tokenizer;  // overrides tokenizer.ggml.pre where not empty
  bool check_tensors = false;
};

// A LoRA adapter to run the model with: its file, and how much of it (Model::add_adapter).
struct OpenAdapter {
  std::unique_ptr<const Gguf> gguf;
  float scale = 1;
};

class LanguageModel {
 public:
  // Throws Error(bad_file).
  static LanguageModel load(std::unique_ptr<const Gguf> gguf, const LoadOptions& options,
                            std::vector<OpenAdapter> adapters = {});

  const Gguf& gguf() const { return *gguf_; }
  const Model& model() const { return *model_; }
  const Tokenizer& tokenizer() const { return *tokenizer_; }

 private:
  LanguageModel() = default;
  std::unique_ptr<const Gguf> gguf_;
  std::vector<OpenAdapter> adapters_;
  std::unique_ptr<const Model> model_;
  std::unique_ptr<const Tokenizer> tokenizer_;
};

}  // namespace thimble
