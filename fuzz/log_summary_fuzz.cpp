// Any bytes as a log, in pieces of any size: facts come out that are sound and do not depend on the pieces, within bounds.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "assist/log_claims.h"
#include "assist/log_file.h"
#include "assist/log_report.h"
#include "base/error.h"
#include "base/utf8.h"

namespace {

std::string facts_of(std::string_view log, size_t piece, thimble::LogWindow window) {
  thimble::LogAnalyzer analyzer(window);
  for (size_t at = 0; at < log.size(); at += piece) analyzer.feed(log.substr(at, piece));
  const thimble::LogFacts facts = analyzer.finish();
  std::string text = thimble::plain_summary(facts);
  if (!thimble::is_valid_utf8(text)) std::abort();
  for (const thimble::LogEvent& event : facts.events) {
    const bool is_sound = event.first_line >= std::max<uint64_t>(facts.first_line, 1) &&
                          event.first_line <= event.last_line && event.last_line <= facts.last_line &&
                          event.count > 0 && !event.what.empty() && event.what.size() <= thimble::kLogEventBytes &&
                          event.details.size() <= thimble::kLogEventDetails;
    if (!is_sound) std::abort();
    text += thimble::to_json(event).dump();
  }
  nlohmann::ordered_json rest = thimble::to_json(facts);
  rest.erase("bytes");  // behind the window, as many as came before it was noticed
  return text + rest.dump();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 3) return 0;
  const std::string_view log(reinterpret_cast<const char*>(data) + 3, size - 3);
  const thimble::LogWindow window =
      data[1] == 0 ? thimble::LogWindow{} : thimble::LogWindow{data[1], data[1] + uint64_t{data[2]}};
  if (facts_of(log, log.size() + 1, window) != facts_of(log, 1 + data[0] % 64, window)) std::abort();
  const std::string tidy = thimble::tidy_sentence(log);
  if (!thimble::is_valid_utf8(tidy)) std::abort();
  (void)thimble::is_supported(tidy, log);
  try {
    thimble::require_log_text(log, "log");
  } catch (const thimble::Error&) {
  }
  return 0;
}
