// What `thimble eval kld` prints.
#pragma once

#include <nlohmann/json.hpp>

#include <string>

#include "measure/kld.h"

namespace thimble {

std::string kld_text(const KldResult& result);
nlohmann::ordered_json kld_json(const KldResult& result);

}  // namespace thimble
