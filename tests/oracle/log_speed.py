#!/usr/bin/env python3
"""Speed and memory of `thimble summarize` without a model on generated logs.

usage: log_speed.py THIMBLE [MEGABYTES]

Writes logs of that size (1000) to the folder for temporary files, one after the other, and removes them: readings (the FieldOps pump log with
new times), messages (the logs of tests/data/logs in turn), words that never repeat, and one line. Prints processor time of the program, bytes a
second of it, and peak memory.
"""
import datetime
import pathlib
import random
import resource
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]


def readings():
    lines = (ROOT / "examples/fieldops/logs/pump-cp40.log").read_text(encoding="utf-8").splitlines()
    time = datetime.datetime(2026, 3, 2)
    while True:
        for line in lines:
            time += datetime.timedelta(seconds=1)
            yield "%s %s\n" % (time.isoformat(), line[16:])


def messages():
    logs = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "tests/data/logs").glob("*-clean.*"))]
    while True:
        yield from logs


def words():
    draw = random.Random(1)
    letters = "abcdefghijklmnopqrstuvwxyz"
    while True:
        yield "2026-03-02 04:18:57 INFO %s\n" % " ".join("".join(draw.choices(letters, k=6)) for _ in range(12))


def one_line():
    while True:
        yield "x" * 65536


def measure(thimble, name, source, size):
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".log") as file:
        written = 0
        for text in source:
            file.write(text)
            written += len(text)
            if written >= size:
                break
        file.flush()
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        script = ("import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL); "
                  "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)")
        peak = subprocess.run([sys.executable, "-c", script, thimble, "summarize", "-f", file.name], check=True, capture_output=True, text=True).stdout
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        print("%-10s %6.0f MB %7.2f s %6.0f MB/s %6.1f MB peak" % (name, written / 1e6, seconds, written / 1e6 / seconds, int(peak) / 1024), flush=True)


def main():
    thimble = sys.argv[1]
    size = int(sys.argv[2] if len(sys.argv) > 2 else 1000) * 1_000_000
    measure(thimble, "readings", readings(), size)
    measure(thimble, "messages", messages(), size)
    measure(thimble, "words", words(), size // 10)
    measure(thimble, "one line", one_line(), size)


if __name__ == "__main__":
    main()
