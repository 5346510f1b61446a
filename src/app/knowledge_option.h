// The knowledge base that a verb reads, as its option --kb names it.
#pragma once

#include <optional>
#include <string>

#include "knowledge/knowledge_base.h"

namespace thimble {

// Throws Error(bad_file) with the way out where there is no such file, and what KnowledgeBase does.
void open_knowledge_base(std::optional<KnowledgeBase>& base, const std::string& path);

}  // namespace thimble
