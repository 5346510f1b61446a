#include "model/arch/registry.h"

#include <string>

#include "base/error.h"

namespace thimble {
namespace {

constexpr const ArchSpec* kAll[] = {&kLlama, &kQwen2, &kGemma3};

}  // namespace

std::span<const ArchSpec* const> all_architectures() { return kAll; }

const ArchSpec& find_architecture(std::string_view name, std::string_view path) {
  std::string known;
  for (const ArchSpec* spec : kAll) {
    if (spec->name == name) return *spec;
    known += (known.empty() ? "" : ", ") + std::string(spec->name);
  }
  fail(ExitCode::bad_file, "{}: general.architecture is \"{}\"; this version runs: {}", path, printable(name), known);
}

}  // namespace thimble
