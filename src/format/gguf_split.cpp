#include "format/gguf_split.h"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "base/error.h"
#include "format/gguf.h"
#include "format/gguf_limits.h"

namespace thimble {
namespace {

constexpr std::string_view kCountKey = "split.count";
constexpr std::string_view kNumberKey = "split.no";
constexpr std::string_view kTensorsKey = "split.tensors.count";

std::optional<uint32_t> five_digits(std::string_view text) {
  uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.size() != 5 || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// The name of a file that says it is one of `count` parts, checked against what the file says.
GgufPartName checked_name(const Gguf& given, uint64_t count) {
  if (count > gguf_limits::kParts) {
    fail(ExitCode::bad_file, "{}: {} is {}; at most {} parts are supported", printable(given.path()), kCountKey, count,
         gguf_limits::kParts);
  }
  const auto name = parse_part_name(given.path());
  if (!name || name->count != count) {
    fail(
        ExitCode::bad_file,
        "{}: one of {} parts of a split model, whose names end in -00001-of-{:05}.gguf and so on: give the parts these "
        "names, or join them with llama-gguf-split --merge FIRST_PART OUT.gguf",
        printable(given.path()), count, count);
  }
  return *name;
}

// Parts may repeat the first one's metadata; what contradicts it comes from another model.
void check_part(const Gguf& part, const Gguf& first, const GgufPartName& name) {
  const auto refuse_key = [&](std::string_view key, std::string_view expected) {
    fail(ExitCode::bad_file, "{}: {} is not {}; expected part {} of the {} of one split model: fetch the parts again",
         printable(part.path()), printable(key), expected, name.number, name.count);
  };
  if (part.unsigned_integer(kNumberKey) != name.number - 1) refuse_key(kNumberKey, fmt::to_string(name.number - 1));
  if (part.unsigned_integer(kCountKey) != name.count) refuse_key(kCountKey, fmt::to_string(name.count));
  for (const GgufValue& value : part.values()) {
    if (value.key == kNumberKey || value.key == "general.alignment") continue;
    const GgufValue* mine = first.find(value.key);
    if (mine == nullptr) continue;
    if (mine->type != value.type || mine->element != value.element || !std::ranges::equal(mine->data, value.data)) {
      refuse_key(value.key, "what the first part has");
    }
  }
}

}  // namespace

std::string GgufPartName::path() const { return fmt::format("{}-{:05}-of-{:05}.gguf", prefix, number, count); }

std::optional<GgufPartName> parse_part_name(std::string_view path) {
  constexpr std::string_view kForm = "-00001-of-00003.gguf";
  if (path.size() <= kForm.size()) return std::nullopt;
  const std::string_view end = path.substr(path.size() - kForm.size());
  const auto number = five_digits(end.substr(1, 5));
  const auto count = five_digits(end.substr(10, 5));
  if (!number || !count || *number < 1 || *number > *count) return std::nullopt;
  GgufPartName name{std::string(path.substr(0, path.size() - kForm.size())), *number, *count};
  if (name.prefix.ends_with('/') || name.path() != path) return std::nullopt;
  return name;
}

Gguf Gguf::open(const std::string& path) {
  Gguf given = open_file(path);
  // Joined files keep the key, as 0 or 1.
  const uint64_t count = given.unsigned_integer(kCountKey).value_or(0);
  if (count <= 1) return given;
  const GgufPartName given_name = checked_name(given, count);
  const auto open_part = [&](uint32_t number) {
    const GgufPartName name{given_name.prefix, number, given_name.count};
    if (name == given_name) return std::move(given);
    std::error_code error;
    if (!std::filesystem::exists(name.path(), error)) {
      fail(ExitCode::bad_file, "{}: part {} of {} of this split model is missing: put it beside the others",
           printable(name.path()), number, count);
    }
    return open_file(name.path());
  };
  Gguf model = open_part(1);
  check_part(model, model, {given_name.prefix, 1, given_name.count});
  for (uint32_t number = 2; number <= count; ++number) {
    Gguf part = open_part(number);
    check_part(part, model, {given_name.prefix, number, given_name.count});
    model.append_part(std::move(part));
  }
  model.index_parts();
  if (const auto tensors = model.unsigned_integer(kTensorsKey); tensors != model.tensors().size()) {
    fail(ExitCode::bad_file, "{}: {} is {}, but the {} parts hold {} tensors: fetch the parts again",
         printable(model.path()), kTensorsKey, tensors ? fmt::to_string(*tensors) : "missing", count,
         model.tensors().size());
  }
  return model;
}

}  // namespace thimble
