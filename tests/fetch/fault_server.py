"""A web server on the loopback that serves files well, or as badly as a test asks for. Every answer is a function of a route."""
import http.server
import json
import ssl
import threading
import time
from email.utils import formatdate


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        server = self.server.owner
        path = self.path.split("?")[0]
        server.requests.append((self.path, dict(self.headers)))
        self.close_connection = True
        route = server.routes.get(path)
        try:
            if route is None:
                self.answer(404, b"nothing here")
            else:
                route(self)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
            pass  # the client has seen enough

    def head(self, status, headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, str(value))
        self.send_header("Connection", "close")
        self.end_headers()

    def answer(self, status, body, **headers):
        self.head(status, {"Content-Length": len(body), **{k.replace("_", "-"): v for k, v in headers.items()}})
        self.wfile.write(body)

    def cut(self):
        """Ends the connection as a lost network does: without a word, and with what is still unsent thrown away."""
        self.wfile.flush()
        self.connection.close()

    def pour(self, body, rate):
        """`rate` in bytes a second; None for as fast as it goes."""
        step = len(body) if rate is None else max(1, min(1 << 16, int(rate / 50)))
        for at in range(0, len(body), step):
            self.wfile.write(body[at:at + step])
            self.server.owner.sent += len(body[at:at + step])
            if rate is not None:
                time.sleep(step / rate)

    def range_start(self, size, etag):
        """Where a well-formed Range header begins, if it applies."""
        text = self.headers.get("Range", "")
        condition = self.headers.get("If-Range")
        if not text.startswith("bytes=") or (condition is not None and condition != etag):
            return None
        first = int(text[len("bytes="):].split("-")[0])
        return first if first < size else None


def file_route(data, *, etag='"v1"', ranges=True, cut_after=None, rate=None, **headers):
    """Serves `data`, with ranges as RFC 9110 has them. `cut_after`: bytes of each answer after which the connection ends."""
    def route(handler):
        start = handler.range_start(len(data), etag) if ranges else None
        body = data[start or 0:]
        head = {"Content-Length": len(body), **{k.replace("_", "-"): v for k, v in headers.items()}}
        if etag is not None:
            head["ETag"] = etag
        if start is not None:
            head["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        handler.head(200 if start is None else 206, head)
        if cut_after is None or cut_after >= len(body):
            handler.pour(body, rate)
        else:
            handler.pour(body[:cut_after], rate)
            handler.cut()
    return route


def in_turn(*routes):
    """The first request gets the first route, and so on; the last one stays."""
    left = list(routes)
    lock = threading.Lock()

    def route(handler):
        with lock:
            chosen = left.pop(0) if len(left) > 1 else left[0]
        chosen(handler)
    return route


def status_route(status, body=b"no", **headers):
    return lambda handler: handler.answer(status, body, **headers)


def redirect_route(to, status=302, **headers):
    return lambda handler: handler.answer(status, b"", Location=to, **headers)


class FaultServer:
    def __init__(self, certificate=None):
        self.routes = {}
        self.requests = []  # (path, headers)
        self.sent = 0       # bytes of files
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.http.owner = self
        self.http.handle_error = lambda *_: None
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.http.socket = context.wrap_socket(self.http.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.http.server_address[1]
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self.port}"
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self):
        self.http.shutdown()
        self.http.server_close()

    def ranges_asked(self):
        return [headers["Range"] for _, headers in self.requests if "Range" in headers]

    def add_repository(self, name, files, commit="c0ffee" + "0" * 34, revision="main", serve=None):
        """`files`: path to (bytes, digest). The interface of a Hugging Face hub, as far as it goes."""
        self.routes[f"/api/models/{name}/revision/{revision}"] = status_route(200, json.dumps({"sha": commit}).encode())
        tree = [{"type": "directory", "path": "folder", "size": 0, "oid": "0" * 40}]
        for path, (data, digest) in files.items():
            tree.append({"type": "file", "path": path, "size": len(data), "oid": "1" * 40,
                         "lfs": {"oid": digest, "size": len(data), "pointerSize": 134}})
            self.routes[f"/{name}/resolve/{commit}/{path}"] = (serve or file_route)(data)
        self.routes[f"/api/models/{name}/tree/{commit}"] = status_route(200, json.dumps(tree).encode())


def last_modified(seconds):
    return formatdate(seconds, usegmt=True)
