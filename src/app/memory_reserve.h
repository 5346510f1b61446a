// Memory set aside for the way out.
#pragma once

namespace thimble {

// From here on the first request for memory that the system refuses gets a reserve: enough to give back what was made and to say
// what happened. Where not even the reserve is there, says so and ends the process with ExitCode::does_not_fit.
void reserve_memory();

}  // namespace thimble
