#include "app/training_log.h"

#include <fcntl.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "app/text_input.h"
#include "base/atomic_file.h"
#include "base/error.h"

namespace thimble {
namespace {

[[noreturn]] void fail_on(const std::string& path) {
  fail(ExitCode::failed, "--log {}: {}", printable(path), std::generic_category().message(errno));
}

// The lines of steps up to `kept_steps`: what was done behind a checkpoint is done again.
std::string kept_lines(const std::string& path, uint64_t kept_steps) {
  std::error_code error;
  if (kept_steps == 0 || !std::filesystem::is_regular_file(path, error)) return {};
  const std::string text = read_file(path);
  std::string kept;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = text.find('\n', begin);
    if (end == text.npos) break;  // cut short
    const std::string line = text.substr(begin, end + 1 - begin);
    const nlohmann::json json = nlohmann::json::parse(line, nullptr, false);
    if (json.is_object() && json.contains("step") && json["step"].is_number_unsigned() && json["step"] <= kept_steps) {
      kept += line;
    }
    begin = end + 1;
  }
  return kept;
}

}  // namespace

TrainingLog::TrainingLog(const std::optional<std::string>& path, uint64_t kept_steps) {
  if (!path) return;
  path_ = *path;
  const std::string kept = kept_lines(path_, kept_steps);
  AtomicFile begun(path_);
  begun.write(kept);
  begun.commit();
  file_ = FileHandle(::open(path_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  if (!file_) fail_on(path_);
}

void TrainingLog::write(const StepReport& report) {
  if (!file_) return;
  nlohmann::ordered_json json = {{"step", report.step},
                                 {"loss", report.loss},
                                 {"lr", report.learning_rate},
                                 {"tokens", report.tokens},
                                 {"tps", static_cast<double>(report.tokens) / report.seconds},
                                 {"scored", report.scored},
                                 {"grad_norm", report.gradient_norm}};
  if (report.validation_loss) json["val_loss"] = *report.validation_loss;
  const std::string line = json.dump() + "\n";
  // In one piece, so that a reader never sees half a line.
  if (::write(file_.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size())) fail_on(path_);
}

}  // namespace thimble
