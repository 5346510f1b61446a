// A connection to a client: a socket that never blocks, plain or under TLS. One thread at a time.
#pragma once

#include <openssl/ssl.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/file_handle.h"

namespace thimble {

// A server's certificate and key.
class TlsContext {
 public:
  // PEM files. Throws Error(bad_file) for what is no certificate with its key.
  TlsContext(const std::string& certificate_file, const std::string& key_file);
  SSL* make_session(int socket) const;  // owned by the caller

 private:
  struct Free {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  std::unique_ptr<SSL_CTX, Free> context_;
};

class HttpConnection {
 public:
  enum class Outcome { done, later, closed };

  // Owns the socket. `tls`: nullptr for none; must outlive it.
  HttpConnection(int socket, const TlsContext* tls);
  ~HttpConnection();
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  int socket() const { return socket_.get(); }
  const std::string& address() const { return address_; }  // of the client, without the port
  bool is_secure() const { return tls_ != nullptr; }
  short awaited_events() const { return awaited_; }  // POLLIN or POLLOUT, after `later`

  // The handshake; done at once without TLS.
  Outcome establish();
  // Appends what has come, at most `most` bytes.
  Outcome receive(std::string& to, size_t most);
  // All of it, within `patience`; false where the client went away or did not read.
  bool send(std::string_view bytes, std::chrono::milliseconds patience);
  // Whether the client has closed its end. Does not wait.
  bool is_gone() const;

 private:
  Outcome judge(int result);
  bool wait(short events, std::chrono::steady_clock::time_point deadline) const;

  struct Free {
    void operator()(SSL* session) const { SSL_free(session); }
  };
  FileHandle socket_;
  std::unique_ptr<SSL, Free> tls_;
  std::string address_;
  short awaited_;
};

}  // namespace thimble
