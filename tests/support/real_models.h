// The real models that some tests use where they are at hand: THIMBLE_MODELS names a folder with <name>/<file>.gguf.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

namespace thimble::test {

// The path of a model's GGUF file; empty where it is not at hand.
inline std::string real_model(std::string_view name) {
  const char* models = std::getenv("THIMBLE_MODELS");
  if (models == nullptr) return {};
  const std::filesystem::path folder = std::filesystem::path(models) / name;
  if (!std::filesystem::is_directory(folder)) return {};
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".gguf") return entry.path().string();
  }
  return {};
}

// The real models of tools/fetch_model.py.
inline auto real_models() { return testing::Values("smollm2-135m", "qwen2.5-coder-0.5b", "gemma-3-270m"); }

// A model's name as googletest allows it in the name of a test.
inline std::string real_model_label(const testing::TestParamInfo<const char*>& model) {
  std::string label = model.param;
  std::replace_if(
      label.begin(), label.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return label;
}

}  // namespace thimble::test

// Ends the test as skipped where the model is not at hand; otherwise declares `path`.
#define THIMBLE_REAL_MODEL_OR_SKIP(path, name)              \
  const std::string path = thimble::test::real_model(name); \
  if (path.empty()) GTEST_SKIP() << name << " is not in the folder that THIMBLE_MODELS names"
