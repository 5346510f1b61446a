// Writes the tiny models of tiny_cases.h into a folder, or one of each family at some 70 MB, whose memory can be measured; prints
// the name of each file and whether it makes text or embeddings.
#include <cstdio>
#include <cstring>

#include "support/tiny_cases.h"

namespace {

using namespace thimble;

void enlarge(test::TinyModel& model) {
  model.matrix_type = NumberType::Q8_0;
  model.block_count = 6;
  model.embedding_length = 1024;
  model.feed_forward_length = 2816;
  model.head_count = 16;
  model.head_count_kv = 8;
  model.key_length = 64;
  model.context_length = 2048;
  model.sliding_window = 512;
  model.vocabulary_size = 8000;
}

void write(test::TinyCase tiny, const std::string& folder, bool large) {
  if (large) enlarge(tiny.model);
  const std::string name = tiny.name + ".gguf";
  test::write_tiny_model(*tiny.spec, tiny.model, folder + "/" + name);
  std::printf("%s %s\n", name.c_str(), tiny.spec->head == Head::logits ? "text" : "embeddings");
}

}  // namespace

int main(int argc, char** argv) {
  const bool large = argc > 2 && std::strcmp(argv[2], "--large") == 0;
  if (argc < 2 || (argc > 2 && !large) || argc > 4) {
    std::fputs("usage: write_tiny_models FOLDER [--large [FAMILY]]\n", stderr);
    return 2;
  }
  try {
    for (const test::TinyCase& tiny : test::tiny_cases()) {
      if (large && (tiny.name != tiny.spec->name || (argc == 4 && tiny.name != argv[3]))) continue;
      write(tiny, argv[1], large);
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
