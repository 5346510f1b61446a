// The families of the registry as a page of Markdown: 'thimble help models' prints it, docs/models.md holds it.
#pragma once

#include <string>

namespace thimble {

std::string models_page();

}  // namespace thimble
