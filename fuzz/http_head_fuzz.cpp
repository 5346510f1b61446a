// Any bytes as the head of a request, or as the JSON of its body: refused with a status, or taken, and what is taken holds nothing
// that would be read in another way.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "app/serve/api_error.h"
#include "app/serve/http_head.h"
#include "app/serve/request_fields.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

void read_head(std::string_view text) {
  try {
    const thimble::HttpHead head = thimble::parse_http_head(text);
    require(head.target.starts_with('/') && !has_control(head.target));
    require(head.fields.size() <= thimble::HttpHead::kMostFields);
    for (const auto& [name, value] : head.fields) require(!name.empty() && !has_control(name) && !has_control(value));
    require(head.find("transfer-encoding") == nullptr);
  } catch (const thimble::HttpFault& fault) {
    require(fault.status() >= 400 && fault.status() < 600);
  }
}

void read_body(std::string_view text) {
  try {
    const nlohmann::ordered_json body = thimble::parse_request(text);
    const thimble::RequestFields fields(body);
    fields.integer("n", 1, 16);
    fields.number("temperature", 0, 2);
    fields.texts("stop", 4);
  } catch (const thimble::ApiError& error) {
    require(error.status() == 400 && !error.json().dump().empty());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  data[0] % 2 == 0 ? read_head(text) : read_body(text);
  return 0;
}
