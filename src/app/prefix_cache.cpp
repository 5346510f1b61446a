#include "app/prefix_cache.h"

#include <algorithm>

#include "base/atomic_file.h"
#include "engine/prefix_image.h"

namespace thimble {

void PrefixCacheOption::declare(OptionTable& options) {
  options
      .text("--prefix-cache,--prompt-cache", "FILE", path,
            "Keep the fixed beginning of the prompt (system prompt, tools) in this file, so that the next run does not "
            "read "
            "it again")
      .path();
}

void PrefixCacheOption::prepare(const Console& console, const Runtime& runtime, Session& session,
                                std::span<const TokenId> prefix, bool verbose) const {
  if (!path || prefix.empty() || prefix.size() > session.context_length()) return;
  for (const MappedFile& file : runtime.language_model().gguf().files()) require_different_files(file.path(), *path);
  const uint64_t identity = runtime.identity();
  const size_t loaded = load_prefix(session, *path, identity);
  const std::span<const TokenId> held = session.tokens();
  const auto [mine, theirs] = std::ranges::mismatch(held, prefix);
  const size_t kept = session.rewind(static_cast<size_t>(mine - held.begin()));
  if (kept == prefix.size()) {
    if (verbose) console.note("{}: {} tokens taken from it", printable(*path), kept);
    return;
  }
  session.append(prefix.subspan(kept));
  save_prefix(session, *path, identity);
  if (verbose) {
    console.note("{}: {} tokens written, {} of {} that were there could be used", printable(*path), prefix.size(), kept,
                 loaded);
  }
}

}  // namespace thimble
