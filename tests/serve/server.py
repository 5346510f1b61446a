"""A live `thimble serve` for tests, and requests to it down to the byte."""
import http.client
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import time
import unittest

THIMBLE = os.environ["THIMBLE_BIN"]
PATIENCE = float(os.environ.get("THIMBLE_TEST_PATIENCE", "1"))  # sanitizers are slow


class Server:
    """Started by its options; its address is read from what it says."""

    last_words = ""

    def __init__(self, *options):
        self.errors = tempfile.NamedTemporaryFile("w+", suffix=".log")
        self.process = subprocess.Popen([THIMBLE, "serve", "--port", "0", *map(str, options)], stdout=subprocess.DEVNULL,
                                        stderr=self.errors)
        for _ in range(2400):
            found = re.search(r" on (https?)://(\S+):(\d+)\n", self.log())
            if found:
                self.scheme, self.host, self.port = found[1], found[2].strip("[]"), int(found[3])
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.025)
        raise AssertionError("the server did not start: " + self.log())

    def log(self):
        return self.last_words or pathlib.Path(self.errors.name).read_text(errors="replace")

    def stop(self):
        """Ends it as a service manager does; the exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        code = self.process.wait(timeout=30)
        self.last_words = self.log()
        self.errors.close()
        return code

    def resident_bytes(self):
        pages = pathlib.Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGESIZE")

    def connect(self, timeout=30):
        return socket.create_connection((self.host, self.port), timeout=timeout)

    def raw(self, request, timeout=30, half_close=False):
        """What comes back until the server closes or is silent for `timeout`."""
        with self.connect(timeout) as connection:
            try:
                connection.sendall(request)
                if half_close:
                    connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            reply = b""
            try:
                while block := connection.recv(65536):
                    reply += block
                    head, found, body = reply.partition(b"\r\n\r\n")
                    length = re.search(rb"(?i)content-length: (\d+)", head)
                    if found and length and len(body) >= int(length[1]):
                        break
            except OSError:
                pass
            return reply

    def request(self, method, path, body=None, headers=None, timeout=60):
        """(status, headers, body); a body that is no bytes is sent as JSON."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout)
        headers = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
        try:
            connection.request(method, path, body, headers)
            reply = connection.getresponse()
            return reply.status, dict(reply.getheaders()), reply.read()
        finally:
            connection.close()

    def post(self, path, body, **more):
        status, _, reply = self.request("POST", path, body, **more)
        return status, json.loads(reply)

    def get(self, path, **more):
        status, _, reply = self.request("GET", path, **more)
        return status, json.loads(reply)

    def events(self, path, body, timeout=60):
        """The JSON of each event of a stream."""
        status, headers, reply = self.request("POST", path, {**body, "stream": True}, timeout=timeout)
        assert status == 200 and headers["Content-Type"] == "text/event-stream", (status, reply)
        lines = [line[6:] for line in reply.decode().split("\n") if line.startswith("data: ")]
        assert lines[-1] == "[DONE]", lines[-1]
        return [json.loads(line) for line in lines[:-1]]


class ServeCase(unittest.TestCase):
    """One server for a class, on a tiny model."""
    options = ()

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp())
        subprocess.run([os.environ["THIMBLE_TINY_MODELS"], cls.folder], check=True, stdout=subprocess.DEVNULL)
        cls.model = cls.folder / "llama.gguf"
        cls.server = Server("-m", cls.model, "-t", 2, "-c", 512, "-np", 2, "--max-queue", 2, *cls.more_options())

    @classmethod
    def more_options(cls):
        return cls.options

    @classmethod
    def tearDownClass(cls):
        code = cls.server.stop()
        shutil.rmtree(cls.folder)
        assert code == 0, cls.server.log()
        assert "runtime error" not in cls.server.log() and "Sanitizer" not in cls.server.log(), cls.server.log()
