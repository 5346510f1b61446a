#!/usr/bin/env python3
"""Hold the memory plan against the measured peak, and a limit below it against a refusal.

    python3 tests/models/memory_test.py --thimble BIN MODEL.gguf [MODEL.gguf ...] [-c 2048] [--prompt-tokens 512] [-n 64]
    python3 tests/models/memory_test.py --thimble BIN --writer build/release/bin/write_tiny_models

For each model: `plan --json` against `peak_rss_bytes` (VmHWM) of a run with a long prompt and of one with a short prompt, within
5%; peak at most file + KV + 120 MB; and `--memory-limit` one MB under the plan refused with exit code 3 in under a second.
With --writer the models are random ones, some 70 MB, of every family of the registry.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

TOLERANCE = 0.05
OVERHEAD = 120_000_000


def run(command):
    r = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)
    return r.returncode, r.stdout, r.stderr


def run_model(a, flags, tokens, makes):
    if makes == "embeddings":
        flags = flags[:4] + flags[8:]  # there is no cache whose types could be chosen
        return run([a.thimble, "embed", *flags, "x" * (tokens - 2), "y" * (tokens // 2), "--pooling", "mean", "--json"])
    ids = ",".join(str(100 + i * 7 % 900) for i in range(tokens))
    return run([a.thimble, "generate", *flags, "--ids", ids, "-n", str(a.predict), "--ignore-eos", "--temp", "0", "--json"])


def measure(a, model, makes="text"):
    flags = ["-m", model, "-c", str(a.ctx_size), "-ctk", a.cache_type, "-ctv", a.cache_type]
    faults = []
    code, out, err = run([a.thimble, "plan", *flags, "--json"])
    if code not in (0, 3):
        return [f"plan exited {code}: {err.strip()}"]
    plan = json.loads(out)
    for tokens in (8, a.prompt_tokens):
        code, out, err = run_model(a, flags, tokens, makes)
        if code != 0:
            faults.append(f"a run exited {code}: {err.strip()}")
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
    limited = [*flags, "--memory-limit", str(plan["total_bytes"] - 1_000_000)]
    code, out, err = run_model(a, limited, 8, makes)
    seconds = time.monotonic() - start
    if code != 3 or seconds > 1 or out or len(err.strip().splitlines()) != 1:
        faults.append(f"a limit below the plan gave exit code {code} in {seconds:.2f} s, stdout {out!r}, stderr {err!r}")
    return faults


def measure_families(a):
    """Yields (name, faults) for a model of each family, of which one is on the disk at a time."""
    with tempfile.TemporaryDirectory() as folder:
        names = subprocess.run([a.writer, folder], check=True, capture_output=True, text=True).stdout.splitlines()
        families = [line.split()[0] for line in names]
        for family in families:
            made = subprocess.run([a.writer, folder, "--large", family.removesuffix(".gguf")], check=True,
                                  capture_output=True, text=True).stdout.split()
            if made:
                yield family, measure(a, os.path.join(folder, made[0]), made[1])
                os.remove(os.path.join(folder, made[0]))


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--thimble", required=True)
    ap.add_argument("--writer")
    ap.add_argument("models", nargs="*")
    ap.add_argument("-c", "--ctx-size", type=int, default=2048)
    ap.add_argument("--cache-type", default="q8_0")
    ap.add_argument("--prompt-tokens", type=int, default=512)
    ap.add_argument("-n", "--predict", type=int, default=16)
    a = ap.parse_args()
    failed = 0
    measured = [(os.path.basename(model), measure(a, model)) for model in a.models]
    measured += measure_families(a) if a.writer else []
    for name, faults in measured:
        for fault in faults:
            failed += 1
            print(f"{name}: {fault}", file=sys.stderr)
    if not measured:
        sys.exit("nothing to measure: give models or --writer")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
