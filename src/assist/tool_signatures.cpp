#include "assist/tool_signatures.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <vector>

namespace thimble {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMostNesting = 4;       // of what is spelled out; "object" beyond
constexpr size_t kMostShownWords = 200;  // of one list
constexpr size_t kMostTypes = 500;       // spelled out in one tool
constexpr size_t kLeastSharedWords = 3;  // a shorter list is as short as its name

std::string value_text(const Json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

std::string description_of(const Json& schema) {
  if (!schema.is_object() || !schema.contains("description") || !schema["description"].is_string()) return {};
  std::string text = schema["description"];
  std::ranges::replace(text, '\n', ' ');
  return text;
}

std::string list_text(const Json& values) {
  std::string out;
  size_t shown = 0;
  for (const Json& value : values) {
    if (shown++ == kMostShownWords) return out + "|...";
    out += (out.empty() ? "" : "|") + value_text(value);
  }
  return out;
}

class Writer {
 public:
  Writer(std::span<const Tool* const> tools, SignatureDetail detail) : tools_(tools), detail_(detail) { find_shared(); }

  std::string write() {
    std::string out;
    for (const std::string* key : shared_order_) {
      const Shared& list = shared_.at(*key);
      out += list.name + " = " + list.words;
      if (detail_ == SignatureDetail::full && !list.description.empty()) out += " (" + list.description + ")";
      out += '\n';
    }
    for (const Tool* tool : tools_) {
      root_ = &tool->parameters;
      types_ = 0;
      out += tool->name + '(' + members(tool->parameters, 0) + ')';
      if (detail_ != SignatureDetail::names && !tool->description.empty()) {
        out += " - " + description_of({{"description", tool->description}});
      }
      out += '\n';
    }
    return out;
  }

 private:
  // A list of words that arguments of one name have in several tools.
  struct Shared {
    std::string name;
    std::string words;
    std::string description;
    size_t uses = 0;
  };

  static bool is_list(const Json& schema) {
    return schema.is_object() && schema.contains("enum") && schema["enum"].is_array() &&
           schema["enum"].size() >= kLeastSharedWords;
  }
  static const Json& properties_of(const Json& schema) {
    static const Json kNone = Json::object();
    const bool has = schema.is_object() && schema.contains("properties") && schema["properties"].is_object();
    return has ? schema["properties"] : kNone;
  }
  static std::string shared_key(const Json& schema) {
    return list_text(schema["enum"]) + '\n' + description_of(schema);
  }

  void find_shared() {
    for (const Tool* tool : tools_) {
      for (const auto& [name, schema] : properties_of(tool->parameters).items()) {
        if (!is_list(schema)) continue;
        Shared& list = shared_[shared_key(schema)];
        if (list.uses++ == 0) list = {name, list_text(schema["enum"]), description_of(schema), 1};
      }
    }
    std::erase_if(shared_, [](const auto& entry) { return entry.second.uses < 2; });
    std::map<std::string, size_t> taken;
    for (auto& [key, list] : shared_) {
      const size_t before = taken[list.name]++;
      if (before > 0) list.name += std::to_string(before + 1);
      std::ranges::transform(list.name, list.name.begin(),
                             [](char c) { return c >= 'a' && c <= 'z' ? char(c - 32) : c; });
      shared_order_.push_back(&key);
    }
  }

  std::string members(const Json& schema, size_t depth) {
    std::vector<std::string> required;
    if (schema.is_object() && schema.contains("required") && schema["required"].is_array()) {
      for (const Json& name : schema["required"]) required.push_back(value_text(name));
    }
    std::string out;
    for (const auto& [name, child] : properties_of(schema).items()) {
      if (types_ > kMostTypes) return out + ", ...";
      const bool is_optional = std::ranges::find(required, name) == required.end();
      out += fmt::format("{}{}{}: {}", out.empty() ? "" : ", ", name, is_optional ? "?" : "", argument(child, depth));
    }
    return out;
  }

  std::string argument(const Json& schema, size_t depth) {
    if (is_list(schema)) {
      if (const auto known = shared_.find(shared_key(schema)); known != shared_.end()) return known->second.name;
    }
    const std::string description = detail_ == SignatureDetail::full ? description_of(schema) : std::string();
    const std::string type = type_of(schema, depth, !description.empty());
    return description.empty() ? type : type + " (" + description + ")";
  }

  std::string type_of(const Json& schema, size_t depth, bool is_described) {
    if (++types_ > kMostTypes || depth > kMostNesting || !schema.is_object()) return "any";
    if (schema.contains("enum") && schema["enum"].is_array()) return list_text(schema["enum"]);
    if (schema.contains("const")) return value_text(schema["const"]);
    if (schema.contains("$ref")) return referred(schema["$ref"], depth);
    for (const char* key : {"anyOf", "oneOf"}) {
      if (schema.contains(key) && schema[key].is_array()) return branches(schema[key], depth);
    }
    const std::string type = schema.contains("type") && schema["type"].is_string() ? schema["type"].get<std::string>()
                             : schema.contains("properties")                       ? "object"
                                                                                   : "any";
    if (type == "object") return '{' + members(schema, depth + 1) + '}';
    if (type == "array") {
      return "list of " + (schema.contains("items") ? type_of(schema["items"], depth + 1, false) : "any");
    }
    if (type == "integer" || type == "number") return number_type(schema, type);
    if (type == "string") return text_type(schema, is_described);
    return type == "boolean" ? "true|false" : type;
  }

  static std::string number_type(const Json& schema, const std::string& type) {
    const bool is_between = schema.contains("minimum") && schema.contains("maximum");
    if (!is_between) return type;
    return fmt::format("{} {}..{}", type, value_text(schema["minimum"]), value_text(schema["maximum"]));
  }

  static std::string text_type(const Json& schema, bool is_described) {
    if (schema.contains("format")) return value_text(schema["format"]);
    if (schema.contains("pattern") && !is_described) return "text like " + value_text(schema["pattern"]);
    return "text";
  }

  std::string branches(const Json& list, size_t depth) {
    std::string out;
    for (const Json& branch : list) {
      if (types_ > kMostTypes) return out + " or ...";
      out += (out.empty() ? "" : " or ") + type_of(branch, depth + 1, false);
    }
    return out;
  }

  std::string referred(const Json& reference, size_t depth) {
    const std::string place = value_text(reference);
    if (!place.starts_with("#/")) return "object";
    try {
      const Json::json_pointer pointer(place.substr(1));
      return root_->contains(pointer) ? type_of(root_->at(pointer), depth + 1, false) : "object";
    } catch (const nlohmann::json::exception&) {
      return "object";  // an anchor, or escapes that are none
    }
  }

  std::span<const Tool* const> tools_;
  SignatureDetail detail_;
  std::map<std::string, Shared> shared_;
  std::vector<const std::string*> shared_order_;
  const Json* root_ = nullptr;  // of the tool being written, for references
  size_t types_ = 0;            // spelled out in it
};

void add_words(const Json& schema, std::string& out) {
  if (schema.is_string()) out += ' ' + schema.get<std::string>();
  if (!schema.is_structured()) return;
  for (const auto& [key, child] : schema.items()) {
    if (schema.is_object() && (key == "type" || key == "pattern" || key == "required" || key == "$ref")) continue;
    if (schema.is_object() && child.is_structured()) out += ' ' + key;
    add_words(child, out);
  }
}

}  // namespace

std::string_view name_of(SignatureDetail detail) {
  constexpr std::array<std::string_view, 3> kNames = {"full", "no argument descriptions", "no descriptions"};
  return kNames[static_cast<size_t>(detail)];
}

std::string tool_signatures(std::span<const Tool* const> tools, SignatureDetail detail) {
  return Writer(tools, detail).write();
}

std::string words_about(const Tool& tool) {
  std::string words = tool.name + ' ' + tool.description;
  add_words(tool.parameters, words);
  std::ranges::replace(words, '_', ' ');
  return words;
}

}  // namespace thimble
