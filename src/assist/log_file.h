// A log from a file or a pipe through the analysis.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "assist/log_analyzer.h"

namespace thimble {

// done: bytes read; total: of the file, 0 where it is not known. Returning false stops the work.
using LogProgress = std::function<bool(uint64_t done, uint64_t total)>;

// The facts of a file, or of standard input for "-". Throws Error(bad_file) for what cannot be read or is no text, Error(interrupted)
// where `progress` stopped it.
LogFacts analyze_log_file(const std::string& path, LogWindow window = {}, const LogProgress& progress = {});
// The same of text at hand; `name` is for messages.
LogFacts analyze_log_text(std::string_view text, std::string_view name, LogWindow window = {});

}  // namespace thimble
