// Signals. Ctrl-C is noted, and what runs asks for it; a second one before that was taken notice of ends the program.
#pragma once

namespace thimble {

// To be called once, before any thread is started. Handles SIGINT and SIGTERM as said above, SIGBUS (a mapped file was
// cut short) by one line and exit code 4, and ignores SIGPIPE.
void install_signal_handlers();

bool interrupted();         // since the last clear
void clear_interruption();  // before work that Ctrl-C may stop on its own
// Throws Error(interrupted) where interrupted() is true.
void stop_if_interrupted();

}  // namespace thimble
