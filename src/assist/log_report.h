// Facts as JSON and as plain sentences, each with the lines that it is about.
#pragma once

#include <nlohmann/json.hpp>

#include <string>

#include "assist/log_facts.h"

namespace thimble {

// "[L36-L42]", or "[L36]" for one line.
std::string line_reference(uint64_t first_line, uint64_t last_line);

// {"what","severity","first_line","last_line","count","kind"} and, where there are any, "first_time", "last_time", "details", "end".
nlohmann::ordered_json to_json(const LogEvent& event);
// {"first_line","last_line","lines","bytes",...,"levels","rate","templates"}: what there is beside the events.
nlohmann::ordered_json to_json(const LogFacts& facts);

// "at 04:18", "from 04:18 to 04:49"; with days where it takes more than one; empty where the log has no times.
std::string event_time(const LogEvent& event);
// "From 04:18 to 04:49: E07 discharge temperature 111 C, machine stopped [L36-L42]."
std::string event_sentence(const LogEvent& event);
// The most severe events, `most` at most, in the order of the log, and how many there are beside. One sentence where there are none.
std::string plain_summary(const LogFacts& facts, size_t most = 12);
// "8 events (1 critical, 7 warning) [L23-L450]."; empty where there are fewer than three.
std::string count_sentence(const LogFacts& facts);
// The indices of those events.
std::vector<size_t> most_severe(const LogFacts& facts, size_t most);
// "12 less severe events are left out [L1-L90]."
std::string rest_sentence(const LogFacts& facts, size_t told);

}  // namespace thimble
