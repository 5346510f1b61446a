#include <cstdlib>
#include <string>
#include <vector>

#include "app/program.h"

int main(int argc, char** argv) {
  thimble::prepare_process();
  const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  return thimble::run_program(arguments, [](const char* name) -> const char* { return std::getenv(name); });
}
