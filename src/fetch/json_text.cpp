#include "fetch/json_text.h"

namespace thimble {
namespace {

constexpr int kMostDepth = 64;
constexpr uint64_t kMostBytes = uint64_t{1} << 53;  // beyond that JSON's numbers are not exact

const nlohmann::json* member(const nlohmann::json& object, const char* key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}

// Finds out about the depth before anything is built.
class DepthCheck : public nlohmann::json_sax<nlohmann::json> {
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
  bool end_object() override { return --depth_ >= 0; }
  bool end_array() override { return --depth_ >= 0; }
  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception&) override { return false; }

 private:
  int depth_ = 0;
};

}  // namespace

std::optional<nlohmann::json> try_parse_json(std::string_view text) {
  DepthCheck check;
  if (!nlohmann::json::sax_parse(text, &check)) return std::nullopt;
  nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  if (json.is_discarded()) return std::nullopt;
  return json;
}

std::string text_or_empty(const nlohmann::json& object, const char* key) {
  const nlohmann::json* value = member(object, key);
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

std::optional<uint64_t> byte_count(const nlohmann::json& object, const char* key) {
  const nlohmann::json* value = member(object, key);
  if (value == nullptr || !value->is_number_unsigned()) return std::nullopt;
  const auto count = value->get<uint64_t>();
  if (count > kMostBytes) return std::nullopt;
  return count;
}

}  // namespace thimble
