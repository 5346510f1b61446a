#include "app/knowledge_option.h"

#include <filesystem>

#include "base/error.h"

namespace thimble {

void open_knowledge_base(std::optional<KnowledgeBase>& base, const std::string& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    fail(ExitCode::bad_file, "--kb: {}: no such file; `thimble index DIR -o {}` makes it", printable(path),
         printable(path));
  }
  base.emplace(path, Database::Mode::read);
}

}  // namespace thimble
