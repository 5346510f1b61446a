#include "app/serve/request_fields.h"

#include <fmt/format.h>

#include <cmath>

#include "app/serve/api_error.h"
#include "base/error.h"
#include "format/json_text.h"

namespace thimble {
namespace {

using Json = nlohmann::ordered_json;

// Members in their order are found one by one, and so is each new one while they are read.
constexpr size_t kMostMembers = 512;

void refuse_many_members(const nlohmann::json& value) {
  if (value.is_object() && value.size() > kMostMembers) {
    throw ApiError(
        400, fmt::format("an object of the request has {} members, expected at most {}", value.size(), kMostMembers));
  }
  if (!value.is_structured()) return;
  for (const nlohmann::json& part : value) refuse_many_members(part);  // 64 levels at most
}

}  // namespace

Json parse_request(std::string_view body) {
  if (body.empty()) throw ApiError(400, "the request has no body; expected JSON");
  try {
    refuse_many_members(parse_json(body, "request"));
    return Json::parse(body);
  } catch (const Error& error) {
    throw ApiError(400, error.what());
  } catch (const nlohmann::json::exception&) {  // a number beyond all bounds
    throw ApiError(400, "request: no JSON: a number is out of range");
  }
}

RequestFields::RequestFields(const Json& object, std::string path) : object_(object), path_(std::move(path)) {
  if (!object.is_object()) {
    throw ApiError(
        400, fmt::format("{}: expected an object, found {}", path_.empty() ? "request" : path_, object.type_name()));
  }
}

void RequestFields::refuse(std::string_view name, std::string_view expected) const {
  const Json* value = find(name);
  const std::string found = value == nullptr         ? "nothing"
                            : value->is_structured() ? value->type_name()
                                                     : printable(value->dump(-1, ' ', true), 60);
  throw ApiError(400, fmt::format("{}{}: expected {}, found {}", path_, name, expected, found))
      .with("param", path_ + std::string(name));
}

const Json* RequestFields::find(std::string_view name) const {
  const auto found = object_.find(name);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

const Json& RequestFields::require(std::string_view name) const {
  const Json* value = find(name);
  if (value == nullptr) refuse(name, "a value");
  return *value;
}

std::optional<double> RequestFields::number(std::string_view name, double least, double most) const {
  const Json* value = find(name);
  if (value == nullptr) return std::nullopt;
  const double number = value->is_number() ? value->get<double>() : NAN;
  if (!(number >= least && number <= most)) refuse(name, fmt::format("a number from {} to {}", least, most));
  return number;
}

std::optional<int64_t> RequestFields::integer(std::string_view name, int64_t least, int64_t most) const {
  const Json* value = find(name);
  if (value == nullptr) return std::nullopt;
  const auto is_whole = [](double number) { return std::floor(number) == number && std::abs(number) < 0x1p53; };
  std::optional<int64_t> number;
  if (value->is_number_unsigned()) {
    if (const uint64_t big = value->get<uint64_t>(); big <= INT64_MAX) number = static_cast<int64_t>(big);
  } else if (value->is_number_integer()) {
    number = value->get<int64_t>();
  } else if (value->is_number_float() && is_whole(value->get<double>())) {
    number = static_cast<int64_t>(value->get<double>());
  }
  if (!number || *number < least || *number > most)
    refuse(name, fmt::format("a whole number from {} to {}", least, most));
  return number;
}

std::optional<bool> RequestFields::flag(std::string_view name) const {
  const Json* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_boolean()) refuse(name, "true or false");
  return value->get<bool>();
}

std::optional<std::string> RequestFields::text(std::string_view name) const {
  const Json* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) refuse(name, "a text");
  return value->get<std::string>();
}

std::string RequestFields::required_text(std::string_view name) const {
  std::optional<std::string> value = text(name);
  if (!value) refuse(name, "a text");
  return std::move(*value);
}

std::vector<std::string> RequestFields::texts(std::string_view name, size_t most) const {
  const Json* value = find(name);
  if (value == nullptr) return {};
  if (value->is_string()) return {value->get<std::string>()};
  const std::string expected = fmt::format("a text, or a list of at most {}", most);
  if (!value->is_array() || value->size() > most) refuse(name, expected);
  std::vector<std::string> texts;
  for (const Json& part : *value) {
    if (!part.is_string()) refuse(name, expected);
    texts.push_back(part);
  }
  return texts;
}

std::optional<RequestFields> RequestFields::object(std::string_view name) const {
  const Json* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_object()) refuse(name, "an object");
  return RequestFields(*value, path_ + std::string(name) + ".");
}

std::vector<TokenId> token_ids(const Json& list, std::string_view name, const Tokenizer& tokenizer) {
  std::vector<TokenId> ids;
  if (!list.is_array())
    throw ApiError(400, fmt::format("{}: expected a list of token ids, found {}", name, list.type_name()));
  for (const Json& id : list) {
    if (!id.is_number_unsigned() || id.get<uint64_t>() >= tokenizer.vocabulary_size()) {
      throw ApiError(400,
                     fmt::format("{}: expected token ids from 0 to {}, found {}", name, tokenizer.vocabulary_size() - 1,
                                 id.is_structured() ? id.type_name() : printable(id.dump(-1, ' ', true), 60)));
    }
    ids.push_back(static_cast<TokenId>(id.get<uint64_t>()));
  }
  return ids;
}

std::vector<std::vector<TokenId>> token_lists(const RequestFields& fields, std::string_view name, size_t most,
                                              const Tokenizer& tokenizer, EncodeOptions options) {
  const Json& given = fields.require(name);
  std::vector<std::vector<TokenId>> lists;
  const auto add = [&](const Json& part) {
    lists.push_back(part.is_string() ? tokenizer.encode(part.get_ref<const std::string&>(), options)
                                     : token_ids(part, name, tokenizer));
  };
  if (!given.is_array() || given.empty() || given[0].is_number()) {
    add(given);
    return lists;
  }
  if (given.size() > most) fields.refuse(name, fmt::format("a list of at most {}", most));
  for (const Json& part : given) add(part);
  return lists;
}

}  // namespace thimble
