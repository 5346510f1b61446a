// A request's JSON, member by member: what is missing or null is not there, and what has another type or is out of range is refused by
// name.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace thimble {

// A body as JSON. Throws ApiError 400 for what is none, nested deeper than 64 levels, or has a member twice.
nlohmann::ordered_json parse_request(std::string_view body);

class RequestFields {
 public:
  // Throws ApiError 400 where `object` is none. It must outlive this; `path` is put in front of names in messages ("tool_choice.").
  explicit RequestFields(const nlohmann::ordered_json& object, std::string path = {});

  const nlohmann::ordered_json* find(std::string_view name) const;
  const nlohmann::ordered_json& require(std::string_view name) const;
  std::optional<double> number(std::string_view name, double least, double most) const;
  std::optional<int64_t> integer(std::string_view name, int64_t least, int64_t most) const;
  std::optional<bool> flag(std::string_view name) const;
  std::optional<std::string> text(std::string_view name) const;
  std::string required_text(std::string_view name) const;
  // A text, or a list of at most `most` texts; empty where there is none.
  std::vector<std::string> texts(std::string_view name, size_t most) const;
  // An object's members; nullopt where there is none.
  std::optional<RequestFields> object(std::string_view name) const;

  [[noreturn]] void refuse(std::string_view name, std::string_view expected) const;

 private:
  const nlohmann::ordered_json& object_;
  std::string path_;
};

// A list of ids of the tokenizer's. Throws ApiError 400.
std::vector<TokenId> token_ids(const nlohmann::ordered_json& list, std::string_view name, const Tokenizer& tokenizer);
// The member, which is a text, a list of texts, a list of ids, or a list of lists of ids: each as tokens. Throws ApiError 400, also for
// more than `most`.
std::vector<std::vector<TokenId>> token_lists(const RequestFields& fields, std::string_view name, size_t most,
                                              const Tokenizer& tokenizer, EncodeOptions options = {});

}  // namespace thimble
