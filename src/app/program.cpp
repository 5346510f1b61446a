#include "app/program.h"

#include <fcntl.h>
#include <unistd.h>

#include <clocale>
#include <cstdlib>
#include <new>

#include "app/console.h"
#include "app/help_text.h"
#include "app/interrupt.h"
#include "app/memory_reserve.h"
#include "app/verbs.h"

namespace thimble {
namespace {

struct Invocation {
  const Verb* verb;
  std::vector<std::string> arguments;  // after the verb
};

[[noreturn]] void refuse_verb(const std::string& found) {
  std::vector<std::string> names;
  std::string group;  // "eval" alone, say
  for (const Verb* verb : all_verbs()) {
    names.emplace_back(verb->name);
    if (verb->name.starts_with(found + " ")) group += (group.empty() ? "'" : ", '") + std::string(verb->name) + "'";
  }
  if (!group.empty()) fail(ExitCode::usage, "{}: expected {}", printable(found), group);
  if (const std::string nearest = nearest_name(found, names); !nearest.empty()) {
    fail(ExitCode::usage, "unknown verb '{}'; did you mean '{}'?", printable(found), nearest);
  }
  fail(ExitCode::usage, "unknown verb '{}'; see 'thimble help'", printable(found));
}

Invocation find_invocation(const std::vector<std::string>& arguments) {
  const std::string& first = arguments[0];
  if (first == "--version") return {find_verb("version"), {}};
  if (first == "-h" || first == "--help") return {find_verb("help"), {}};
  if (arguments.size() > 1) {
    if (const Verb* verb = find_verb(first + " " + arguments[1]))
      return {verb, {arguments.begin() + 2, arguments.end()}};
  }
  if (const Verb* verb = find_verb(first)) return {verb, {arguments.begin() + 1, arguments.end()}};
  if (first.starts_with("-")) {
    fail(ExitCode::usage, "expected a verb before {}: 'thimble chat -m MODEL'; see 'thimble help'", printable(first));
  }
  refuse_verb(first);
}

ExitCode run_verb(const std::vector<std::string>& arguments, const Environment& environment, Console& console) {
  if (arguments.empty()) {
    console.write_error(overview_text());
    return ExitCode::usage;
  }
  const Invocation invocation = find_invocation(arguments);
  VerbInstance instance(*invocation.verb);
  ExitCode code = ExitCode::done;
  if (apply_command_line(instance.options, instance.verb.name, invocation.arguments, environment)) {
    code = instance.command->run(console);
  } else {
    console.print(help_text(instance));
  }
  console.flush();
  return code;
}

// Opens what of stdin, stdout and stderr is closed on nothing, so that no file of ours can take their numbers.
void secure_standard_streams() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) < 0) {
      // Takes the lowest free number, which is fd. Read-only, so that writing a result fails rather than vanishes.
      [[maybe_unused]] const int opened = ::open("/dev/null", fd == STDERR_FILENO ? O_WRONLY : O_RDONLY);
    }
  }
}

}  // namespace

int run_program(const std::vector<std::string>& arguments, const Environment& environment) {
  Console console;
  ExitCode code = ExitCode::failed;
  try {
    code = run_verb(arguments, environment, console);
  } catch (const BrokenPipe&) {
    code = ExitCode::failed;
  } catch (const Error& error) {
    console.note("{}", error.what());
    code = error.code();
  } catch (const std::bad_alloc&) {
    console.note("out of memory: try a smaller context (-c), batch (-b) or model");
    code = ExitCode::does_not_fit;
  } catch (const std::exception& error) {
    console.note("{}", error.what());
  }
  return static_cast<int>(code);
}

void prepare_process() {
  secure_standard_streams();
  reserve_memory();
  install_signal_handlers();
  // For the line editor. Numbers keep the C locale's form.
  if (std::setlocale(LC_CTYPE, "") == nullptr || MB_CUR_MAX == 1) std::setlocale(LC_CTYPE, "C.UTF-8");
}

}  // namespace thimble
