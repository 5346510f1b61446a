#!/usr/bin/env python3
"""Hold the memory plan against the measured peak, and a limit below it against a refusal.

    python3 tests/models/memory_test.py --thimble BIN MODEL.gguf [MODEL.gguf ...] [-c 2048] [--prompt-tokens 512] [-n 64]

For each model: `plan --json` against `peak_rss_bytes` (VmHWM) of a run with a long prompt and of one with a short prompt, within
5%; peak at most file + KV + 120 MB; and `--memory-limit` one MB under the plan refused with exit code 3 in under a second.
"""
import argparse
import json
import os
import subprocess
import sys
import time

TOLERANCE = 0.05
OVERHEAD = 120_000_000


def run(command):
    r = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)
    return r.returncode, r.stdout, r.stderr


def measure(a, model):
    flags = ["-m", model, "-c", str(a.ctx_size), "-ctk", a.cache_type, "-ctv", a.cache_type]
    faults = []
    code, out, err = run([a.thimble, "plan", *flags, "--json"])
    if code not in (0, 3):
        return [f"plan exited {code}: {err.strip()}"]
    plan = json.loads(out)
    for tokens in (8, a.prompt_tokens):
        ids = ",".join(str(100 + i * 7 % 900) for i in range(tokens))
        code, out, err = run([a.thimble, "generate", *flags, "--ids", ids, "-n", str(a.predict), "--ignore-eos", "--temp", "0", "--json"])
        if code != 0:
            faults.append(f"generate exited {code}: {err.strip()}")
            continue
        peak = json.loads(out)["peak_rss_bytes"]
        ratio = peak / plan["total_bytes"]
        most = os.path.getsize(model) + plan["parts"]["kv"] + OVERHEAD
        print(f"{os.path.basename(model)}: prompt {tokens}: plan {plan['total_bytes'] / 1e6:.1f} MB, peak {peak / 1e6:.1f} MB, "
              f"peak / plan {ratio:.4f}, beyond file and KV {(peak - most + OVERHEAD) / 1e6:.1f} MB")
        if abs(ratio - 1) > TOLERANCE:
            faults.append(f"peak / plan is {ratio:.4f}")
        if peak > most:
            faults.append(f"peak {peak} is more than file + KV + {OVERHEAD}")
    start = time.monotonic()
    code, out, err = run([a.thimble, "generate", *flags, "-p", "x", "-n", "1", "--memory-limit", str(plan["total_bytes"] - 1_000_000)])
    seconds = time.monotonic() - start
    if code != 3 or seconds > 1 or out or len(err.strip().splitlines()) != 1:
        faults.append(f"a limit below the plan gave exit code {code} in {seconds:.2f} s, stdout {out!r}, stderr {err!r}")
    return faults


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--thimble", required=True)
    ap.add_argument("models", nargs="+")
    ap.add_argument("-c", "--ctx-size", type=int, default=2048)
    ap.add_argument("--cache-type", default="q8_0")
    ap.add_argument("--prompt-tokens", type=int, default=512)
    ap.add_argument("-n", "--predict", type=int, default=16)
    a = ap.parse_args()
    failed = 0
    for model in a.models:
        for fault in measure(a, model):
            failed += 1
            print(f"{os.path.basename(model)}: {fault}", file=sys.stderr)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
