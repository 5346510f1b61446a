#!/usr/bin/env python3
"""Run the program on hostile and odd files and hold every run to the rules.

    python3 tests/hostile/run.py --thimble BIN [--folder FOLDER] [--category NAME] [--verbose]

Makes the files of make_files.py (in a temporary folder unless --folder says where they stay) and runs info, plan, tokenize,
generate and chat on each, two at a time, in 6 GiB of address space and 20 seconds. The rules: no crash and no hang; a refusal has exit
code 1 to 5, nothing on standard output and one line on standard error that names the file and, where the manifest says so, the
fault; a file that must be refused is, by every verb that has to look at the fault; a file that must run does, with every verb.
"""
import argparse
import collections
import concurrent.futures
import os
import resource
import subprocess
import sys
import tempfile
import time

import base_models
import make_files

SECONDS = 20
ADDRESS_SPACE = 6 << 30
PROMPT = "hello"
ARGUMENTS = {"info": ["info", "FILE"], "plan": ["plan", "-m", "FILE"], "tokenize": ["tokenize", "-m", "FILE", PROMPT],
             "generate": ["generate", "-m", "FILE", "-p", PROMPT, "-n", "1"],
             "chat": ["chat", "-m", "FILE", "-p", PROMPT, "-n", "1"],
             "generate-lora": ["generate", "-m", "BASE", "--lora", "FILE", "-p", PROMPT, "-n", "1"]}
MODEL_VERBS = ("info", "plan", "tokenize", "generate", "chat")
ADAPTER_VERBS = ("info", "plan", "generate", "chat", "generate-lora")


def limit():
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def start(thimble, verb, path, base):
    command = [thimble] + [{"FILE": path, "BASE": base}.get(part, part) for part in ARGUMENTS[verb]]
    begin = time.monotonic()
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS, preexec_fn=limit, check=False)
    except subprocess.TimeoutExpired:
        return None, b"", b"", SECONDS
    return done.returncode, done.stdout, done.stderr, time.monotonic() - begin


def faults_of(entry, verb, path, code, out, error):
    """What of the rules one run breaks."""
    if code is None:
        return ["does not end"]
    message = error.decode("utf-8", "replace").strip()
    if code < 0 or code > 5:
        return [f"crashed: {code} {message}"]
    if code == 0:
        must_refuse = entry["expect"] == "refuse" and verb in entry["verbs"]
        return ["accepted"] if must_refuse else []
    faults = []
    if entry["expect"] == "run":
        faults.append(f"refused: {message}")
    if out:
        faults.append(f"wrote {len(out)} bytes to standard output")
    if message.count("\n") > 0 or not message.startswith("thimble: "):
        faults.append(f"not one line: {message}")
    if os.path.basename(path) not in message:
        faults.append(f"does not name the file: {message}")
    if any(ord(c) < 32 or ord(c) == 127 for c in message.replace("\n", "")):
        faults.append(f"control characters: {message!r}")
    if entry["expect"] == "refuse" and verb in entry["verbs"]:
        said = message.replace(path, "").lower()
        faults += [f"does not say '{word}': {message}" for word in entry["words"] if word.lower() not in said]
    return faults


def run_all(thimble, folder, manifest, base):
    def check(entry):
        path = os.path.join(folder, entry["file"])
        adapters = entry["category"] == "adapters"
        results = []
        for verb in ADAPTER_VERBS if adapters else MODEL_VERBS:
            if adapters and verb not in entry["verbs"] and verb != "info":
                continue
            code, out, error, seconds = start(thimble, verb, path, base)
            results.append((verb, faults_of(entry, verb, path, code, out, error), seconds, error))
        return entry, results

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        yield from pool.map(check, manifest)


def takes_adapters(thimble):
    return "--lora" in subprocess.run([thimble, "generate", "--help"], capture_output=True, text=True, check=True).stdout


def report(results, verbose):
    count, bad, runs = collections.Counter(), collections.Counter(), collections.Counter()
    slowest = (0.0, "")
    for entry, verbs in results:
        count[entry["category"]] += 1
        broken = False
        for verb, faults, seconds, error in verbs:
            runs[entry["category"]] += 1
            slowest = max(slowest, (seconds, f"{entry['file']} {verb}"))
            broken = broken or bool(faults)
            for fault in faults:
                print(f"FAULT {entry['file']} {verb}: {fault[:400]}")
            if verbose and error:
                print(f"{entry['file']} {verb}: {error.decode('utf-8', 'replace').strip()}")
        bad[entry["category"]] += broken
    print(f"{'category':<18}{'files':>7}{'runs':>7}{'as ruled':>10}")
    for category, files in count.items():
        print(f"{category:<18}{files:>7}{runs[category]:>7}{files - bad[category]:>10}")
    print(f"slowest: {slowest[0]:.2f} s, {slowest[1]}")
    passed, failed = sum(count.values()) - sum(bad.values()), sum(bad.values())
    print(f"hostile files: {passed} passed, {failed} failed")
    return failed == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--thimble", required=True)
    parser.add_argument("--folder")
    parser.add_argument("--category")
    parser.add_argument("--verbose", action="store_true", help="show every message")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or temporary
        manifest = make_files.make(folder, takes_adapters(arguments.thimble))
        base = os.path.join(folder, "base.gguf")
        with open(base, "wb") as out:
            out.write(base_models.llama().build())
        chosen = [entry for entry in manifest if arguments.category in (None, entry["category"])]
        sys.exit(0 if report(run_all(arguments.thimble, folder, chosen, base), arguments.verbose) else 1)


if __name__ == "__main__":
    main()
