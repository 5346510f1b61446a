// What `thimble imatrix --show-statistics` prints.
#pragma once

#include <nlohmann/json.hpp>

#include <string>

#include "format/imatrix.h"

namespace thimble {

std::string statistics_text(const Imatrix& imatrix);
nlohmann::ordered_json statistics_json(const Imatrix& imatrix);

}  // namespace thimble
