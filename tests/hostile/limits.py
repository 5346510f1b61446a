#!/usr/bin/env python3
"""Run the program with ever less address space: each run works, or ends in one line and exit code 1 or 3.

    python3 tests/hostile/limits.py --thimble BIN
"""
import argparse
import collections
import os
import resource
import subprocess
import sys
import tempfile

import base_models

STEP = 64 << 10
MOST = 40 << 20
VERBS = {"info": ["info", "FILE"], "plan": ["plan", "-m", "FILE"], "tokenize": ["tokenize", "-m", "FILE", "hello"],
         "generate": ["generate", "-m", "FILE", "-p", "hello", "-n", "2"], "chat": ["chat", "-m", "FILE", "-p", "hello", "-n", "2"],
         "chat --json": ["chat", "-m", "FILE", "-p", "hello", "-n", "2", "--json"],
         "logits": ["logits", "-m", "FILE", "-p", "hello", "--top", "3"]}


def run(command, bytes_of_space):
    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (bytes_of_space, bytes_of_space))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, preexec_fn=limit, timeout=60, check=False)


def least_to_start(thimble):
    """What the dynamic linker alone takes is no concern of the program's."""
    size = STEP
    while run([thimble, "version"], size).returncode not in (0, 3):
        size += STEP
    return size


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--thimble", required=True)
    thimble = parser.parse_args().thimble
    faults, codes = 0, collections.Counter()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.gguf")
        with open(path, "wb") as out:
            out.write(base_models.qwen2().build())
        least = least_to_start(thimble)
        for name, arguments in VERBS.items():
            # The plan's own check would refuse most of these sizes first.
            command = [thimble] + [path if part == "FILE" else part for part in arguments]
            command += [] if name in ("info", "tokenize") else ["--memory-limit", "4GB"]
            for size in range(least, MOST, STEP):
                done = run(command, size)
                message = done.stderr.decode("utf-8", "replace").strip()
                codes[done.returncode] += 1
                good = done.returncode == 0 or (done.returncode in (1, 3) and message.startswith("thimble: ") and "\n" not in message
                                                and not done.stdout)
                if not good:
                    faults += 1
                    print(f"FAULT {name} in {size >> 10} KiB: {done.returncode} {message[:300]}")
    print(f"{sum(codes.values())} runs from {least >> 10} KiB on, exit codes {dict(codes)}, {faults} faults")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
