// The server's door. One thread takes connections in and reads requests whole, each under a deadline, so that slow clients take no
// thread from others; a few workers answer what has arrived. Accepting and the form of replies are cpp-httplib's.
#pragma once

#include <httplib.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "app/serve/http_connection.h"
#include "app/serve/http_head.h"

namespace thimble {

struct HttpLimits {
  size_t body_bytes = size_t{8} << 20;
  size_t waiting_bytes = size_t{64} << 20;  // of all requests that are being read
  size_t connections = 512;
  std::chrono::milliseconds head{10'000};  // from its first byte on
  std::chrono::milliseconds body{30'000};
  std::chrono::milliseconds idle{30'000};   // between requests
  std::chrono::milliseconds write{10'000};  // without a byte taken
};

// Who asked, while the request is answered.
class HttpPeer {
 public:
  HttpPeer(const HttpConnection& connection, const std::atomic<bool>& is_ending)
      : connection_(connection), is_ending_(is_ending) {}
  bool is_gone() const { return is_ending_ || connection_.is_gone(); }
  bool is_secure() const { return connection_.is_secure(); }
  const std::string& address() const { return connection_.address(); }

 private:
  const HttpConnection& connection_;
  const std::atomic<bool>& is_ending_;
};

class HttpFront : private httplib::Server {
 public:
  // Answers a request on one of the workers. Its reply may be a provider of chunks, within which `client` still stands.
  using Handler =
      std::function<void(const httplib::Request& request, httplib::Response& reply, const HttpPeer& client)>;
  // A reply to what is no request, or to one too many.
  using Refusal = std::function<void(int status, const std::string& message, httplib::Response& reply)>;

  // `tls`: nullptr for none; must outlive it.
  HttpFront(const HttpLimits& limits, size_t workers, const TlsContext* tls, Handler handler, Refusal refusal);
  ~HttpFront() override;

  // The port, of which 0 asks for any that is free. Throws Error(failed).
  int bind(const std::string& host, int port);
  void start();
  // Takes no more connections; gives requests that are being answered `grace` to end, then tells them that their clients are gone.
  void stop(std::chrono::milliseconds grace);
  bool is_stopping() const { return is_stopping_; }

 private:
  using Clock = std::chrono::steady_clock;
  enum class Stage { handshake, idle, head, body };

  struct Visit {
    Visit(int socket, const TlsContext* tls, Clock::time_point until) : connection(socket, tls), deadline(until) {}
    HttpConnection connection;
    Stage stage = Stage::handshake;
    Clock::time_point deadline;
    std::string bytes;    // that have come and belong to no request answered
    size_t searched = 0;  // of them, for the end of the head
    HttpHead head;
    size_t body_begin = 0;
    std::string take_body();  // what is behind it stays
  };
  using VisitPointer = std::unique_ptr<Visit>;

  bool process_and_close_socket(socket_t socket) override;
  void arrive(VisitPointer visit);
  void read_loop();
  void wait_for_bytes(std::vector<VisitPointer>& visits);
  bool advance(VisitPointer& visit);
  bool find_head(Visit& visit);
  void evict(std::vector<VisitPointer>& visits);
  void expire(std::vector<VisitPointer>& visits);
  void refuse(VisitPointer visit, int status, const std::string& message);
  void answer_loop();
  void answer(VisitPointer visit);
  bool reply(Visit& visit);
  void wake() const;

  HttpLimits limits_;
  const TlsContext* tls_;
  Handler handler_;
  Refusal refusal_;
  size_t worker_count_;
  FileHandle wake_read_, wake_write_;
  std::atomic<bool> is_stopping_ = false, is_ending_ = false;
  std::atomic<size_t> open_ = 0;
  size_t waiting_bytes_ = 0;  // that have come and are not answered yet; the reading thread's
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<VisitPointer> arrivals_;
  std::deque<VisitPointer> ready_;
  size_t answering_ = 0;
  std::thread acceptor_, reader_;
  std::vector<std::thread> workers_;
};

}  // namespace thimble
