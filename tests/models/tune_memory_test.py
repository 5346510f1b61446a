#!/usr/bin/env python3
"""What `thimble plan --train` says a run will take, and `tune` says of itself, against its measured peak, on real models.

    python3 tests/models/tune_memory_test.py --thimble build/release/bin/thimble MODEL.gguf...
"""
import argparse
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile

TOKENS, TOLERANCE = 512, 0.05


def measure(thimble, model, optimizer, folder):
    data = folder / "data.jsonl"
    ids = [random.Random(1).randrange(1000, 40000) for _ in range(TOKENS + 1)]
    data.write_text(json.dumps({"ids": ids, "labels": ids}) + "\n", encoding="utf-8")
    size = ["--max-length", str(TOKENS), "--optimizer", optimizer]
    plan = json.loads(subprocess.run([thimble, "plan", "-m", model, "--train", *size, "--json"], check=True,
                                     stdout=subprocess.PIPE).stdout)
    planned = plan["total_bytes"]
    process = subprocess.Popen([thimble, "tune", "-m", model, "--data", data, "-o", folder / "out.gguf", "--steps", "1",
                                *size, "-v"], text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = float(re.search(r"([0-9]+) MB planned", process.stderr.read()).group(1)) * 1e6
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, status
    # What the process has before it opens the model differs by a few pages.
    assert abs(said - planned) < 3e6, (said, planned)
    return planned, usage.ru_maxrss * 1024


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--thimble", required=True)
    ap.add_argument("models", nargs="+")
    a = ap.parse_args()
    failed = False
    for model in a.models:
        for optimizer in ("adamw", "adamw8"):
            with tempfile.TemporaryDirectory() as folder:
                planned, peak = measure(a.thimble, model, optimizer, pathlib.Path(folder))
            bad = abs(peak / planned - 1) > TOLERANCE
            failed |= bad
            print(f"{pathlib.Path(model).name} {optimizer}: planned {planned / 1e6:.0f} MB, peak {peak / 1e6:.0f} MB"
                  f"{', outside 5%' if bad else ''}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
