#!/usr/bin/env python3
"""Throughput and time to the first token of `thimble serve` and llama-server: the same file, the same load, in turns.

    python3 serve_bench.py MODEL.gguf --thimble BINARY [--llama-server BINARY] [--streams 1,2,4,8] [--rounds 3] [--requests 3]
        [--prompt-words 120] [--tokens 64] [--json OUT.json]

N streams at once each ask their requests one behind another; every prompt begins otherwise, so that nothing is found in a cache.
Answers run to their full length. Both servers have as many slots as the most streams, 2,048 tokens of context each, keys and values
in q8_0 and flash attention, and as many threads as the machine has cores. Servers take turns within a round; figures are medians of
the rounds (tokens/s of all streams) and percentiles over all requests (time to the first token). Needs no package.
"""
import argparse
import http.client
import json
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

WORDS = ("pump valve bearing seal pressure motor gauge filter shaft flange rotor tank hose oil water heat alarm sensor level "
         "speed torque bolt gasket panel relay fuse cable switch meter nozzle").split()


class Peer:
    def __init__(self, name, command, port):
        self.name, self.port = name, port
        self.log = tempfile.NamedTemporaryFile("w+")
        self.process = subprocess.Popen([str(part) for part in command], stdout=self.log, stderr=self.log)
        for _ in range(600):
            try:
                if self.get("/health") == 200:
                    return
            except OSError:
                pass
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        raise SystemExit(f"{name} did not start: " + Path(self.log.name).read_text()[-800:])

    def get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        connection.request("GET", path)
        status = connection.getresponse().status
        connection.close()
        return status

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def answer(self, prompt, tokens):
        """(seconds to the first token, tokens)"""
        body = json.dumps({"messages": [{"role": "user", "content": prompt}], "max_tokens": tokens, "temperature": 0, "ignore_eos": True,
                           "stream": True, "stream_options": {"include_usage": True}})
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        start = time.monotonic()
        connection.request("POST", "/v1/chat/completions", body, {"Content-Type": "application/json"})
        reply = connection.getresponse()
        if reply.status != 200:
            raise SystemExit(f"{self.name}: {reply.status} {reply.read()[:300]}")
        first, usage = None, None
        for line in reply:
            if not line.startswith(b"data: {"):
                continue
            event = json.loads(line[6:])
            delta = event["choices"][0]["delta"] if event["choices"] else {}
            if first is None and (delta.get("content") or delta.get("reasoning_content")):
                first = time.monotonic() - start
            usage = event.get("usage") or usage
        connection.close()
        return first, usage["completion_tokens"]


def load(peer, streams, options, dice):
    """(tokens a second of all streams, seconds to the first token of each request)"""
    prompts = [[" ".join(dice.choice(WORDS) for _ in range(options.prompt_words)) for _ in range(options.requests)] for _ in range(streams)]
    firsts, counts, lock = [], [], threading.Lock()

    def run(mine):
        for prompt in mine:
            first, count = peer.answer(prompt, options.tokens)
            with lock:
                firsts.append(first)
                counts.append(count)

    threads = [threading.Thread(target=run, args=(mine,)) for mine in prompts]
    start = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.monotonic() - start), firsts


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--thimble", required=True)
    parser.add_argument("--llama-server")
    parser.add_argument("--streams", default="1,2,4,8")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--requests", type=int, default=3)
    parser.add_argument("--prompt-words", type=int, default=120)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    streams = [int(n) for n in options.streams.split(",")]
    most, port = max(streams), free_port()
    peers = [Peer("thimble", [options.thimble, "serve", "-m", options.model, "--port", port, "-np", most, "-c", 2048, "-t", options.threads], port)]
    if options.llama_server:
        port = free_port()
        peers.append(Peer("llama-server", [options.llama_server, "-m", options.model, "--port", port, "-np", most, "-c", 2048 * most, "-t", options.threads, "-tb", options.threads,
                                           "-ctk", "q8_0", "-ctv", "q8_0", "-fa", "on", "--no-webui"], port))
    dice = random.Random(1)
    speeds, firsts = {}, {}
    try:
        for peer in peers:
            load(peer, 1, options, dice)  # the file is read, the threads are there
        for n in streams:
            for _ in range(options.rounds):
                for peer in peers:
                    speed, times = load(peer, n, options, dice)
                    speeds.setdefault((peer.name, n), []).append(speed)
                    firsts.setdefault((peer.name, n), []).extend(times)
                    print(f"{peer.name:>12} {n} streams {speed:7.1f} tok/s", file=sys.stderr)
    finally:
        for peer in peers:
            peer.stop()
    rows = [{"server": name, "streams": n, "tokens_per_second": statistics.median(speeds[name, n]),
             "of_one_stream": statistics.median(speeds[name, n]) / statistics.median(speeds[name, streams[0]]),
             "first_token_p50_ms": 1e3 * percentile(firsts[name, n], 0.5), "first_token_p95_ms": 1e3 * percentile(firsts[name, n], 0.95)}
            for n in streams for name in dict.fromkeys(peer.name for peer in peers)]
    print("| streams | server | tokens/s | of one stream | first token p50 | p95 |\n|---|---|---|---|---|---|")
    for row in rows:
        print(f"| {row['streams']} | {row['server']} | {row['tokens_per_second']:.1f} | {row['of_one_stream']:.2f}x | {row['first_token_p50_ms']:.0f} ms | {row['first_token_p95_ms']:.0f} ms |")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
