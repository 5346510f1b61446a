#!/usr/bin/env python3
"""The endpoints of `thimble serve`, on a tiny model: shapes, streams, limits, and several clients at once.

THIMBLE_BIN: the program; THIMBLE_TINY_MODELS: the program write_tiny_models.
"""
import base64
import concurrent.futures
import http.client
import json
import os
import pathlib
import socket
import ssl
import struct
import subprocess
import tempfile
import time
import unittest

from server import PATIENCE, THIMBLE, Server, ServeCase

USER = [{"role": "user", "content": "say 1"}]


def chat(**more):
    return {"messages": USER, "temperature": 0, "max_tokens": 12, "ignore_eos": True, **more}


class Endpoints(ServeCase):
    @classmethod
    def more_options(cls):
        tools = cls.folder / "tools.json"
        tools.write_text(json.dumps([{"name": "go", "parameters": {"type": "object", "properties": {"n": {"enum": [1, 2]}},
                                                                  "required": ["n"]}}]))
        return ("--tools", tools, "--alias", "tiny")

    def test_chat_is_what_the_program_says(self):
        status, whole = self.server.post("/v1/chat/completions", chat())
        self.assertEqual(status, 200)
        self.assertEqual(whole["object"], "chat.completion")
        self.assertEqual(whole["choices"][0]["finish_reason"], "length")
        self.assertEqual(whole["usage"]["completion_tokens"], 12)
        said = subprocess.run([THIMBLE, "chat", "-m", self.model, "-p", "say 1", "--temp", "0", "-n", "12", "--ignore-eos", "--json", "-c", "512"],
                              check=True, capture_output=True, text=True)
        self.assertEqual(whole["choices"][0]["message"]["content"], json.loads(said.stdout)["text"])
        events = self.server.events("/v1/chat/completions", chat(stream_options={"include_usage": True}))
        self.assertEqual(events[0]["choices"][0]["delta"]["role"], "assistant")
        text = "".join(event["choices"][0]["delta"].get("content", "") for event in events if event["choices"])
        self.assertEqual(text, whole["choices"][0]["message"]["content"])
        self.assertEqual(events[-2]["choices"][0]["finish_reason"], "length")
        self.assertEqual(events[-1]["usage"]["completion_tokens"], 12)
        self.assertGreater(events[-1]["usage"]["prompt_tokens_details"]["cached_tokens"], 0)

    def test_choices_and_seeds(self):
        body = chat(temperature=1.5, seed=7, n=3)
        texts = [choice["message"]["content"] for choice in self.server.post("/v1/chat/completions", body)[1]["choices"]]
        self.assertEqual(len(set(texts)), 3)
        again = [choice["message"]["content"] for choice in self.server.post("/v1/chat/completions", body)[1]["choices"]]
        self.assertEqual(texts, again)
        free = [self.server.post("/v1/chat/completions", chat(temperature=1.5))[1]["choices"][0]["message"]["content"] for _ in range(3)]
        self.assertEqual(len(set(free)), 3)

    def test_biased_and_penalised_tokens(self):
        ids = self.server.post("/tokenize", {"content": "say"})[1]["tokens"]
        body = {"prompt": "a", "temperature": 0, "max_tokens": 5, "ignore_eos": True, "logit_bias": {str(ids[0]): 100}}
        one = self.server.post("/v1/completions", {**body, "logprobs": 0})[1]["choices"][0]
        self.assertEqual(len(set(one["logprobs"]["tokens"])), 1)
        several = self.server.post("/v1/completions", {**body, "logprobs": 0, "max_tokens": 80, "frequency_penalty": 2})[1]["choices"][0]
        self.assertGreater(len(set(several["logprobs"]["tokens"])), 1)

    def test_stop(self):
        whole = self.server.post("/v1/completions", {"prompt": "say", "temperature": 0, "max_tokens": 24, "ignore_eos": True})[1]["choices"][0]["text"]
        stop = whole[len(whole) // 2:len(whole) // 2 + 2]
        cut = self.server.post("/v1/completions", {"prompt": "say", "temperature": 0, "max_tokens": 24, "ignore_eos": True, "stop": [stop]})[1]["choices"][0]
        self.assertEqual(cut["text"], whole[:whole.index(stop)])
        self.assertEqual(cut["finish_reason"], "stop")

    def test_logprobs(self):
        whole = self.server.post("/v1/chat/completions", chat(logprobs=True, top_logprobs=3))[1]["choices"][0]["logprobs"]["content"]
        self.assertEqual(len(whole), 12)
        for entry in whole:
            self.assertEqual(entry["logprob"], entry["top_logprobs"][0]["logprob"])  # greedy takes the best
            self.assertEqual(len(entry["top_logprobs"]), 3)
            self.assertLess(entry["logprob"], 0)
        streamed = [entry for event in self.server.events("/v1/chat/completions", chat(logprobs=True, top_logprobs=3))
                    if event["choices"] and event["choices"][0]["logprobs"] for entry in event["choices"][0]["logprobs"]["content"]]
        self.assertEqual(streamed, whole)

    def test_echo_gives_a_prompt_its_own_probabilities(self):
        ids = self.server.post("/tokenize", {"content": "say 1 this is", "add_special": True})[1]["tokens"]
        reply = self.server.post("/v1/completions", {"prompt": [ids, ids], "max_tokens": 1, "echo": True, "logprobs": 1, "temperature": 0})[1]
        first, second = (choice["logprobs"] for choice in reply["choices"])
        self.assertEqual(len(first["tokens"]), len(ids) + 1)
        self.assertIsNone(first["token_logprobs"][0])
        self.assertEqual(first["token_logprobs"], second["token_logprobs"])
        self.assertTrue(all(value < 0 for value in first["token_logprobs"][1:]))
        # A token's probability is the same when it is written as when it is read.
        written = self.server.post("/v1/completions", {"prompt": ids, "max_tokens": 1, "logprobs": 1, "temperature": 0})[1]["choices"][0]["logprobs"]
        self.assertEqual(written["token_logprobs"][0], first["token_logprobs"][-1])

    def test_forms(self):
        schema = {"type": "object", "properties": {"a": {"enum": ["x", "y"]}}, "required": ["a"], "additionalProperties": False}
        body = chat(max_tokens=64, ignore_eos=False, response_format={"type": "json_schema", "json_schema": {"name": "s", "schema": schema}})
        message = self.server.post("/v1/chat/completions", body)[1]["choices"][0]
        self.assertIn(json.loads(message["message"]["content"])["a"], ("x", "y"))
        self.assertEqual(message["finish_reason"], "stop")
        grammar = self.server.post("/v1/completions", {"prompt": "a", "max_tokens": 9, "grammar": 'root ::= "yes" | "no"'})[1]
        self.assertIn(grammar["choices"][0]["text"], ("yes", "no"))

    def test_tokens_there_and_back(self):
        for text in ("say 1", "", "äö€", "a\nb"):
            ids = self.server.post("/tokenize", {"content": text})[1]["tokens"]
            self.assertEqual(self.server.post("/detokenize", {"tokens": ids})[1]["content"].strip(), text.strip())
        pieces = self.server.post("/tokenize", {"content": "say 1", "with_pieces": True})[1]["tokens"]
        self.assertEqual("".join(piece["piece"] for piece in pieces).strip(), "say 1")
        self.assertIn("say 1", self.server.post("/apply-template", {"messages": USER})[1]["prompt"])

    def test_command(self):
        status, reply = self.server.post("/v1/command", {"text": "go on"})
        self.assertEqual(status, 200, reply)
        self.assertIn(reply["name"], (None, "go"))
        if reply["name"]:
            self.assertIn(reply["arguments"]["n"], (1, 2))

    def test_summary(self):
        log = "".join(f"2026-03-01T10:00:{i:02d} INFO pump: pressure {i % 3}.1 bar\n" for i in range(50)) + "2026-03-01T10:01:00 ERROR pump: seal broken\n"
        reply = self.server.post("/v1/summarize", {"log": log, "name": "pump.log"})[1]
        self.assertIn(51, [event["first_line"] for event in reply["events"]])

    def test_status(self):
        self.assertEqual(self.server.get("/health"), (200, {"status": "ok"}))
        models = self.server.get("/v1/models")[1]["data"]
        self.assertEqual([model["id"] for model in models], ["tiny"])
        props = self.server.get("/props")[1]
        self.assertEqual(props["slots"], 2)
        self.assertEqual(props["context_length"], 512)
        self.assertFalse(props["features"]["ask"])
        self.assertGreater(props["memory"]["planned_bytes"], props["memory"]["resident_bytes"] // 4)
        self.assertEqual(props["tools"], [{"name": "go", "description": ""}])
        _, headers, text = self.server.request("GET", "/metrics")
        self.assertIn("thimble_requests_total", text.decode())
        self.assertEqual(headers["X-Content-Type-Options"], "nosniff")

    def test_names_of_the_model(self):
        for name in ("tiny", "llama", "llama.gguf"):
            self.assertEqual(self.server.post("/v1/chat/completions", chat(model=name, max_tokens=1))[0], 200)
        status, error = self.server.post("/v1/chat/completions", chat(model="gpt-4o"))
        self.assertEqual((status, error["error"]["type"]), (404, "model_not_found"))

    def test_what_is_not_served(self):
        for path, body in (("/v1/ask", {"question": "why?"}), ("/v1/embeddings", {"input": "a"})):
            status, error = self.server.post(path, body)
            self.assertEqual((status, error["error"]["type"]), (501, "not_supported_error"))

    def test_too_long_a_prompt(self):
        status, error = self.server.post("/v1/chat/completions", chat(messages=[{"role": "user", "content": "say " * 600}]))
        self.assertEqual((status, error["error"]["type"]), (400, "exceed_context_size_error"))
        self.assertGreater(error["error"]["n_prompt_tokens"], error["error"]["n_ctx"])
        self.assertEqual(error["error"]["n_ctx"], 512)

    def test_clients_at_once_get_what_they_get_alone(self):
        bodies = [chat(messages=[{"role": "user", "content": f"say {i}"}], max_tokens=30) for i in range(4)]
        alone = [self.server.post("/v1/chat/completions", body)[1]["choices"][0]["message"]["content"] for body in bodies]
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for _ in range(3):
                replies = list(pool.map(lambda body: self.server.post("/v1/chat/completions", body), bodies))
                self.assertEqual([reply[0] for reply in replies], [200] * 4)
                self.assertEqual([reply[1]["choices"][0]["message"]["content"] for reply in replies], alone)

    def test_a_full_queue_says_when_to_come_again(self):
        connections = []
        try:
            for _ in range(4):  # two slots, two that wait
                connections.append(self.hold(USER))
            self.until(lambda: (lambda props: props["busy_slots"] == 2 and props["queued"] == 2)(self.server.get("/props")[1]))
            status, headers, reply = self.server.request("POST", "/v1/completions", {"prompt": "say", "max_tokens": 1})
            self.assertEqual(status, 429, reply)
            self.assertEqual(headers["Retry-After"], "1")
        finally:
            for connection in connections:
                connection.close()
        # Clients that leave free their slots at once.
        start = time.monotonic()
        self.until(lambda: (lambda props: props["busy_slots"] == 0 and props["queued"] == 0)(self.server.get("/props")[1]))
        self.assertLess(time.monotonic() - start, 0.5 * PATIENCE)

    def test_slots_share_what_they_have_read(self):
        system = {"role": "system", "content": "".join(f"rule {i}: say {i}. " for i in range(15))}
        ask = lambda text, **more: {"messages": [system, {"role": "user", "content": text}], "temperature": 0, "max_tokens": 4, **more}  # noqa: E731
        alone = self.server.post("/v1/chat/completions", ask("b"))[1]
        for _ in range(2):  # the other slot learns it from this one, be it free or at work
            with self.hold(ask("a")["messages"]):
                self.until(lambda: self.server.get("/props")[1]["busy_slots"] == 1)
                reply = self.server.post("/v1/chat/completions", ask("b"))[1]
                self.assertEqual(self.server.get("/props")[1]["busy_slots"], 1)
            self.until(lambda: self.server.get("/props")[1]["busy_slots"] == 0)
            self.assertGreater(reply["usage"]["prompt_tokens_details"]["cached_tokens"], 150)
            self.assertEqual(reply["choices"][0]["message"], alone["choices"][0]["message"])
            for i in range(2):  # both slots forget
                self.server.post("/v1/completions", {"prompt": ["x" * 200, "y" * 200], "max_tokens": 1})
            self.server.post("/v1/chat/completions", ask("b"))

    def hold(self, messages):
        """A connection whose answer is more than the system keeps for a reader that does not read: its slot waits for the reader."""
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect((self.server.host, self.server.port))
        body = json.dumps({"messages": messages, "max_tokens": 400, "n": 16, "ignore_eos": True, "stream": True, "logprobs": True, "top_logprobs": 20}).encode()
        connection.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        return connection

    def until(self, condition):
        for _ in range(400):
            if condition():
                return
            time.sleep(0.01 * PATIENCE)
        self.fail("it never came to be")

    def test_requests_one_behind_another_on_a_connection(self):
        with self.server.connect() as connection:
            one = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
            connection.sendall(one * 3)  # pipelined
            reply = b""
            while reply.count(b'{"status":"ok"}') < 3:
                block = connection.recv(4096)
                self.assertTrue(block, reply)
                reply += block
            connection.sendall(one[:20])
            time.sleep(0.05)
            connection.sendall(one[20:])
            self.assertIn(b"200 OK", connection.recv(4096))

    def test_expectation_of_continue(self):
        body = b'{"content": "say"}'
        head = f"POST /tokenize HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: {len(body)}\r\n\r\n"
        with self.server.connect() as connection:
            connection.sendall(head.encode())
            self.assertTrue(connection.recv(4096).startswith(b"HTTP/1.1 100 Continue"))
            connection.sendall(body)
            self.assertIn(b"200 OK", connection.recv(4096))


class Doors(ServeCase):
    """Who may ask."""
    options = ("--api-key", "right", "--api-key", "other", "--cors-origin", "https://panel.example", "--allowed-host", "handheld.local")
    KEY = {"Authorization": "Bearer right"}

    def test_keys(self):
        self.assertEqual(self.server.get("/health")[0], 200)
        for headers in ({}, {"Authorization": "Bearer righ"}, {"Authorization": "Bearer righT"}, {"Authorization": "right"}, {"Authorization": "Bearer " + "x" * 8000},
                        {"Authorization": "Basic cmlnaHQ="}):
            status, reply_headers, reply = self.server.request("GET", "/props", headers=headers)
            self.assertEqual(status, 401, headers)
            self.assertEqual(json.loads(reply)["error"]["type"], "authentication_error")
            self.assertEqual(reply_headers["WWW-Authenticate"], "Bearer")
        for headers in (self.KEY, {"Authorization": "bearer other"}, {"X-API-Key": "right"}):
            self.assertEqual(self.server.get("/props", headers=headers)[0], 200)

    def test_hosts(self):
        for host, expected in (("localhost", 200), ("localhost:99", 200), ("127.0.0.1:8080", 200), ("[::1]:80", 200), ("handheld.local", 200), ("HANDHELD.local:8080", 200),
                               ("evil.example", 403), ("localhost.evil.example", 403), ("", 400), ("127.0.0.1.evil.example", 403), ("[::1", 403)):
            reply = self.server.raw(f"GET /health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            self.assertIn(f" {expected} ".encode(), reply.split(b"\r\n")[0], host)

    def test_origins(self):
        own = f"http://127.0.0.1:{self.server.port}"
        for origin, expected in ((own, 200), ("https://panel.example", 200), ("null", 403), ("https://evil.example", 403), ("https://panel.example.evil", 403)):
            status, headers, _ = self.server.request("GET", "/props", headers={**self.KEY, "Origin": origin})
            self.assertEqual(status, expected, origin)
            self.assertEqual(headers.get("Access-Control-Allow-Origin"), origin if origin.startswith("https://panel") and expected == 200 else None)
        status, headers, _ = self.server.request("OPTIONS", "/v1/chat/completions", headers={"Origin": "https://panel.example", "Access-Control-Request-Method": "POST"})
        self.assertEqual(status, 204)
        self.assertIn("authorization", headers["Access-Control-Allow-Headers"])


class Tls(unittest.TestCase):
    def test_https(self):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([os.environ["THIMBLE_TINY_MODELS"], folder], check=True, stdout=subprocess.DEVNULL)
            folder = pathlib.Path(folder)
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", folder / "key.pem",
                            "-out", folder / "cert.pem", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True)
            server = Server("-m", folder / "llama.gguf", "-t", 1, "--ssl-cert-file", folder / "cert.pem", "--ssl-key-file", folder / "key.pem")
            try:
                context = ssl.create_default_context(cafile=str(folder / "cert.pem"))

                def post(path, body):
                    connection = http.client.HTTPSConnection("localhost", server.port, context=context, timeout=20)
                    connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
                    reply = connection.getresponse()
                    try:
                        return reply.status, json.loads(reply.read())
                    finally:
                        connection.close()

                self.assertEqual(post("/v1/chat/completions", chat())[0], 200)
                status, reply = post("/tokenize", {"content": "say " * 200_000})  # many records
                self.assertEqual((status, len(reply["tokens"])), (200, 800_000))
                for rubbish in (b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n", b"\x16\x03\x01\x00\x05hello", b"\0" * 100):
                    server.raw(rubbish, timeout=2)
                self.assertEqual(post("/tokenize", {"content": "a"})[0], 200)
            finally:
                self.assertEqual(server.stop(), 0)

    def test_no_certificate(self):
        with tempfile.NamedTemporaryFile() as empty:
            result = subprocess.run([THIMBLE, "serve", "-m", "absent.gguf", "--ssl-cert-file", empty.name, "--ssl-key-file", empty.name], capture_output=True, text=True, timeout=60)
            self.assertEqual(result.returncode, 4, result.stderr)


class Embeddings(unittest.TestCase):
    def test_an_encoder_embeds(self):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([os.environ["THIMBLE_TINY_MODELS"], folder], check=True, stdout=subprocess.DEVNULL)
            model = pathlib.Path(folder) / "gemma-embedding.gguf"
            server = Server("-m", model, "-t", 1)
            try:
                texts = ["say 1", "this"]
                reply = server.post("/v1/embeddings", {"input": texts, "model": "gemma-embedding"})[1]
                said = json.loads(subprocess.run([THIMBLE, "embed", "-m", model, "--json", *texts], check=True, capture_output=True, text=True).stdout)
                packed = server.post("/v1/embeddings", {"input": texts, "encoding_format": "base64"})[1]
                for i in range(2):
                    vector = reply["data"][i]["embedding"]
                    self.assertLess(max(abs(a - b) for a, b in zip(vector, said["data"][i]["embedding"])), 1e-6)
                    raw = base64.b64decode(packed["data"][i]["embedding"])
                    unpacked = struct.unpack(f"<{len(vector)}f", raw)
                    self.assertLess(max(abs(a - b) for a, b in zip(vector, unpacked)), 1e-6)
                self.assertEqual(server.post("/v1/chat/completions", chat())[0], 501)
                self.assertEqual(server.post("/v1/embeddings", {"input": "say " * 4000})[0], 400)
            finally:
                self.assertEqual(server.stop(), 0)


class Starts(unittest.TestCase):
    def refused(self, *options):
        result = subprocess.run([THIMBLE, "serve", *map(str, options)], capture_output=True, text=True, timeout=60)
        self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
        return result.returncode, result.stderr

    def test_what_cannot_be_served(self):
        code, message = self.refused("-m", "absent.gguf", "--host", "0.0.0.0")
        self.assertEqual(code, 2)
        self.assertIn("--api-key", message)
        self.assertEqual(self.refused("-m", "absent.gguf")[0], 4)
        self.assertEqual(self.refused("-m", "absent.gguf", "--ssl-cert-file", "c.pem")[0], 2)

    def test_a_port_in_use(self):
        with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as taken:
            subprocess.run([os.environ["THIMBLE_TINY_MODELS"], folder], check=True, stdout=subprocess.DEVNULL)
            code, message = self.refused("-m", pathlib.Path(folder) / "llama.gguf", "--port", taken.getsockname()[1])
            self.assertEqual(code, 1, message)


if __name__ == "__main__":
    unittest.main()
