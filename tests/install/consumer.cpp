// usage: consumer_cpp [MODEL]: the error path, and with a model a short answer.
#include <thimble/thimble.hpp>

#include <iostream>

int main(int argc, char** argv) {
  namespace api = thimble::api;
  try {
    api::plan("no-such-model.gguf");
    return 1;
  } catch (const api::Error& error) {
    if (error.code() != api::Code::bad_file) return 1;
  }
  if (argc > 1) {
    const api::Model model = api::Model::load(argv[1], {.context_size = 256});
    api::Session session(model);
    const api::Answer answer = session.generate("The capital of France is", {.max_tokens = 8, .temperature = 0});
    std::cout << answer.text << '\n';
    if (answer.tokens.empty()) return 1;
  }
  std::cout << "thimble " << api::version() << " from C++\n";
}
