// A tiny model of tiny_cases.h, loaded, and what llama.cpp's tools said of it (tests/oracle/tiny_measures.py).
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "engine/language_model.h"
#include "engine/session.h"
#include "support/temp_file.h"
#include "support/tiny_cases.h"

namespace thimble::test {

inline std::string measure_data(const std::string& name) { return std::string(THIMBLE_TEST_DATA) + "/measure/" + name; }
inline nlohmann::json measure_golden() { return nlohmann::json::parse(read_file(measure_data("golden.json"))); }

class MeasuredModel {
 public:
  explicit MeasuredModel(const std::string& name, unsigned threads = 1) : team_(threads) {
    for (const TinyCase& tiny : tiny_cases()) {
      if (tiny.name == name) write_tiny_model(*tiny.spec, tiny.model, path());
    }
    loaded_ =
        std::make_unique<LanguageModel>(LanguageModel::load(std::make_unique<const Gguf>(Gguf::open(path())), {}));
  }

  std::string path() const { return folder_ / "model.gguf"; }
  const LanguageModel& loaded() const { return *loaded_; }
  const Tokenizer& tokenizer() const { return loaded_->tokenizer(); }
  // With a cache of float32, as the golden data were made.
  std::unique_ptr<Session> session(size_t context, size_t batch, const std::string& isa = "auto") {
    SessionOptions options;
    options.kv.context_length = context;
    options.kv.batch_tokens = batch;
    options.kv.k_type = options.kv.v_type = NumberType::F32;
    options.logit_rows = 8;
    return std::make_unique<Session>(loaded_->model(), select_kernels(isa), team_, options);
  }

 private:
  TempFolder folder_;
  Team team_;
  std::unique_ptr<LanguageModel> loaded_;
};

}  // namespace thimble::test
