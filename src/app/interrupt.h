// Signals. Ctrl-C is noted, and what runs asks for it; a second one before that was taken notice of ends the program.
#pragma once

namespace thimble {

// To be called once, before any thread is started. Handles SIGINT as said above, SIGTERM, SIGHUP and SIGQUIT as a Ctrl-C that
// nothing clears, SIGBUS (a mapped file was cut short) by one line and exit code 4, and ignores SIGPIPE and SIGXFSZ. Where a signal ends or
// stops the program at once, the terminal gets back the modes it had at the start.
void install_signal_handlers();

bool interrupted();         // since the last clear
bool must_end();            // by another signal than Ctrl-C's
void clear_interruption();  // before work that Ctrl-C may stop on its own
// Throws Error(interrupted) where interrupted() is true.
void stop_if_interrupted();

}  // namespace thimble
