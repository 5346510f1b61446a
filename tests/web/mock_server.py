"""A server of the tests' own with the interface of `thimble serve`: for states that are hard to make with a real one (a stream that is
cut, a slow one, 429 and 503, a key, a feature that is off). By hand: python3 mock_server.py [PORT]
"""
import http.server
import json
import pathlib
import socket
import sys
import threading
import time

WEB = pathlib.Path(__file__).resolve().parents[2] / "web"
TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
         ".svg": "image/svg+xml"}
POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; "
          "form-action 'none'; frame-ancestors 'none'")
SECTION = "Oil is changed every 500 hours of operation.\nUse ISO VG 68 mineral oil, 1.8 litres."
TOOLS = [{"name": "start_machine", "description": "Start a machine"}, {"name": "stop_machine", "description": "Stop a machine"},
         {"name": "set_setpoint", "description": "Change what a machine regulates to"}]


def pieces(text):
    """About a token each."""
    return [text[at:at + 4] for at in range(0, len(text), 4)]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        self.server.connections.add(self.connection)

    def finish(self):
        super().finish()
        self.server.connections.discard(self.connection)

    def log_message(self, *_):
        pass

    def head(self, status, kind, length=None, extra=()):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Security-Policy", POLICY)
        if length is None:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(length))
        for name, value in extra:
            self.send_header(name, value)
        self.end_headers()

    def send_json(self, status, value, extra=()):
        data = json.dumps(value).encode()
        self.head(status, "application/json", len(data), extra)
        self.wfile.write(data)

    def refuse(self, status, message, kind="invalid_request_error", extra=(), **more):
        self.send_json(status, {"error": {"code": status, "message": message, "type": kind, **more}}, extra)

    def let_in(self):
        key = self.server.mock.api_key
        if key and self.headers.get("Authorization") != f"Bearer {key}":
            self.refuse(401, "an API key is needed", "authentication_error")
            return False
        return True

    def do_GET(self):
        mock = self.server.mock
        mock.requests.append(("GET", self.path, None))
        file = WEB / (self.path.split("?")[0].lstrip("/") or "index.html")
        if file.parent == WEB and file.is_file():
            data = file.read_bytes()
            self.head(200, TYPES[file.suffix], len(data))
            self.wfile.write(data)
        elif self.path == "/health":
            self.send_json(200, {"status": "ok"})
        elif self.path == "/props":
            if self.let_in():
                self.send_json(200, mock.props())
        else:
            self.refuse(404, "there is nothing here", "not_found_error")

    def do_POST(self):
        mock = self.server.mock
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        mock.requests.append(("POST", self.path, body))
        if not self.let_in():
            return
        if mock.faults:
            mock.faults.pop(0)(self)
            return
        answer = {"/v1/chat/completions": self.chat, "/v1/ask": self.ask, "/v1/command": self.translate,
                  "/v1/summarize": self.summarize}.get(self.path)
        if answer:
            time.sleep(0 if self.path.endswith("completions") else mock.task_seconds)
            answer(body)
        else:
            self.refuse(404, "there is nothing here", "not_found_error")

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def event(self, value):
        """One event, its bytes cut anywhere if split_bytes is set."""
        data = f"data: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}\n\n".encode()
        step = self.server.mock.split_bytes or len(data)
        for at in range(0, len(data), step):
            self.chunk(data[at:at + step])

    def chat(self, body):
        mock = self.server.mock
        words = body["messages"][-1]["content"]
        text = mock.replies.get(words, f"You said: {words}")
        self.head(200, "text/event-stream")
        begun = time.monotonic()
        try:
            self.chunk(b": reading the prompt\n\n")
            time.sleep(mock.prefill_seconds)
            if mock.reasoning:
                self.event({"choices": [{"index": 0, "delta": {"role": "assistant", "reasoning_content": mock.reasoning}}]})
            sent = 0
            for piece in pieces(text):
                if mock.error_after is not None and sent >= mock.error_after:
                    self.event({"error": {"code": 500, "message": "out of memory", "type": "server_error"}})
                    self.chunk(b"")
                    return
                if mock.cut_after is not None and sent >= mock.cut_after:
                    mock.cut_after = None
                    self.close_connection = True
                    return
                self.event({"choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}]})
                sent += 1
                time.sleep(mock.token_seconds)
            seconds = time.monotonic() - begun
            self.event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}],
                        "usage": {"prompt_tokens": 40, "completion_tokens": sent, "prompt_tokens_details": {"cached_tokens": 24}},
                        "timings": {"prompt_n": 16, "cache_n": 24, "prompt_ms": 120, "prompt_per_second": 133.3, "predicted_n": sent,
                                    "predicted_ms": 1000 * seconds, "predicted_per_second": mock.decode_tps}})
            self.event("[DONE]")
            self.chunk(b"")
        except OSError:
            mock.left += 1  # the client has gone: its slot is free

    def ask(self, body):
        if "colour" in body["question"]:
            self.send_json(200, {"answer": "The manuals do not say.", "refused": True, "reason": "no section has these words",
                                 "citations": [], "retrieved": []})
            return
        section = {"path": "manuals/pump-cp40.md", "section": "4.2 Oil change", "first_line": 118, "last_line": 126, "text": SECTION}
        other = {"path": "manuals/pump-cp40.pdf", "section": "Lubricants", "first_page": 3, "last_page": 3, "score": 0.4, "text": "A table."}
        self.send_json(200, {"answer": "Every **500 hours** of operation, with ISO VG 68 mineral oil.", "refused": False, "reason": "",
                             "citations": [section, other], "retrieved": [{**section, "score": 0.8}, other]})

    def translate(self, body):
        if "sing" in body["text"]:
            self.send_json(200, {"name": None, "arguments": {}, "confidence": 0.88, "confirm": False})
            return
        self.send_json(200, {"name": "start_machine", "arguments": {"machine": "pump", "number": 2, "zones": [1, 2]}, "confidence": 0.93,
                             "confirm": True})

    def summarize(self, body):
        lines = body["log"].split("\n")
        at = next((number for number, line in enumerate(lines, 1) if "ERROR" in line), 0)
        events = [{"what": "Bearing temperature above 90 degrees, pump tripped (E07)", "severity": "error", "first_line": at,
                   "last_line": at + 2, "count": 1, "first_time": "10:00:30", "last_time": "10:01:01", "details": ["E07"], "end": "reset"},
                  {"what": "Suction pressure drifted down", "severity": "warning", "first_line": 2, "last_line": 5, "count": 4}]
        summary = f"The pump tripped on bearing temperature [L{at}-L{at + 2}] after suction pressure fell [L2]." if at else "Nothing happened."
        self.send_json(200, {"summary": summary, "events": events if at else [], "lines": {"first": 1, "last": len(lines), "count": len(lines)}})


class MockServer:
    """Serves in a thread of its own; what it does next is changed by its fields."""

    def __init__(self, port=0):
        self.api_key = ""
        self.faults = []  # one for each POST to come: a function of the handler
        self.replies = {}
        self.reasoning = ""
        self.token_seconds = 0.002
        self.prefill_seconds = 0.01
        self.task_seconds = 0.0  # what a question, a command or a log takes
        self.decode_tps = 24.6
        self.cut_after = None  # pieces of an answer before the connection is cut, once
        self.error_after = None  # pieces before an error comes in the stream
        self.split_bytes = 0
        self.features = {"chat": True, "ask": True, "command": True, "summarize": True, "embeddings": False}
        self.max_body_bytes = 8388608
        self.requests = []
        self.left = 0
        self.port = port
        self.server = None

    @property
    def address(self):
        return f"http://127.0.0.1:{self.port}/"

    def props(self):
        return {"model": "SmolLM2-135M-Instruct", "version": "0.0.0", "context_length": 2048, "slots": 4, "busy_slots": 1, "queued": 0,
                "memory": {"planned_bytes": 236_000_000, "limit_bytes": 4_000_000_000, "resident_bytes": 181_000_000},
                "speed": {"prompt_tps": 133.3, "decode_tps": self.decode_tps}, "features": self.features, "tools": TOOLS,
                "max_body_bytes": self.max_body_bytes}

    def start(self):
        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 32

            def handle_error(self, request, client_address):
                if not isinstance(sys.exc_info()[1], OSError):  # a connection that was cut
                    super().handle_error(request, client_address)

        self.server = Server(("127.0.0.1", self.port), Handler)
        self.server.mock = self
        self.server.connections = set()
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def stop(self):
        """Away at once: what is open is cut."""
        self.server.shutdown()
        self.server.server_close()
        for connection in list(self.server.connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # closed meanwhile

    def posts(self, path):
        return [body for method, asked, body in self.requests if method == "POST" and asked == path]


def busy(status, retry_after):
    """A fault: the server has no room."""
    return lambda handler: handler.refuse(status, "every slot is taken", "rate_limit_error", [("Retry-After", str(retry_after))])


def too_long(tokens, limit):
    """A fault: a prompt larger than the context."""
    return lambda handler: handler.refuse(400, "the prompt is too long", "exceed_context_size_error", n_prompt_tokens=tokens, n_ctx=limit)


if __name__ == "__main__":
    mock = MockServer(int(sys.argv[1]) if len(sys.argv) > 1 else 8085).start()
    print(mock.address, flush=True)
    threading.Event().wait()
