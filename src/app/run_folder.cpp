#include "app/run_folder.h"

#include <cmath>
#include <filesystem>
#include <sstream>
#include <vector>

#include "app/text_input.h"
#include "base/atomic_file.h"
#include "base/error.h"
#include "tune/loss_plot.h"

namespace thimble {
namespace {

void write_whole(const std::string& path, const std::string& text) {
  AtomicFile file(path);
  file.write(text);
  file.commit();
}

}  // namespace

RunFolder::RunFolder(std::string path) : path_(std::move(path)) {
  std::error_code error;
  std::filesystem::create_directories(path_, error);
  if (error) fail(ExitCode::failed, "--run-dir {}: cannot be made: {}", printable(path_), error.message());
}

void RunFolder::write_recipe(const nlohmann::ordered_json& recipe) const {
  write_whole(path_ + "/recipe.json", recipe.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

void RunFolder::write_plot() const {
  std::vector<LossPoint> points;
  std::istringstream lines(read_file(log_path()));
  for (std::string line; std::getline(lines, line);) {
    const nlohmann::json json = nlohmann::json::parse(line, nullptr, false);
    const auto number = [&](const char* key) -> std::optional<double> {
      if (!json.is_object() || !json.contains(key) || !json[key].is_number()) return std::nullopt;
      const double value = json[key].get<double>();
      return std::isfinite(value) ? std::optional(value) : std::nullopt;
    };
    const auto step = number("step"), loss = number("loss");
    if (step && loss && *step >= 0 && *step < 1e15)
      points.push_back({static_cast<uint64_t>(*step), *loss, number("val_loss")});
  }
  write_whole(path_ + "/loss.svg", loss_plot(points));
}

}  // namespace thimble
