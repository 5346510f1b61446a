#include "app/serve/http_front.h"

#include <fcntl.h>
#include <poll.h>

#include <algorithm>
#include <array>

#include "base/error.h"

namespace thimble {
namespace {

using namespace std::chrono_literals;

constexpr size_t kReadAtOnce = 256 << 10;
constexpr int kBacklog = 512;

// Only what a handler looks at reaches it.
constexpr std::array<std::string_view, 7> kPassedFields = {"host",
                                                           "origin",
                                                           "content-type",
                                                           "authorization",
                                                           "x-api-key",
                                                           "access-control-request-method",
                                                           "access-control-request-headers"};

// A request that is whole, as httplib reads it, and its reply on the way to the client.
class Exchange : public httplib::Stream {
 public:
  Exchange(HttpConnection& connection, std::string request, std::chrono::milliseconds patience)
      : connection_(connection), request_(std::move(request)), patience_(patience) {}

  bool has_failed() const { return has_failed_; }
  bool is_readable() const override { return at_ < request_.size(); }
  bool is_writable() const override { return !has_failed_; }
  ssize_t read(char* to, size_t size) override {
    const size_t count = request_.copy(to, size, at_);
    at_ += count;
    return static_cast<ssize_t>(count);
  }
  ssize_t write(const char* from, size_t size) override {
    if (!has_failed_ && !connection_.send({from, size}, patience_)) has_failed_ = true;
    return has_failed_ ? -1 : static_cast<ssize_t>(size);
  }
  void get_remote_ip_and_port(std::string& address, int& port) const override {
    address = connection_.address();
    port = 0;
  }
  void get_local_ip_and_port(std::string& address, int& port) const override {
    address.clear();
    port = 0;
  }
  socket_t socket() const override { return -1; }  // httplib refuses what select() could not wait for

 private:
  HttpConnection& connection_;
  std::string request_;
  std::chrono::milliseconds patience_;
  size_t at_ = 0;
  bool has_failed_ = false;
};

// The accepting thread hands its sockets on by itself.
class AtOnce : public httplib::TaskQueue {
 public:
  void enqueue(std::function<void()> task) override { task(); }
  void shutdown() override {}
};

std::string replay(const HttpHead& head) {
  std::string text = head.method + " " + head.target + " HTTP/1.1\r\n";
  for (const auto& [name, value] : head.fields) {
    if (std::ranges::find(kPassedFields, name) != kPassedFields.end()) text += name + ": " + value + "\r\n";
  }
  return text + "\r\n";
}

std::string plain_reply(const httplib::Response& reply) {
  return fmt::format("HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n{}\r\n{}",
                     reply.status, reply.status == 503 ? "Service Unavailable" : "Refused",
                     reply.get_header_value("Content-Type"), reply.body.size(),
                     reply.status == 503 ? "Retry-After: 1\r\n" : "", reply.body);
}

}  // namespace

HttpFront::HttpFront(const HttpLimits& limits, size_t workers, const TlsContext* tls, Handler handler, Refusal refusal)
    : limits_(limits), tls_(tls), handler_(std::move(handler)), refusal_(std::move(refusal)), worker_count_(workers) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) fail(ExitCode::failed, "serve: no pipe for waking a thread");
  wake_read_ = FileHandle(ends[0]);
  wake_write_ = FileHandle(ends[1]);
  new_task_queue = [] { return new AtOnce; };
  set_pre_routing_handler([](const httplib::Request& request, httplib::Response& reply) {
    request.response_handler(reply);
    return HandlerResponse::Handled;
  });
  // Only a restart shall have the port at once, never a second server beside this one.
  set_socket_options([](socket_t socket) {
    const int on = 1;
    ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  });
}

HttpFront::~HttpFront() { stop(0ms); }

int HttpFront::bind(const std::string& host, int port) {
  if (port == 0) {
    port = bind_to_any_port(host);
  } else if (!bind_to_port(host, port)) {
    port = -1;
  }
  if (port < 0) {
    fail(ExitCode::failed, "serve: {} cannot be listened on: another program may have the port; try --port 0",
         printable(host));
  }
  ::listen(svr_sock_,
           kBacklog);  // httplib's own is 5: with more at once clients would wait a second for their second try
  return port;
}

void HttpFront::start() {
  reader_ = std::thread([this] { read_loop(); });
  for (size_t i = 0; i < worker_count_; ++i) workers_.emplace_back([this] { answer_loop(); });
  acceptor_ = std::thread([this] { listen_after_bind(); });
  while (!is_running()) std::this_thread::sleep_for(1ms);
}

void HttpFront::stop(std::chrono::milliseconds grace) {
  if (!reader_.joinable() || is_stopping_.exchange(true)) return;
  Server::stop();
  acceptor_.join();
  {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, grace, [&] { return answering_ == 0 && ready_.empty(); });
    is_ending_ = true;
  }
  changed_.notify_all();
  wake();
  reader_.join();
  for (std::thread& worker : workers_) worker.join();
}

void HttpFront::wake() const {
  // A full pipe wakes as well.
  [[maybe_unused]] const ssize_t written = ::write(wake_write_.get(), "", 1);
}

// On the accepting thread. The socket is ours from here on.
bool HttpFront::process_and_close_socket(socket_t socket) {
  ++open_;
  try {
    arrive(std::make_unique<Visit>(socket, tls_, Clock::now() + limits_.head));
  } catch (const std::exception&) {  // no memory: the client sees a closed connection
    --open_;
  }
  return true;
}

void HttpFront::arrive(VisitPointer visit) {
  {
    const std::lock_guard lock(mutex_);
    arrivals_.push_back(std::move(visit));
  }
  wake();
}

void HttpFront::read_loop() {
  std::vector<VisitPointer> visits;
  while (!is_ending_) {
    wait_for_bytes(visits);
    std::vector<VisitPointer> arrived;
    {
      const std::lock_guard lock(mutex_);
      arrived.swap(arrivals_);
    }
    // What has come before is read at once: pipelined requests, and the first bytes of a connection.
    for (VisitPointer& visit : arrived) {
      if (advance(visit)) visits.push_back(std::move(visit));
    }
    evict(visits);
    expire(visits);
  }
}

void HttpFront::wait_for_bytes(std::vector<VisitPointer>& visits) {
  std::vector<pollfd> entries{{wake_read_.get(), POLLIN, 0}};
  Clock::time_point first = Clock::now() + 1s;
  for (const VisitPointer& visit : visits) {
    entries.push_back({visit->connection.socket(), visit->connection.awaited_events(), 0});
    first = std::min(first, visit->deadline);
  }
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(first - Clock::now()).count();
  ::poll(entries.data(), entries.size(), static_cast<int>(std::clamp<long long>(left + 1, 0, 1000)));
  if (entries[0].revents != 0) {
    std::array<char, 256> drained;
    while (::read(wake_read_.get(), drained.data(), drained.size()) > 0) {
    }
  }
  {
    const std::lock_guard lock(mutex_);
    waiting_bytes_ = 0;
    for (const VisitPointer& visit : ready_) waiting_bytes_ += visit->bytes.size();
  }
  for (const VisitPointer& visit : visits) waiting_bytes_ += visit->bytes.size();
  for (size_t i = 0; i < visits.size(); ++i) {
    if (entries[i + 1].revents != 0 && !advance(visits[i])) visits[i].reset();
  }
  std::erase(visits, nullptr);
}

// Reads on. False where the visit is over here: it was handed to a worker, refused, or its client is gone.
bool HttpFront::advance(VisitPointer& visit) {
  Visit& v = *visit;
  if (v.stage == Stage::handshake) {
    const HttpConnection::Outcome outcome = v.connection.establish();
    if (outcome == HttpConnection::Outcome::later) return true;
    if (outcome == HttpConnection::Outcome::closed) return refuse(std::move(visit), 0, {}), false;
    v.stage = Stage::idle;
  }
  for (bool is_whole = false; !is_whole;) {
    const size_t missing = v.stage == Stage::body ? v.body_begin + v.head.content_length - v.bytes.size() : kReadAtOnce;
    const size_t wanted = std::min(missing, kReadAtOnce), had = v.bytes.size();
    const HttpConnection::Outcome outcome = v.connection.receive(v.bytes, wanted);
    if (outcome == HttpConnection::Outcome::closed) return refuse(std::move(visit), 0, {}), false;
    const size_t received = v.bytes.size() - had;
    waiting_bytes_ += received;
    try {
      is_whole = find_head(v) && v.bytes.size() >= v.body_begin + v.head.content_length;
    } catch (const HttpFault& fault) {
      return refuse(std::move(visit), fault.status(), fault.what()), false;
    }
    if (is_whole) break;
    if (waiting_bytes_ > limits_.waiting_bytes) {
      return refuse(std::move(visit), 503, "too much is being sent at once"), false;
    }
    if (received < wanted) return true;  // else there may be more in TLS's hands, which poll() does not tell
  }
  {
    const std::lock_guard lock(mutex_);
    ready_.push_back(std::move(visit));
  }
  changed_.notify_all();
  return false;
}

// True where the head is there and the body is what is waited for. Throws HttpFault.
bool HttpFront::find_head(Visit& v) {
  if (v.stage == Stage::body) return true;
  while (v.bytes.starts_with("\r\n") && v.searched == 0) v.bytes.erase(0, 2);  // RFC 9112, 2.2
  if (v.bytes.empty()) return false;
  if (v.stage == Stage::idle) {
    v.stage = Stage::head;
    v.deadline = Clock::now() + limits_.head;
  }
  const size_t end = v.bytes.find("\r\n\r\n", v.searched);
  if (std::min(end, v.bytes.size()) > HttpHead::kMostBytes) {
    throw HttpFault(431, fmt::format("the head has more than {} bytes", HttpHead::kMostBytes));
  }
  if (end == v.bytes.npos) {
    v.searched = v.bytes.size() < 3 ? 0 : v.bytes.size() - 3;
    return false;
  }
  v.head = parse_http_head(std::string_view(v.bytes).substr(0, end));
  v.body_begin = end + 4;
  if (v.head.content_length > limits_.body_bytes) {
    throw HttpFault(
        413, fmt::format("the body has {} bytes, expected at most {}", v.head.content_length, limits_.body_bytes));
  }
  v.stage = Stage::body;
  v.deadline = Clock::now() + limits_.body;
  if (v.head.expects_continue && v.bytes.size() == v.body_begin) {
    v.connection.send("HTTP/1.1 100 Continue\r\n\r\n", 0ms);
  }
  return true;
}

// One connection too many goes, and that is the one that has kept us waiting the longest.
void HttpFront::evict(std::vector<VisitPointer>& visits) {
  while (open_ > limits_.connections && !visits.empty()) {
    const auto is_earlier = [](const VisitPointer& a, const VisitPointer& b) { return a->deadline < b->deadline; };
    const auto oldest = std::min_element(visits.begin(), visits.end(), is_earlier);
    refuse(std::move(*oldest), (*oldest)->stage == Stage::handshake ? 0 : 503, "too many connections");
    visits.erase(oldest);
  }
}

void HttpFront::expire(std::vector<VisitPointer>& visits) {
  const Clock::time_point now = Clock::now();
  for (VisitPointer& visit : visits) {
    if (visit->deadline > now && !(is_stopping_ && visit->stage == Stage::idle)) continue;
    const bool has_begun = visit->stage == Stage::head || visit->stage == Stage::body;
    refuse(std::move(visit), has_begun ? 408 : 0, "the request did not come in time");
  }
  std::erase(visits, nullptr);
}

// Status 0: without a word.
void HttpFront::refuse(VisitPointer visit, int status, const std::string& message) {
  if (status != 0) {
    httplib::Response reply;
    refusal_(status, message, reply);
    reply.status = status;
    visit->connection.send(plain_reply(reply), 0ms);
    // A client that is still sending would lose the reply to a reset: what has come is read, as far as it is not much.
    ::shutdown(visit->connection.socket(), SHUT_WR);
    std::string rest;
    visit->connection.receive(rest, kReadAtOnce);
  }
  visit.reset();
  --open_;
}

void HttpFront::answer_loop() {
  while (true) {
    VisitPointer visit;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return !ready_.empty() || is_ending_; });
      if (ready_.empty()) return;
      visit = std::move(ready_.front());
      ready_.pop_front();
      ++answering_;
    }
    answer(std::move(visit));
    {
      const std::lock_guard lock(mutex_);
      --answering_;
    }
    changed_.notify_all();
  }
}

void HttpFront::answer(VisitPointer visit) {
  bool goes_on = false;
  try {
    goes_on = reply(*visit);
  } catch (const std::exception&) {  // what a reply's provider throws: it has gone out in part, and ends there
  }
  if (!goes_on) {
    visit.reset();
    --open_;
    return;
  }
  visit->searched = 0;
  visit->head = {};
  visit->stage = Stage::idle;
  visit->deadline = Clock::now() + limits_.idle;
  arrive(std::move(visit));
}

std::string HttpFront::Visit::take_body() {
  std::string rest = bytes.substr(body_begin + head.content_length);
  bytes.resize(body_begin + head.content_length);
  bytes.erase(0, body_begin);
  return std::exchange(bytes, std::move(rest));
}

bool HttpFront::reply(Visit& visit) {
  Exchange exchange(visit.connection, replay(visit.head), limits_.write);
  const HttpPeer client(visit.connection, is_ending_);
  const bool closes = !visit.head.keeps_alive || is_stopping_;
  bool is_closed = false;
  const bool is_done = process_request(exchange, closes, is_closed, [&](httplib::Request& request) {
    request.body = visit.take_body();
    // The only way from here to where the reply is made, which is the handler below.
    request.response_handler = [&](const httplib::Response& reply) {
      handler_(request, const_cast<httplib::Response&>(reply), client);
      return true;
    };
  });
  return is_done && !closes && !exchange.has_failed();
}

}  // namespace thimble
