#include "format/printable_json.h"

#include "base/error.h"

namespace thimble {

std::string printable_json(const nlohmann::json& value) {
  return printable(value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace), 60);
}

}  // namespace thimble
