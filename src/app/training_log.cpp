#include "app/training_log.h"

#include <fcntl.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include <cerrno>
#include <charconv>
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

constexpr std::string_view kColumns = "step,loss,lr,tokens,tps,scored,grad_norm,val_loss\n";

// Of a line of either kind; nullopt where it is none of a step.
std::optional<uint64_t> step_of(const std::string& line, bool is_csv) {
  if (is_csv) {
    uint64_t step = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), step);
    return error == std::errc() && *end == ',' ? std::optional(step) : std::nullopt;
  }
  const nlohmann::json json = nlohmann::json::parse(line, nullptr, false);
  if (!json.is_object() || !json.contains("step") || !json["step"].is_number_unsigned()) return std::nullopt;
  return json["step"].get<uint64_t>();
}

// The lines of steps up to `kept_steps`: what was done behind a checkpoint is done again.
std::string kept_lines(const std::string& path, uint64_t kept_steps, bool is_csv) {
  std::error_code error;
  std::string kept(is_csv ? kColumns : "");
  if (kept_steps == 0 || !std::filesystem::is_regular_file(path, error)) return kept;
  const std::string text = read_file(path);
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = text.find('\n', begin);
    if (end == text.npos) break;  // cut short
    const std::string line = text.substr(begin, end + 1 - begin);
    const auto step = step_of(line, is_csv);
    if (step && *step <= kept_steps) kept += line;
    begin = end + 1;
  }
  return kept;
}

}  // namespace

TrainingLog::TrainingLog(const std::optional<std::string>& path, uint64_t kept_steps) {
  if (!path) return;
  path_ = *path;
  is_csv_ = path_.ends_with(".csv");
  const std::string kept = kept_lines(path_, kept_steps, is_csv_);
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
  std::string line = json.dump();
  if (is_csv_) {
    if (!report.validation_loss) json["val_loss"] = nullptr;
    line.clear();
    for (const auto& [key, value] : json.items()) {
      line += (line.empty() ? "" : ",") + (value.is_null() ? "" : value.dump());
    }
  }
  line += '\n';
  // In one piece, so that a reader never sees half a line.
  if (::write(file_.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size())) fail_on(path_);
}

}  // namespace thimble
