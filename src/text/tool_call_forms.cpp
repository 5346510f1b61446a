#include "text/tool_call_forms.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <span>

#include "text/literal_reader.h"

namespace thimble {
namespace {

using Json = nlohmann::ordered_json;
using Names = std::span<const std::string_view>;

constexpr std::string_view kName[] = {"name"};
constexpr std::string_view kType[] = {"type"};
constexpr std::string_view kParameters[] = {"parameters"};
constexpr std::string_view kProperties[] = {"properties"};
constexpr std::string_view kNameKeys[] = {"name", "tool_name", "function"};
constexpr std::string_view kArgumentKeys[] = {"arguments", "parameters", "args"};
constexpr std::string_view kIdKeys[] = {"id", "tool_call_id", "call_id"};

const Json* find_member(const Json& object, Names keys) {
  for (const std::string_view key : keys) {
    if (const auto it = object.find(std::string(key)); it != object.end()) return &*it;
  }
  return nullptr;
}

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

// What stands under "function" for the tool of that name, null where it is not known.
const Json* find_tool(const Json& tools, std::string_view name) {
  if (!tools.is_array()) return nullptr;
  for (const Json& tool : tools) {
    if (!tool.is_object()) continue;
    const auto inner = tool.find("function");
    const Json& function = inner != tool.end() && inner->is_object() ? *inner : tool;
    const Json* known = find_member(function, kName);
    if (known != nullptr && known->is_string() && known->get_ref<const std::string&>() == name) return &function;
  }
  return nullptr;
}

// The schemas of a tool's arguments by their names, null where the tool is not known.
const Json* parameters_of(const Json& tools, std::string_view name) {
  const Json* function = find_tool(tools, name);
  const Json* parameters = function != nullptr ? find_member(*function, kParameters) : nullptr;
  return parameters != nullptr && parameters->is_object() ? find_member(*parameters, kProperties) : nullptr;
}

bool is_text_by_schema(const Json* properties, const std::string& key) {
  if (properties == nullptr || !properties->is_object()) return false;
  const auto property = properties->find(key);
  if (property == properties->end() || !property->is_object()) return false;
  const Json* type = find_member(*property, kType);
  return type != nullptr && *type == "string";
}

// XML's marks around text as it is.
constexpr std::string_view kVerbatimOpen = "<![CDATA[";
constexpr std::string_view kVerbatimClose = "]]>";

// Reads one section's body; each form adds the calls that it finds and says whether it found one.
class BodyReader {
 public:
  BodyReader(const CallSection& section, std::string_view body, const Json& tools)
      : section_(section), body_(body), tools_(tools), reader_(body, section.tags.quote_mark) {}

  CallsRead run() {
    const bool found = read(section_.form);
    if (calls_.size() > kMaxCalls) return {};
    if (found) return {CallsVerdict::calls, std::move(calls_), reader_.at()};
    return {reader_.is_cut_off() || is_open_ ? CallsVerdict::cut_off : CallsVerdict::malformed, {}, 0};
  }

 private:
  bool read(CallForm form) {
    switch (form) {
      case CallForm::json:
      case CallForm::keyed_json: return json_calls();
      case CallForm::named_json: return named_calls();
      case CallForm::tagged: return each([this] { return tagged_call(); });
      case CallForm::python: return python_calls();
      case CallForm::braces: return each([this] { return braces_call(); });
      case CallForm::python_tag: return after_python_tag();
    }
    return false;
  }

  bool add(std::string_view name, Json arguments, std::string id = {}) {
    name = trimmed(name);
    if (name.empty() || name.size() > kMaxNameBytes || !arguments.is_object()) return false;
    calls_.push_back({std::string(name), std::move(arguments), std::move(id)});
    return calls_.size() <= kMaxCalls;
  }

  // One call after the other, as long as they come.
  template <class One>
  bool each(One&& one) {
    do {
      const size_t before = reader_.at();
      if (!one()) {
        if (calls_.empty() || section_.close.empty()) return leave_rest(before);
        return false;
      }
      while (reader_.skip(",") || reader_.skip(";")) {
      }
      reader_.skip_space();
    } while (!reader_.at_end());
    return true;
  }

  // What is no call ends a section without an end tag; it stays for whoever shows the rest.
  bool leave_rest(size_t before) {
    reader_.go_to(before);
    return !calls_.empty();
  }

  bool json_calls() {
    return each([this] {
      const auto value = reader_.value();
      if (!value) return false;
      if (!value->is_array()) return json_call(*value);
      return !value->empty() && std::ranges::all_of(*value, [this](const Json& item) { return json_call(item); });
    });
  }

  bool json_call(const Json& value) {
    if (!value.is_object()) return false;
    if (section_.form == CallForm::keyed_json) {
      return value.size() == 1 && add(value.begin().key(), value.begin().value());
    }
    // {"type": "function", "function": {...}} as the API writes it.
    if (const auto inner = value.find("function"); inner != value.end() && inner->is_object()) {
      const Json* id = find_member(value, kIdKeys);
      return json_call_with(*inner, id);
    }
    return json_call_with(value, find_member(value, kIdKeys));
  }

  bool json_call_with(const Json& value, const Json* id) {
    const Json* name = find_member(value, kNameKeys);
    if (name == nullptr || !name->is_string()) return false;
    Json arguments = Json::object();
    if (const Json* given = find_member(value, kArgumentKeys)) arguments = *given;
    if (arguments.is_string()) {
      const std::string text = arguments.get<std::string>();
      arguments = LiteralReader(text).value().value_or(nullptr);
    }
    return add(name->get_ref<const std::string&>(), std::move(arguments),
               id != nullptr && id->is_string() ? id->get<std::string>() : "");
  }

  bool named_calls() {
    reader_.skip_space();
    if (reader_.peek() == '[' || reader_.peek() == '{') return json_calls();
    return each([this] { return named_call(); });
  }

  bool named_call() {
    reader_.skip(section_.tags.call_open);
    const auto name = up_to(section_.tags.name_end);
    if (!name) return false;
    const size_t id = section_.tags.id_open.empty() ? name->npos : name->find(section_.tags.id_open);
    const std::string_view id_text = id == name->npos ? "" : name->substr(id + section_.tags.id_open.size());
    auto arguments = reader_.value();
    return arguments && add(name->substr(0, id), std::move(*arguments), std::string(trimmed(id_text))) &&
           reader_.skip(section_.tags.call_close);
  }

  // The text in front of `tag`, which is passed.
  std::optional<std::string_view> up_to(std::string_view tag) {
    const std::string_view rest = reader_.rest();
    const size_t end = rest.find(tag);
    if (end == rest.npos) {
      is_open_ = true;
      return std::nullopt;
    }
    reader_.go_to(reader_.at() + end + tag.size());
    return rest.substr(0, end);
  }

  bool tagged_call() {
    const CallTags& tags = section_.tags;
    if (!reader_.skip(tags.call_open)) return false;
    const auto name = tags.name_end.empty() ? line_or_tag() : up_to(tags.name_end);
    if (!name) return false;
    const Json* properties = parameters_of(tools_, trimmed(*name));
    Json arguments = Json::object();
    while (reader_.skip(tags.key_open)) {
      if (arguments.size() == LiteralReader::kMaxValues || !tagged_argument(arguments, properties)) return false;
    }
    return reader_.skip(tags.call_close) && add(*name, std::move(arguments));
  }

  std::string_view line_or_tag() {
    reader_.skip_space();
    const std::string_view rest = reader_.rest();
    const std::string_view name = rest.substr(0, rest.find_first_of("\n<"));
    reader_.go_to(reader_.at() + name.size());
    return name;
  }

  bool tagged_argument(Json& arguments, const Json* properties) {
    const CallTags& tags = section_.tags;
    const auto key = up_to(tags.key_end);
    if (!key || !up_to(tags.value_open)) return false;
    const auto value = tagged_value();
    if (!value) return false;
    const std::string name(trimmed(*key));
    if (value->starts_with(kVerbatimOpen) && value->ends_with(kVerbatimClose)) {
      const size_t marks = kVerbatimOpen.size() + kVerbatimClose.size();
      arguments[name] = value->substr(kVerbatimOpen.size(), value->size() - std::min(value->size(), marks));
    } else {
      arguments[name] = is_text_by_schema(properties, name) ? Json(*value) : typed(*value);
    }
    return true;
  }

  // A value may spell its own end tag: the one that counts has another argument or the call's end behind it.
  std::optional<std::string_view> tagged_value() {
    const CallTags& tags = section_.tags;
    const size_t begin = reader_.at();
    while (const auto part = up_to(tags.value_close)) {
      LiteralReader behind(reader_.rest());
      const bool is_end = behind.skip(tags.key_open) || (!tags.call_close.empty() && behind.skip(tags.call_close));
      if (!is_end && !trimmed(reader_.rest()).empty()) continue;
      std::string_view value = body_.substr(begin, reader_.at() - tags.value_close.size() - begin);
      if (value.starts_with('\n')) value.remove_prefix(1);
      if (value.ends_with('\n')) value.remove_suffix(1);
      return value;
    }
    return std::nullopt;
  }

  // Text that is a whole value is that value.
  static Json typed(std::string_view text) {
    LiteralReader reader(text);
    auto value = reader.value();
    reader.skip_space();
    if (!value || !reader.at_end()) return Json(text);
    return std::move(*value);
  }

  bool python_calls() {
    const bool is_list = reader_.skip("[");
    do {
      if (!python_call()) return false;
    } while (reader_.skip(",") || reader_.skip(";") || (!is_list && !at_end()));
    return !is_list || reader_.skip("]");
  }

  bool at_end() {
    reader_.skip_space();
    return reader_.at_end();
  }

  bool python_call() {
    std::string_view name = reader_.name();
    const bool is_printed = name == "print" && reader_.skip("(");
    if (is_printed) name = reader_.name();
    if (name.ends_with(".call")) name.remove_suffix(5);
    if (!reader_.skip("(")) return false;
    const Json* properties = parameters_of(tools_, name);
    Json arguments = Json::object();
    while (!reader_.skip(")")) {
      if (!python_argument(arguments, properties)) return false;
      if (reader_.skip(",")) continue;
      if (reader_.skip(")")) break;
      return false;
    }
    return (!is_printed || reader_.skip(")")) && add(name, std::move(arguments));
  }

  bool python_argument(Json& arguments, const Json* properties) {
    const size_t before = reader_.at();
    std::string key(reader_.name());
    if (key.empty() || !reader_.skip("=")) {
      reader_.go_to(before);
      // By place: the schema has the names in order.
      const bool is_named = properties != nullptr && properties->is_object() && arguments.size() < properties->size();
      if (!is_named) return false;
      key = std::next(properties->begin(), static_cast<std::ptrdiff_t>(arguments.size())).key();
    }
    auto value = reader_.value();
    if (!value) return false;
    arguments[key] = std::move(*value);
    return true;
  }

  bool braces_call() {
    if (!reader_.skip("call:")) return false;
    const std::string_view name = reader_.name();
    auto arguments = reader_.value();
    return arguments && add(name, std::move(*arguments));
  }

  bool after_python_tag() {
    reader_.skip_space();
    if (reader_.peek() == '{' || reader_.peek() == '[') return json_calls();
    if (LiteralReader(body_).name().ends_with(".call")) return python_calls();
    reader_.go_to(body_.size());
    return add("python", Json{{"code", trimmed(body_)}});
  }

  const CallSection& section_;
  std::string_view body_;
  const Json& tools_;
  LiteralReader reader_;
  std::vector<ToolCall> calls_;
  bool is_open_ = false;  // a tag that ends something did not come
};

// The text begins with `word`, or is the beginning of it.
bool may_begin_with(std::string_view text, std::string_view word) {
  return text.starts_with(word) || word.starts_with(text);
}

}  // namespace

CallsRead read_calls(const CallSection& section, std::string_view body, const Json& tools) {
  CallsRead read = BodyReader(section, body, tools).run();
  // Text that only looks like a call names no tool.
  const auto is_known = [&](const ToolCall& call) { return find_tool(tools, call.name) != nullptr; };
  if (section.is_tentative && tools.is_array() && !std::ranges::all_of(read.calls, is_known)) return {};
  return read;
}

bool may_become_calls(const CallSection& section, std::string_view body) {
  LiteralReader reader(body);
  if (section.form == CallForm::python) {
    reader.skip("[");
    const std::string_view name = reader.name();
    return reader.at_end() || (!name.empty() && may_begin_with(trimmed(reader.rest()), "("));
  }
  while (reader.skip("[") || reader.skip("{")) {
  }
  const std::string_view key = trimmed(reader.rest());
  const auto begins = [&](std::string_view word) { return may_begin_with(key, "\"" + std::string(word) + "\""); };
  return std::ranges::any_of(kNameKeys, begins) || std::ranges::any_of(kArgumentKeys, begins) ||
         std::ranges::any_of(kIdKeys, begins) || begins("type");
}

}  // namespace thimble
