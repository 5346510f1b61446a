// Which request goes where, and who may ask: hosts, origins and keys are looked at before anything of a request is.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "app/serve/endpoints.h"

namespace thimble {

struct ApiGuard {
  std::vector<std::string> keys;     // one of them is to be given; empty: none
  std::vector<std::string> hosts;    // names that this server is reached by, beside localhost and addresses
  std::vector<std::string> origins;  // pages elsewhere that may ask
};

class Api {
 public:
  using Log = std::function<void(const std::string& line)>;
  // `log`: what went wrong in the server; `trace`: each request, without what is in it. Either may be empty.
  Api(Service& service, ApiGuard guard, Log log, Log trace);

  // HttpFront::Handler
  void answer(const httplib::Request& request, httplib::Response& reply, const HttpPeer& client) const;
  // HttpFront::Refusal
  static void refuse(int status, const std::string& message, httplib::Response& reply);

 private:
  struct Route;
  static const Route* find_route(const std::string& path);

  void serve(const httplib::Request& request, httplib::Response& reply, const HttpPeer& client) const;
  void require_host(const httplib::Request& request) const;
  void require_origin(const httplib::Request& request, httplib::Response& reply, const HttpPeer& client) const;
  void require_key(const httplib::Request& request) const;
  static bool serve_file(const httplib::Request& request, httplib::Response& reply);

  Service& service_;
  ApiGuard guard_;
  std::vector<std::string> key_digests_;
  Log log_, trace_;
};

}  // namespace thimble
