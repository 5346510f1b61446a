// Writes the tiny models of tiny_cases.h into a folder, for the scripts under tests/oracle: write_tiny_models FOLDER.
#include <cstdio>

#include "support/tiny_cases.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: write_tiny_models FOLDER\n", stderr);
    return 2;
  }
  try {
    for (const auto& tiny : thimble::test::tiny_cases()) {
      thimble::test::write_tiny_model(*tiny.spec, tiny.model, std::string(argv[1]) + "/" + tiny.name + ".gguf");
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
