#include "compress/best_state.h"

#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/atomic_file.h"
#include "base/error.h"
#include "quant/type_list.h"

namespace thimble {
namespace {

using nlohmann::json;

std::optional<std::pair<size_t, MeasuredTensor>> read_line(const std::string& line, size_t count) {
  const json value = json::parse(line, nullptr, false);
  if (!value.is_object() || !value.contains("tensor") || !value.contains("divergence") || !value.contains("errors"))
    return std::nullopt;
  const json &tensor = value["tensor"], &errors = value["errors"];
  if (!tensor.is_number_unsigned() || tensor.get<uint64_t>() >= count || !value["divergence"].is_number() ||
      !errors.is_object())
    return std::nullopt;
  MeasuredTensor measured{value["divergence"].get<double>(), {}};
  for (const auto& [name, error] : errors.items()) {
    const TypeInfo* type = find_type_named(name);
    if (type == nullptr || !error.is_number()) return std::nullopt;
    measured.errors.emplace_back(type->type, error.get<double>());
  }
  if (measured.errors.empty()) return std::nullopt;
  return std::pair(tensor.get<size_t>(), std::move(measured));
}

}  // namespace

BestState::BestState(std::string folder, std::string identity)
    : folder_(std::move(folder)), identity_(std::move(identity)) {
  std::error_code error;
  std::filesystem::create_directories(folder_, error);
  if (error) fail(ExitCode::failed, "{}: the folder cannot be made: {}", printable(folder_), error.message());
  std::ifstream file(statistics_path());
  std::string first;
  if (file && std::getline(file, first) && json::parse(first, nullptr, false) == json{{"identity", identity_}}) return;
  remove_rounded();
  AtomicFile fresh(statistics_path());
  fresh.write(json{{"identity", identity_}}.dump() + "\n");
  fresh.commit();
}

std::vector<std::pair<size_t, MeasuredTensor>> BestState::read(size_t count) const {
  std::vector<std::pair<size_t, MeasuredTensor>> all;
  std::ifstream file(statistics_path());
  for (std::string line; std::getline(file, line);) {
    // A line that a kill cut short has no newline behind it, or is no JSON.
    if (auto measured = read_line(line, count)) all.push_back(std::move(*measured));
  }
  return all;
}

void BestState::append(size_t tensor, const MeasuredTensor& measured) const {
  json errors = json::object();
  for (const auto& [type, error] : measured.errors) errors[std::string(type_info(type).name)] = error;
  std::ofstream file(statistics_path(), std::ios::app);
  // The newline in front ends a line that was cut short.
  file << "\n" << json{{"tensor", tensor}, {"divergence", measured.divergence}, {"errors", errors}}.dump() << "\n";
  file.flush();
  if (!file) fail(ExitCode::failed, "{}: cannot be written", printable(statistics_path()));
}

std::string BestState::rounded_path(size_t tensor, NumberType type) const {
  return fmt::format("{}/tensor-{:05}-{}.bin", folder_, tensor, type_info(type).name);
}

bool BestState::has_rounded(size_t tensor, NumberType type, uint64_t bytes) const {
  std::error_code error;
  return std::filesystem::file_size(rounded_path(tensor, type), error) == bytes && !error;
}

void BestState::write_rounded(size_t tensor, NumberType type, std::span<const std::byte> rows) const {
  AtomicFile file(rounded_path(tensor, type));
  file.write(rows);
  file.commit();
}

MappedFile BestState::open_rounded(size_t tensor, NumberType type) const {
  return MappedFile::open(rounded_path(tensor, type));
}

void BestState::remove_rounded() const {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder_, error)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("tensor-") && name.ends_with(".bin")) std::filesystem::remove(entry.path(), error);
  }
}

}  // namespace thimble
