#include "format/json_text.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/mapped_file.h"

namespace thimble {
namespace {

using Json = nlohmann::json;

constexpr size_t kMostDepth = 64;
constexpr size_t kMostValues = size_t{1} << 22;
constexpr uint64_t kMostBytes = uint64_t{1} << 53;  // beyond that JSON's numbers are not exact

// Finds out about the depth before anything is built.
class DepthCheck : public nlohmann::json_sax<Json> {
 public:
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool key(string_t&) override { return true; }
  bool start_object(std::size_t) override { return ++depth_ <= kMostDepth; }
  bool start_array(std::size_t) override { return ++depth_ <= kMostDepth; }
  bool end_object() override { return --depth_, true; }
  bool end_array() override { return --depth_, true; }
  bool parse_error(std::size_t, const std::string&, const Json::exception&) override { return false; }

 private:
  size_t depth_ = 0;
};

class TreeBuilder : public nlohmann::json_sax<Json> {
 public:
  TreeBuilder(const std::string& name, const JsonBulk& bulk) : name_(name), bulk_(bulk) {}

  bool null() override { return add(Json(nullptr)); }
  bool boolean(bool value) override { return add(Json(value)); }
  bool number_integer(number_integer_t value) override { return add(Json(value)); }
  bool number_unsigned(number_unsigned_t value) override { return add(Json(value)); }
  bool number_float(number_float_t value, const string_t&) override { return add(Json(value)); }
  bool string(string_t& value) override { return add(Json(std::move(value))); }
  bool binary(binary_t&) override { return false; }
  bool key(string_t& value) override {
    Level& level = levels_.back();
    level.key = std::move(value);
    if (level.bulk == kNone && level.value.contains(level.key))
      fail(ExitCode::bad_file, "{}: the key '{}' is there twice", printable(name_), printable(level.key, 60));
    return true;
  }
  bool start_object(std::size_t) override { return open(Json::object()); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool parse_error(std::size_t position, const std::string& token, const Json::exception&) override {
    fail(ExitCode::bad_file, "{}: no JSON in UTF-8: byte {} is not expected, near '{}'", printable(name_), position,
         printable(token, 60));
  }

  Json take_root() { return std::move(root_); }

 private:
  static constexpr size_t kNone = SIZE_MAX;
  struct Level {
    Json value;
    std::string key;  // of the member being read
    size_t bulk;      // its index, or kNone
    size_t values;    // read before it
  };

  // Whether the value that begins here is a bulk.
  size_t find_bulk() const {
    std::string path;
    for (const Level& level : levels_) {
      if (!level.value.is_object()) return kNone;
      path += (path.empty() ? "" : "/") + level.key;
    }
    const auto found = std::ranges::find(bulk_.paths, path);
    return found == bulk_.paths.end() ? kNone : static_cast<size_t>(found - bulk_.paths.begin());
  }

  bool open(Json&& empty) {
    if (levels_.size() == kMostDepth)
      fail(ExitCode::bad_file, "{}: nested deeper than {} levels", printable(name_), kMostDepth);
    const size_t bulk = levels_.size() <= 4 ? find_bulk() : kNone;
    levels_.push_back({std::move(empty), {}, bulk, values_});
    return true;
  }

  bool close() {
    Json value = std::move(levels_.back().value);
    levels_.pop_back();
    return add(std::move(value));
  }

  bool add(Json&& value) {
    if (levels_.empty()) {
      root_ = std::move(value);
      return true;
    }
    if (++values_ > kMostValues) fail(ExitCode::bad_file, "{}: more than {} values", printable(name_), kMostValues);
    Level& level = levels_.back();
    if (level.bulk != kNone) {
      values_ = level.values;
      bulk_.take(level.bulk, level.key, value);
    } else if (level.value.is_object()) {
      level.value[level.key] = std::move(value);
    } else {
      level.value.push_back(std::move(value));
    }
    return true;
  }

  const std::string& name_;
  const JsonBulk& bulk_;
  std::vector<Level> levels_;
  size_t values_ = 0;
  Json root_;
};

}  // namespace

std::optional<Json> try_parse_json(std::string_view text) {
  DepthCheck check;
  if (!Json::sax_parse(text, &check)) return std::nullopt;
  Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) return std::nullopt;
  return json;
}

Json parse_json(std::string_view text, const std::string& name, const JsonBulk& bulk) {
  TreeBuilder builder(name, bulk);
  Json::sax_parse(text, &builder);
  return builder.take_root();
}

Json read_json_file(const std::string& path, const JsonBulk& bulk) {
  const MappedFile file = MappedFile::open(path);
  const std::span<const std::byte> bytes = file.bytes();
  if (bytes.size() > kMostJsonBytes)
    fail(ExitCode::bad_file, "{}: {} bytes of JSON, at most {} are supported", printable(path), bytes.size(),
         kMostJsonBytes);
  return parse_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path, bulk);
}

const Json* find_member(const Json& object, std::string_view key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}

std::string text_or_empty(const Json& object, const char* key) {
  return std::string(find_text(object, key).value_or(""));
}

std::optional<std::string_view> find_text(const Json& object, std::string_view key) {
  const Json* value = find_member(object, key);
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return value->get_ref<const std::string&>();
}

std::optional<bool> find_flag(const Json& object, std::string_view key) {
  const Json* value = find_member(object, key);
  if (value == nullptr || !value->is_boolean()) return std::nullopt;
  return value->get<bool>();
}

std::optional<uint64_t> byte_count(const Json& object, const char* key) {
  const Json* value = find_member(object, key);
  if (value == nullptr || !value->is_number_unsigned()) return std::nullopt;
  const auto count = value->get<uint64_t>();
  if (count > kMostBytes) return std::nullopt;
  return count;
}

}  // namespace thimble
