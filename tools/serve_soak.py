#!/usr/bin/env python3
"""A live `thimble serve` under mixed requests, clients that leave and garbage, for as long as is asked.

    python3 serve_soak.py THIMBLE MODEL.gguf [--minutes 30] [--kb KB.db] [--embed-model E.gguf] [--tools TOOLS.json]
        [--csv MEMORY.csv] [--svg MEMORY.svg]

Every answer of temperature 0 is held against what the server said when it was alone. Resident memory is sampled twice a second; it
is flat where its mean over the last tenth is within 2% of that over the second tenth (the first one warms up). Exits with 1 where
something was wrong: an answer, a status, the memory, or the server's end. Needs no package.
"""
import argparse
import collections
import csv
import json
import os
import random
import statistics
import sys
import threading
import time
from pathlib import Path

os.environ.setdefault("THIMBLE_BIN", "")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "serve"))
import server as live  # noqa: E402

QUESTIONS = ("Name three tools of a mechanic.", "What is the boiling point of water?", "Say hello in French.",
             "Write one sentence about pumps.", "What does a relief valve do?", "Count from one to ten.")
COMMANDS = ("start pump two", "show the vibration of the compressor", "what is for lunch?")
LOG = "".join(f"2026-03-01T10:{i // 60:02d}:{i % 60:02d} INFO pump: pressure {4 + i % 3}.1 bar\n" for i in range(400)) + \
    "2026-03-01T10:07:00 ERROR pump: seal broken\n"
GARBAGE = (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01" * 50 + b"\r\n\r\n", b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{\"a\": [[[", b"A" * 70000)


class Soak:
    def __init__(self, server, options):
        self.server, self.options = server, options
        self.counts = collections.Counter()
        self.faults = []
        self.until = None
        self.expected = {}

    def ask(self, kind, key):
        """What the server says to one of the requests whose answer is known."""
        if kind == "chat":
            body = {"messages": [{"role": "user", "content": key}], "temperature": 0, "max_tokens": 48}
            return self.server.post("/v1/chat/completions", body)[1]["choices"][0]["message"]["content"]
        if kind == "stream":
            body = {"messages": [{"role": "user", "content": key}], "temperature": 0, "max_tokens": 48}
            return "".join(c["delta"].get("content", "") for e in self.server.events("/v1/chat/completions", body) for c in e["choices"])
        if kind == "schema":
            schema = {"type": "object", "properties": {"answer": {"type": "string", "maxLength": 20}}, "required": ["answer"]}
            body = {"messages": [{"role": "user", "content": key}], "temperature": 0, "max_tokens": 48,
                    "response_format": {"type": "json_schema", "json_schema": {"schema": schema}}}
            return self.server.post("/v1/chat/completions", body)[1]["choices"][0]["message"]["content"]
        if kind == "command":
            reply = self.server.post("/v1/command", {"text": key})[1]
            return [reply["name"], reply["arguments"]]
        if kind == "ask":
            return self.server.post("/v1/ask", {"question": key})[1]["answer"]
        if kind == "summarize":
            return self.server.post("/v1/summarize", {"log": key})[1]["summary"]
        raise AssertionError(kind)

    def kinds(self):
        kinds = [("chat", q) for q in QUESTIONS] + [("stream", q) for q in QUESTIONS] + [("schema", q) for q in QUESTIONS[:3]] + [("summarize", LOG)]
        if self.options.tools:
            kinds += [("command", c) for c in COMMANDS]
        if self.options.kb:
            kinds += [("ask", q) for q in QUESTIONS[3:5]]
        return kinds

    def disturb(self, dice):
        """What is no honest client's: nobody waits for its answer."""
        kind = dice.choice(("leave", "garbage", "half", "long", "echo"))
        if kind == "garbage":
            self.server.raw(dice.choice(GARBAGE), timeout=1)
        elif kind in ("leave", "half"):
            body = json.dumps({"prompt": dice.choice(QUESTIONS), "max_tokens": 500, "ignore_eos": True, "stream": kind == "leave"}).encode()
            head = b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
            with self.server.connect() as connection:
                connection.sendall(head + body[:len(body) // 2 if dice.random() < 0.3 else len(body)])
                time.sleep(dice.random() * 0.3)
        elif kind == "long":
            status, _ = self.server.post("/v1/chat/completions", {"messages": [{"role": "user", "content": "word " * 5000}]})
            self.check(status == 400, ("a long prompt got", status))
        else:
            status, _ = self.server.post("/v1/completions", {"prompt": dice.choice(QUESTIONS), "echo": True, "logprobs": 1, "max_tokens": 1})
            self.check(status in (200, 429), ("an echo got", status))
        self.counts[kind] += 1

    def check(self, holds, fault):
        if not holds:
            self.faults.append(fault)

    def client(self, seed):
        dice = random.Random(seed)
        kinds = self.kinds()
        while time.monotonic() < self.until and self.server.process.poll() is None:
            try:
                if dice.random() < 0.3:
                    self.disturb(dice)
                else:
                    kind, key = dice.choice(kinds)
                    said = self.ask(kind, key)
                    self.check(said == self.expected[kind, key], (kind, key[:40], said, self.expected[kind, key]))
                    self.counts[kind] += 1
            except Exception as fault:  # noqa: BLE001
                self.faults.append((type(fault).__name__, str(fault)[:200]))
            time.sleep(dice.random() * self.options.pause)

    def run(self):
        for kind, key in self.kinds():
            self.expected[kind, key] = self.ask(kind, key)
        start = time.monotonic()
        self.until = start + self.options.minutes * 60
        threads = [threading.Thread(target=self.client, args=(i,)) for i in range(self.options.clients)]
        for thread in threads:
            thread.start()
        memory = []
        while time.monotonic() < self.until and self.server.process.poll() is None:
            memory.append((time.monotonic() - start, self.server.resident_bytes()))
            time.sleep(0.5)
        for thread in threads:
            thread.join()
        return memory


def draw(memory, planned, path):
    width, height, left, bottom = 640, 260, 60, 36
    most = max(planned, max(value for _, value in memory)) * 1.1
    seconds = memory[-1][0]
    x = lambda t: left + (width - left - 12) * t / seconds  # noqa: E731
    y = lambda v: 12 + (height - 12 - bottom) * (1 - v / most)  # noqa: E731
    points = " ".join(f"{x(t):.1f},{y(v):.1f}" for t, v in memory[::max(1, len(memory) // 600)])
    ticks = "".join(f'<text x="{left - 6}" y="{y(most * i / 4) + 4:.1f}" text-anchor="end">{most * i / 4 / 1e6:.0f}</text>'
                    f'<line x1="{left}" x2="{width - 12}" y1="{y(most * i / 4):.1f}" y2="{y(most * i / 4):.1f}" stroke="#ddd"/>' for i in range(5))
    ticks += "".join(f'<text x="{x(seconds * i / 6):.1f}" y="{height - 16}" text-anchor="middle">{seconds * i / 6 / 60:.0f}</text>' for i in range(7))
    path.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11">'
                    f'<rect width="{width}" height="{height}" fill="white"/>{ticks}'
                    f'<line x1="{left}" x2="{width - 12}" y1="{y(planned):.1f}" y2="{y(planned):.1f}" stroke="#b5541c" stroke-dasharray="4 3"/>'
                    f'<text x="{width - 14}" y="{y(planned) - 4:.1f}" text-anchor="end" fill="#b5541c">planned</text>'
                    f'<polyline points="{points}" fill="none" stroke="#1c5fb5" stroke-width="1.5"/>'
                    f'<text x="{left}" y="{height - 3}">minutes; resident memory in MB</text></svg>\n', encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("thimble")
    parser.add_argument("model")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--clients", type=int, default=5)
    parser.add_argument("--pause", type=float, default=0.5, help="seconds between a client's requests, at most")
    parser.add_argument("--kb")
    parser.add_argument("--embed-model")
    parser.add_argument("--tools")
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--svg", type=Path)
    options = parser.parse_args()
    live.THIMBLE = options.thimble
    arguments = ["-m", options.model, "-np", 4]
    for name in ("kb", "embed_model", "tools"):
        if getattr(options, name):
            arguments += ["--" + name.replace("_", "-"), getattr(options, name)]
    server = live.Server(*arguments)
    soak = Soak(server, options)
    memory = soak.run()
    planned = server.get("/props")[1]["memory"]["planned_bytes"] if server.process.poll() is None else 0
    code = server.stop()
    soak.check(code == 0, ("the server ended with", code, server.log()[-500:]))
    tenth = len(memory) // 10
    early = statistics.mean(value for _, value in memory[tenth:2 * tenth])
    late = statistics.mean(value for _, value in memory[-tenth:])
    soak.check(abs(late / early - 1) <= 0.02, ("memory", early, late))
    if options.csv:
        with options.csv.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("seconds", "resident_bytes"), *((f"{t:.1f}", v) for t, v in memory)])
    if options.svg:
        draw(memory, planned, options.svg)
    print(f"{options.minutes:g} minutes, {sum(soak.counts.values())} requests: "
          + ", ".join(f"{kind} {count}" for kind, count in sorted(soak.counts.items())))
    print(f"resident {early / 1e6:.1f} MB in the second tenth, {late / 1e6:.1f} MB in the last ({late / early - 1:+.2%}); "
          f"most {max(v for _, v in memory) / 1e6:.1f} MB of {planned / 1e6:.1f} planned")
    print(f"{len(soak.faults)} faults")
    for fault in soak.faults[:20]:
        print(" ", fault)
    return 1 if soak.faults else 0


if __name__ == "__main__":
    sys.exit(main())
