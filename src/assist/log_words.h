// The words that log_signal.cpp goes by. A phrase begins with a space; it ends with one where the word must end there.
#pragma once

#include <string_view>

namespace thimble::words {

constexpr std::string_view kPower[] = {
    " power fail",   " power lost",    " power loss",    " loss of power",      " power outage", " mains lost",
    " mains fail",   " mains off ",    " loss of mains", " supply lost",        " supply fail",  " supply undervoltage",
    " undervoltage", " under voltage", " brownout",      " brown out",          " blackout",     " running on buffer",
    " phase lost",   " phase fail",    " phase loss",    " supply voltage low", " lost power",   " on battery power"};

constexpr std::string_view kEmergency[] = {" emergency stop",     " e stop ",     " estop ",    " emergency off",
                                           " emergency shutdown", " fire alarm ", " gas alarm", " smoke detected",
                                           " fire detected"};

// At any level.
constexpr std::string_view kLostLinks[] = {
    " connection lost", " lost connection", " link down",          " link is down",       " link lost",
    " no answer",       " not responding",  " unreachable",        " no carrier",         " carrier lost",
    " lost contact",    " contact lost",    " communication lost", " lost communication", " communication fail",
    " comm lost",       " comm fail",       " comms lost",         " network is down",    " bus off ",
    " signal lost",     " loss of signal",  " heartbeat lost",     " heartbeat missed",   " uplink lost",
    " uplink down"};

constexpr std::string_view kCommunication[] = {" connection lost",
                                               " lost connection",
                                               " connection refused",
                                               " connection reset",
                                               " connection fail",
                                               " connection closed",
                                               " link down",
                                               " link is down",
                                               " link lost",
                                               " no answer",
                                               " no response",
                                               " no reply",
                                               " not respond",
                                               " unreachable",
                                               " timed out",
                                               " timeout",
                                               " time out ",
                                               " disconnected",
                                               " no carrier",
                                               " carrier lost",
                                               " offline",
                                               " communication",
                                               " comm ",
                                               " comms ",
                                               " lost contact",
                                               " contact lost",
                                               " network",
                                               " no route",
                                               " no signal",
                                               " signal lost",
                                               " bus off ",
                                               " no contact",
                                               " not reachable",
                                               " lost link",
                                               " heartbeat",
                                               " broker",
                                               " modbus",
                                               " mqtt",
                                               " uplink",
                                               " modem",
                                               " loss of signal"};

constexpr std::string_view kLostData[] = {
    " data lost",    " data loss", " lost data",   " records lost", " lost records",  " samples lost", " messages lost",
    " packets lost", " overflow",  " buffer full", " disk full",    " no space left", " storage full", " queue full",
    " memory full",  " discarded", " dropped",     " corrupt",      " checksum",      " crc error",    " truncated"};

constexpr std::string_view kStuck[] = {" stuck",          " jammed",       " blocked",       " does not move",
                                       " did not move",   " not moving",   " did not reach", " does not reach",
                                       " seized",         " frozen",       " no movement",   " does not open",
                                       " does not close", " did not open", " did not close"};

constexpr std::string_view kTooHot[] = {" over temperature", " overtemperature", " overtemp", " overheat",
                                        " too hot",          " temperature",     " thermal",  " above setpoint"};

constexpr std::string_view kLowLevel[] = {" level low", " low level",    " level below",
                                          " level ",    " nearly empty", " running low"};

constexpr std::string_view kDue[] = {" overdue",
                                     " service due",
                                     " maintenance due",
                                     " inspection due",
                                     " calibration due",
                                     " past due",
                                     " worn",
                                     " replace within",
                                     " due since",
                                     " maintenance required",
                                     " service required",
                                     " certificate expired",
                                     " lubrication due"};
constexpr std::string_view kOverdue[] = {" overdue",         " past due",        " service due",
                                         " maintenance due", " calibration due", " inspection due"};

constexpr std::string_view kRestart[] = {" restarting",
                                         " restarted",
                                         " reboot",
                                         " watchdog reset",
                                         " watchdog restart",
                                         " watchdog expired",
                                         " watchdog timeout",
                                         " by watchdog",
                                         " reset reason",
                                         " respawn",
                                         " booting",
                                         " booted",
                                         " boot ",
                                         " cold start",
                                         " warm start",
                                         " power up ",
                                         " powered up",
                                         " power on ",
                                         " crash loop",
                                         " start request repeated",
                                         " linux version",
                                         " reset reason",
                                         " unexpected restart",
                                         " controller started",
                                         " system started",
                                         " firmware started",
                                         " init done"};

constexpr std::string_view kClock[] = {" clock", " time ", " ntp", " rtc", " date ", " chrony", " timesync"};
constexpr std::string_view kClockSteps[] = {" jump",  " step",     " set ",    " adjust",  " correct",
                                            " skew",  " backward", " forward", " invalid", " lost",
                                            " moved", " wrong",    " changed", " reset"};
constexpr std::string_view kClockFaults[] = {" clock jump", " time jump",     " time step",    " clock step",
                                             " backward",   " clock invalid", " time invalid", " clock lost",
                                             " time lost",  " clock wrong",   " clock skew",   " clock reset"};

constexpr std::string_view kStopped[] = {" stopped",   " trip",   " alarm",  " shutdown",
                                         " shut down", " opened", " locked", " off "};
constexpr std::string_view kCritical[] = {" shutdown", " shut down", " emergency", " pull cord",     " locked",
                                          " fire",     " explosion", " panic",     " unrecoverable", " evacuat"};
constexpr std::string_view kFatal[] = {" panic", " fatal", " critical", " segfault", " out of memory"};

// Of lines that state no level.
constexpr std::string_view kErrors[] = {
    " error ",        " errors ",        " failed ",    " fail ",      " failure",      " fault ",    " faults ",
    " alarm ",        " trip ",          " tripped ",   " exception ", " traceback ",   " panic",     " segfault",
    " oops ",         " aborted ",       " crashed ",   " fatal ",     " critical ",    " overload ", " overcurrent ",
    " overpressure ", " out of memory ", " corrupted ", " i o error",  " unrecoverable"};
constexpr std::string_view kTroubles[] = {" warning ",
                                          " timed out ",
                                          " timeout ",
                                          " no response ",
                                          " not respond",
                                          " overheat",
                                          " over temperature",
                                          " overtemperature",
                                          " jammed ",
                                          " stuck ",
                                          " did not ",
                                          " does not ",
                                          " no movement",
                                          " clogged ",
                                          " blocked ",
                                          " leak ",
                                          " leakage ",
                                          " too high ",
                                          " too low ",
                                          " out of range ",
                                          " above limit ",
                                          " below limit ",
                                          " over limit ",
                                          " above alarm limit ",
                                          " below alarm limit ",
                                          " level low ",
                                          " low level ",
                                          " low pressure ",
                                          " high pressure ",
                                          " high temperature ",
                                          " exceeded ",
                                          " refused ",
                                          " disk full ",
                                          " no space left ",
                                          " lost ",
                                          " dropped ",
                                          " overdue ",
                                          " dry running ",
                                          " shutdown ",
                                          " undervoltage ",
                                          " overvoltage "};
constexpr std::string_view kFailures[] = {" failed ",    " fail ",   " failure ", " cannot ",
                                          " could not ", " unable ", " gave up ", " giving up "};
// What makes such words harmless.
constexpr std::string_view kRoutine[] = {
    " test ",           " tests ",           " selftest",  " passed ",    " ok ",         " simulated ",
    " drill ",          " handler ",         " handling ", " enabled ",   " registered ", " supported ",
    " initialized ",    " initialised ",     " loaded ",   " reporting ", " no alarms ",  " no errors ",
    " error log ",      " error correction", " fail safe", " failsafe",   " failover",    " configured ",
    " sata link down ", " threshold set"};

// The end of what was wrong, in lines of any level.
constexpr std::string_view kEnds[] = {
    " cleared",        " restored",           " recovered",    " resumed",      " reconnected",
    " back to normal", " returned to normal", " acknowledged", " normal again", " back online",
    " is back "};
// Figures, not happenings.
constexpr std::string_view kCounters[] = {" counter ", " counters ", " statistics ", " stats "};
constexpr std::string_view kReleases[] = {" released", " reset ", " back ", " unlocked"};
constexpr std::string_view kRecoveries[] = {
    " reset ",      " reset by", " restored",  " recovered", " resumed",   " cleared",   " acknowledged",
    " reconnected", " back ",    " unlocked",  " released",  " restarted", " started",   " start ",
    " starting",    " repaired", " replaced",  " cleaned",   " refuelled", " refilled",  " topped up",
    " added",       " normal",   " fixed",     " tightened", " corrected", " renewed",   " reseated",
    " removed",     " bled ",    " regreased", " realigned", " is up ",    " link up",   " online",
    " connected",   " recovery", " running",   " drained",   " freed",     " exchanged", " emptied"};
constexpr std::string_view kGeneralRecoveries[] = {" reset ",   " restored",  " recovered", " resumed",     " back ",
                                                   " unlocked", " restarted", " restart ",  " reconnected", " online"};

constexpr std::string_view kPersons[] = {" user ",    " operator ", " badge ",        " technician ",
                                         " by hand ", " manually ", " at panel ",     " panel ",
                                         " hmi ",     " admin ",    " shift leader ", " by "};
// Whose word on a machine is about what is wrong with it.
constexpr std::string_view kWorkers[] = {" operator ", " badge ",    " technician ",
                                         " by hand ",  " manually ", " shift leader "};
constexpr std::string_view kSettings[] = {" setpoint",  " set point", " setting", " parameter", " recipe",  " mode ",
                                          " threshold", " limit",     " config",  " speed ",    " profile", " program",
                                          " target ",   " manual ",   " auto ",   " mode"};
// What only a person sets.
constexpr std::string_view kFirmSettings[] = {" setpoint", " set point", " setting",   " parameter",
                                              " recipe",   " mode ",     " threshold", " limit"};
constexpr std::string_view kChanges[] = {" set to ",   " changed",    " switched to ", " selected", " adjusted",
                                         " raised to", " lowered to", " changed to",   " set from "};
constexpr std::string_view kBypasses[] = {" bypassed", " bridged", " overridden", " override on", " inhibited",
                                          " silenced", " muted",   " jumpered",   " forced ",     " interlock off"};

// Too common to say what a line is about.
constexpr std::string_view kCommon[] = {
    "above",    "after",    "again",    "alarm",  "alarms",  "and",      "badge",    "because", "been",
    "before",   "below",    "but",      "can",    "closed",  "could",    "critical", "did",     "does",
    "down",     "due",      "error",    "errors", "fail",    "failed",   "failure",  "fault",   "faults",
    "for",      "from",     "full",     "has",    "have",    "high",     "hour",     "hours",   "into",
    "its",      "key",      "level",    "limit",  "lost",    "low",      "machine",  "message", "more",
    "normal",   "not",      "now",      "off",    "opened",  "operator", "out",      "over",    "panel",
    "pressed",  "pressure", "required", "reset",  "restart", "running",  "seconds",  "service", "set",
    "shutdown", "start",    "started",  "state",  "stop",    "stopped",  "system",   "temp",    "temperature",
    "than",     "the",      "third",    "time",   "too",     "trip",     "tripped",  "under",   "unit",
    "user",     "value",    "warning",  "was",    "were",    "will",     "with",     "within"};

}  // namespace thimble::words
