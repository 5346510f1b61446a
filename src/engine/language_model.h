// A model file with all that answering takes: weights bound, tokenizer, chat template. Immutable, shared by sessions.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "format/gguf.h"
#include "model/model.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace thimble {

struct LoadOptions {
  std::string pre_tokenizer;  // overrides tokenizer.ggml.pre where not empty
  bool check_tensors = false;
};

class LanguageModel {
 public:
  // Throws Error(bad_file).
  static LanguageModel load(std::unique_ptr<const Gguf> gguf, const LoadOptions& options);

  const Gguf& gguf() const { return *gguf_; }
  const Model& model() const { return *model_; }
  const Tokenizer& tokenizer() const { return *tokenizer_; }

 private:
  LanguageModel() = default;
  std::unique_ptr<const Gguf> gguf_;
  std::unique_ptr<const Model> model_;
  std::unique_ptr<const Tokenizer> tokenizer_;
};

}  // namespace thimble
