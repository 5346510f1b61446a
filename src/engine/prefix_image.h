// The keys and values of a prompt's fixed beginning (system prompt, tools, a manual) in a file, so that a new session answers
// without running it again. What follows is what it would be in a session that ran it, bit for bit.
//
// The file, little-endian: "thimble\x01", a hash of what the state depends on (identity, cache layout), the number of tokens, their
// ids, the bytes of the cache that they take, and a hash of all before it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "engine/session.h"

namespace thimble {

// What the session holds, whole or not at all. `identity`: of the model's file and the way it is run. Throws Error(failed) where it
// cannot be written, Error(bad_file) where `path` is a file of another kind.
void save_prefix(const Session& session, const std::string& path, uint64_t identity);

// Into an empty session. Returns the number of tokens that it then holds: 0 where there is no file, where it is of another identity or
// layout, damaged, or longer than the context. Throws Error(bad_file) where it is a file of another kind.
size_t load_prefix(Session& session, const std::string& path, uint64_t identity);

}  // namespace thimble
