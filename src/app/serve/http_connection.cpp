#include "app/serve/http_connection.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/error.h"

namespace thimble {
namespace {

using Clock = std::chrono::steady_clock;

std::string client_address(int socket) {
  sockaddr_storage peer = {};
  socklen_t length = sizeof peer;
  if (::getpeername(socket, reinterpret_cast<sockaddr*>(&peer), &length) != 0) return {};
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* address = peer.ss_family == AF_INET6
                            ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in6*>(&peer)->sin6_addr)
                            : static_cast<const void*>(&reinterpret_cast<const sockaddr_in*>(&peer)->sin_addr);
  if (::inet_ntop(peer.ss_family, address, text.data(), text.size()) == nullptr) return {};
  return text.data();
}

}  // namespace

TlsContext::TlsContext(const std::string& certificate_file, const std::string& key_file)
    : context_(SSL_CTX_new(TLS_server_method())) {
  if (context_ == nullptr) fail(ExitCode::failed, "TLS cannot be set up");
  SSL_CTX_set_min_proto_version(context_.get(), TLS1_2_VERSION);
  SSL_CTX_set_mode(context_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (SSL_CTX_use_certificate_chain_file(context_.get(), certificate_file.c_str()) != 1) {
    fail(ExitCode::bad_file, "--ssl-cert-file: {}: expected a certificate in PEM", printable(certificate_file));
  }
  if (SSL_CTX_use_PrivateKey_file(context_.get(), key_file.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context_.get()) != 1) {
    fail(ExitCode::bad_file, "--ssl-key-file: {}: expected the certificate's private key in PEM", printable(key_file));
  }
}

SSL* TlsContext::make_session(int socket) const {
  SSL* session = SSL_new(context_.get());
  if (session == nullptr || SSL_set_fd(session, socket) != 1) {
    SSL_free(session);
    fail(ExitCode::failed, "TLS: no memory for a connection");
  }
  return session;
}

HttpConnection::HttpConnection(int socket, const TlsContext* tls)
    : socket_(socket), address_(client_address(socket)), awaited_(POLLIN) {
  const int flags = ::fcntl(socket, F_GETFL);
  ::fcntl(socket, F_SETFL, flags | O_NONBLOCK);
  ::fcntl(socket, F_SETFD, FD_CLOEXEC);
  const int on = 1;  // tokens go out one by one, at once
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (tls != nullptr) tls_.reset(tls->make_session(socket));
}

HttpConnection::~HttpConnection() {
  if (tls_) SSL_shutdown(tls_.get());  // says goodbye; the client's is not waited for
}

HttpConnection::Outcome HttpConnection::judge(int result) {
  if (result > 0) return Outcome::done;
  if (tls_) {
    const int error = SSL_get_error(tls_.get(), result);
    ERR_clear_error();
    awaited_ = error == SSL_ERROR_WANT_WRITE ? POLLOUT : POLLIN;
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? Outcome::later : Outcome::closed;
  }
  return result < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) ? Outcome::later : Outcome::closed;
}

HttpConnection::Outcome HttpConnection::establish() {
  if (!tls_) return Outcome::done;
  return judge(SSL_accept(tls_.get()));
}

HttpConnection::Outcome HttpConnection::receive(std::string& to, size_t most) {
  awaited_ = POLLIN;
  std::array<char, 16 << 10> block;
  size_t received = 0;
  while (received < most) {
    const size_t room = std::min(block.size(), most - received);
    const int result = tls_ ? SSL_read(tls_.get(), block.data(), static_cast<int>(room))
                            : static_cast<int>(::recv(socket(), block.data(), room, 0));
    if (const Outcome outcome = judge(result); outcome != Outcome::done) {
      return received > 0 && outcome == Outcome::later ? Outcome::done : outcome;
    }
    to.append(block.data(), static_cast<size_t>(result));
    received += static_cast<size_t>(result);
  }
  return Outcome::done;
}

bool HttpConnection::wait(short events, Clock::time_point deadline) const {
  while (true) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return false;
    pollfd entry = {socket(), events, 0};
    const int ready = ::poll(&entry, 1, static_cast<int>(std::min<long long>(left, 1000)));
    if (ready > 0) return (entry.revents & (POLLERR | POLLHUP | POLLNVAL)) == 0;
    if (ready < 0 && errno != EINTR) return false;
  }
}

bool HttpConnection::send(std::string_view bytes, std::chrono::milliseconds patience) {
  Clock::time_point deadline = Clock::now() + patience;
  while (!bytes.empty()) {
    const size_t part = std::min<size_t>(bytes.size(), 64 << 10);
    awaited_ = POLLOUT;
    const int result = tls_ ? SSL_write(tls_.get(), bytes.data(), static_cast<int>(part))
                            : static_cast<int>(::send(socket(), bytes.data(), part, MSG_NOSIGNAL));
    const Outcome outcome = judge(result);
    if (outcome == Outcome::closed) return false;
    if (outcome == Outcome::later) {
      if (!wait(awaited_, deadline)) return false;
      continue;
    }
    bytes.remove_prefix(static_cast<size_t>(result));
    deadline = Clock::now() + patience;
  }
  return true;
}

bool HttpConnection::is_gone() const {
  pollfd entry = {socket(), POLLRDHUP, 0};
  return ::poll(&entry, 1, 0) > 0;  // also what cannot be asked for: POLLERR, POLLHUP
}

}  // namespace thimble
