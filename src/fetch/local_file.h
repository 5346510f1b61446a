// A file of this machine taken into the cache.
#pragma once

#include <string>

#include "fetch/retry.h"

namespace thimble {

// Gives `source`, a regular file, the second name `final_path`, or copies it there where it lies on another file system; what
// has the name already is replaced. Returns "linked" or "copied". Throws Error(failed, interrupted).
std::string link_or_copy(const std::string& source, const std::string& final_path, const FetchEvents& events);

}  // namespace thimble
