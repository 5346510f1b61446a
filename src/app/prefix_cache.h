// --prefix-cache: the fixed beginning of a prompt, kept in a file between runs.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "app/console.h"
#include "app/option_table.h"
#include "app/runtime.h"
#include "engine/session.h"

namespace thimble {

struct PrefixCacheOption {
  std::optional<std::string> path;
  void declare(OptionTable& options);

  // Before the first prompt of a session, which is empty: puts `prefix` into it, from the file where it is there, else by running it, and
  // then the file is written. Nothing where the option is not given. Throws Error(usage) where the file is the model's.
  void prepare(const Console& console, const Runtime& runtime, Session& session, std::span<const TokenId> prefix,
               bool verbose) const;
};

}  // namespace thimble
