// What a client is told that cannot be served, in the shape of OpenAI's API: {"error": {"code", "message", "type"}}.
#pragma once

#include <nlohmann/json.hpp>

#include <exception>
#include <string>
#include <string_view>

namespace thimble {

class ApiError : public std::exception {
 public:
  // `type`: empty for the status's usual one.
  ApiError(int status, std::string message, std::string type = {});

  int status() const { return status_; }
  const char* what() const noexcept override { return message_.c_str(); }
  // Further members of "error".
  ApiError&& with(std::string_view key, nlohmann::ordered_json value) &&;
  ApiError saying(std::string message) const;
  nlohmann::ordered_json json() const;

 private:
  int status_;
  std::string message_;
  std::string type_;
  nlohmann::ordered_json details_ = nlohmann::ordered_json::object();
};

// What is being handled, as an ApiError: the program's own errors get the status that fits their code, and what only the log shall
// know becomes 500 without a detail. To be called within a catch block.
ApiError current_api_error();

}  // namespace thimble
