// Any bytes as what a fetch reads from a user or a server: references, addresses, ranges, a hub's list. Each is refused with an
// Error, or what comes out of it is safe in a path.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/error.h"
#include "fetch/download.h"
#include "fetch/hub.h"
#include "fetch/reference.h"
#include "fetch/url.h"

namespace {

void read_as(auto read) {
  try {
    read();
  } catch (const thimble::Error&) {
  }
}

void require_inside(const std::string& path) {
  const std::string name = thimble::flat_name(path);
  if (name.empty() || name[0] == '.' || name.find('/') != std::string::npos || name.size() > 200) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  read_as([&] {
    const thimble::HubReference reference = thimble::parse_hub_reference("hf:" + text);
    if (!reference.file.empty()) require_inside(reference.file);
    if (thimble::parse_hub_reference(reference.text()).text() != reference.text()) std::abort();
  });
  read_as([&] {
    const thimble::Url url = thimble::parse_url(text);
    if (url.scheme != "http" && url.scheme != "https") std::abort();
    require_inside(thimble::plain_file_name(thimble::percent_decoded(url.path)));
  });
  if (const auto range = thimble::parse_content_range(text);
      range && (range->first > range->last || range->last >= range->size)) {
    std::abort();
  }
  if (const auto list = thimble::try_parse_json(text)) {
    const auto files = thimble::files_in_list(*list);
    for (const thimble::RepositoryFile& file : files) require_inside(file.path);
    read_as([&] { thimble::choose_files(thimble::parse_hub_reference("hf:o/r"), files); });
  }
  return 0;
}
