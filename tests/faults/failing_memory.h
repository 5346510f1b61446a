// Counts every request for memory that this program makes in C++, through mmap or for PCRE2, and refuses the one that is asked for.
#pragma once

#include <cstddef>
#include <cstdint>

namespace thimble::test {

// From here on the `failing`-th request (1 is the next) is refused, and with `persistent` every one after it too; 0: none is.
void fail_request(uint64_t failing, bool persistent);
// Ends that, and returns how many requests there were.
uint64_t stop_failing();
// C++ objects that are alive.
int64_t live_allocations();

}  // namespace thimble::test
