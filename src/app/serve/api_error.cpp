#include "app/serve/api_error.h"

#include <new>

#include "app/serve/http_head.h"
#include "base/error.h"

namespace thimble {
namespace {

std::string_view usual_type(int status) {
  switch (status) {
    case 401: return "authentication_error";
    case 403: return "permission_error";
    case 404: return "not_found_error";
    case 429: return "rate_limit_error";
    case 501: return "not_supported_error";
    case 503: return "unavailable_error";
    default: return status >= 500 ? "server_error" : "invalid_request_error";
  }
}

int status_of(ExitCode code) {
  switch (code) {
    case ExitCode::usage:
    case ExitCode::bad_file: return 400;  // in a request: its template, tools or schema
    case ExitCode::does_not_fit:
    case ExitCode::interrupted: return 503;
    default: return 500;
  }
}

}  // namespace

ApiError::ApiError(int status, std::string message, std::string type)
    : status_(status),
      message_(std::move(message)),
      type_(type.empty() ? std::string(usual_type(status)) : std::move(type)) {}

ApiError&& ApiError::with(std::string_view key, nlohmann::ordered_json value) && {
  details_[std::string(key)] = std::move(value);
  return std::move(*this);
}

ApiError ApiError::saying(std::string message) const {
  ApiError other = *this;
  other.message_ = std::move(message);
  return other;
}

nlohmann::ordered_json ApiError::json() const {
  nlohmann::ordered_json error = {{"code", status_}, {"message", message_}, {"type", type_}};
  error.update(details_);
  return {{"error", std::move(error)}};
}

ApiError current_api_error() {
  try {
    throw;
  } catch (const ApiError& error) {
    return error;
  } catch (const HttpFault& fault) {
    return {fault.status(), fault.what()};
  } catch (const Error& error) {
    return {status_of(error.code()), error.what()};
  } catch (const std::bad_alloc&) {
    return {503, "out of memory: try again with a shorter request"};
  } catch (const std::exception&) {
    return {500, "the request could not be served"};
  }
}

}  // namespace thimble
