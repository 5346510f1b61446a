#!/usr/bin/env python3
"""Write tests/data/measure/: what llama.cpp's llama-imatrix and llama-perplexity say of files of tests/support/tiny_cases.h.

    python3 tests/oracle/tiny_measures.py --writer build/release/bin/write_tiny_models --peers FOLDER

Needs: FOLDER with llama.cpp's tools; no packages. Written are the text and the tasks (random words, the same every time), importance
matrices as GGUF and one as .dat, the log-probabilities of tiny llama, and golden.json with what the tools printed: perplexity, the
statistics of llama-linear's divergence from llama, scores of the tasks; and the statistics of one block's tensors.
"""
import argparse
import json
import math
import pathlib
import random
import re
import struct
import subprocess
import tempfile

CHUNK, CHUNKS, TASKS, SELECTED, BLOCK = 64, 4, 36, 20, "3"
EXACT = ["-c", str(CHUNK), "-b", str(CHUNK), "-t", "1", "-fa", "off", "-ctk", "f32", "-ctv", "f32"]
WORDS = ("pump valve seal rotor check open close heat oil leak bolt turn left right slow fast hot cold gauge press line tank feed "
         "fuse wire drum belt gear shaft lamp").split()
ATTEMPTS = 40
IMATRICES = ("llama", "gemma", "qwen3-fused")


def words(rng, least, most):
    return " ".join(rng.choice(WORDS) for _ in range(rng.randint(least, most)))


def hellaswag(rng):
    for _ in range(TASKS):
        yield from (words(rng, 3, 6).capitalize() + ":", str(rng.randrange(4)), *(words(rng, 1, 5) + "." for _ in range(4)))


def winogrande(rng):
    for i in range(TASKS):
        # Every third has one token more than the gap's: too few to score only what follows it.
        sentence = f"{words(rng, 2, 4)}, so _ {words(rng, 1, 4)}" if i % 3 else f"{words(rng, 2, 4)} and _."
        if i % 4 == 0:
            sentence = f'"{sentence}"'
        elif "," in sentence:
            sentence = sentence.replace(",", "")
        first, second = rng.sample(WORDS if i % 3 else "ABCDEFGH", 2)
        yield f"{i},{sentence},{first},{second},{rng.choice('12')}"


def multiple_choice(rng):
    def text(value):
        return struct.pack("<I", len(value)) + value.encode()

    def answers(count):
        right = rng.randrange(count)
        return (struct.pack("<I", count) + b"".join(text(words(rng, 1, 3)) for _ in range(count))
                + struct.pack(f"<{count}i", *(int(i == right) for i in range(count))))

    tasks = [text(words(rng, 3, 6) + "?") + answers(rng.randint(2, 5)) + struct.pack("<I", 0) for _ in range(TASKS)]
    positions, at = [], 4 + 4 * TASKS
    for task in tasks:
        positions.append(at)
        at += len(task)
    return struct.pack(f"<{TASKS + 1}I", TASKS, *positions) + b"".join(tasks)


def run(peers, tool, model, *arguments, until=""):
    """What a tool printed. It may end before its log is written out: asked again until the pattern is there."""
    command = [peers / tool, "-m", model, *EXACT, *map(str, arguments)]
    for _ in range(ATTEMPTS):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stdout}"
        if re.search(until, done.stdout):
            return done.stdout
    raise SystemExit(f"{command}: no {until} in\n{done.stdout[-3000:]}")


def numbers(output, pattern):
    found = re.findall(pattern, output)
    assert found, (pattern, output[-3000:])
    last = found[-1]
    return [float(x) for x in (last if isinstance(last, tuple) else (last,))]


def divergence(output):
    pair = r"\s*([-\d.]+) ± +([\d.]+)"
    result = {name: numbers(output, pattern + pair)
              for name, pattern in (("ppl", r"Mean PPL\(Q\)\s*:"), ("ppl_reference", r"Mean PPL\(base\)\s*:"),
                                    ("log_ratio", r"Mean ln\(PPL\(Q\)/PPL\(base\)\)\s*:"),
                                    ("ratio", r"Mean PPL\(Q\)/PPL\(base\)\s*:"),
                                    ("difference", r"Mean PPL\(Q\)-PPL\(base\)\s*:"), ("kld", r"Mean    KLD:"),
                                    ("dp", r"Mean    Δp:"), ("dp_rms", r"RMS Δp    :"), ("same_top", r"Same top p:"))}
    result["correlation"] = numbers(output, r"Cor\(.*:\s*([\d.]+)%")[0]
    for name, unit in (("KLD", ""), ("Δp", "%")):
        result[f"{name} percentiles"] = {
            label: float(value) for label, value in
            re.findall(rf"^\s*(Maximum|[\d.]+%|Median|Minimum)\s+{name}:\s*([-\d.]+){unit}$", output, re.M)}
    return result


def mean_squares(dat):
    """Of each tensor of a .dat file."""
    at, means = 4, {}
    for _ in range(struct.unpack_from("<i", dat)[0]):
        length = struct.unpack_from("<i", dat, at)[0]
        name = dat[at + 4:at + 4 + length].decode()
        chunks, count = struct.unpack_from("<2i", dat, at + 4 + length)
        at += 12 + length
        means[name] = [value / chunks for value in struct.unpack_from(f"<{count}f", dat, at)]
        at += 4 * count
    return means


def statistics(means):
    """What llama-imatrix --show-statistics computes, in the order of its columns; this build of it ends before it has printed them."""
    rows = {}
    for name, values in means.items():
        if not name.startswith(f"blk.{BLOCK}."):
            continue
        total, n = sum(values), len(values)
        mean = total / n
        deviation = math.sqrt(max(0.0, sum(v * v for v in values) / n - mean * mean))
        entropy = -sum(v / total * math.log2(v / total) for v in values)
        before = means[name.replace(f"blk.{BLOCK}.", f"blk.{int(BLOCK) - 1}.")]
        cosine = sum(a * b for a, b in zip(values, before)) / math.sqrt(sum(a * a for a in values) * sum(b * b for b in before))
        rows[name] = {"sum": total, "min": min(values), "max": max(values), "mean": mean, "stddev": deviation,
                      "active": sum(v > 1e-5 for v in values) / n, "entropy": entropy, "entropy_share": entropy / math.log2(n),
                      "outliers": sum((v - mean) / deviation > 1 for v in values) / n, "similarity": cosine}
    return rows


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--writer", required=True)
    parser.add_argument("--peers", required=True, type=pathlib.Path)
    arguments = parser.parse_args()
    out = pathlib.Path(__file__).parent.parent / "data" / "measure"
    out.mkdir(exist_ok=True)
    rng = random.Random(1)
    text = words(rng, 120, 120)[:CHUNK * (CHUNKS + 1)]
    (out / "text.txt").write_text(text)
    (out / "hellaswag.txt").write_text("\n".join(hellaswag(rng)) + "\n")
    # llama.cpp takes one line feed off a text's end, then leaves out the last line of a CSV that does not end in one.
    (out / "winogrande.csv").write_text("\n".join(winogrande(rng)) + "\n\n")
    (out / "choices.bin").write_bytes(multiple_choice(rng))
    golden = {"chunk": CHUNK, "chunks": CHUNKS, "selected": SELECTED, "block": int(BLOCK)}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        subprocess.run([arguments.writer, folder], check=True, stdout=subprocess.DEVNULL)
        llama, other = folder / "llama.gguf", folder / "llama-linear.gguf"

        def tool(*rest, until=""):
            return run(arguments.peers, *rest, until=until)

        def figures(pattern, *rest):
            return numbers(tool(*rest, until=pattern), pattern)

        for family in IMATRICES:
            tool("llama-imatrix", folder / f"{family}.gguf", "-f", out / "text.txt", "--chunks", CHUNKS, "--process-output",
                 "-o", out / f"{family}.imatrix.gguf")
        ppl = r"PPL = ([\d.]+) \+/- ([\d.]+)"
        golden["imatrix_ppl"] = figures(ppl, "llama-imatrix", llama, "-f", out / "text.txt", "--chunks", CHUNKS, "--output-format",
                                        "dat", "-o", out / "llama.imatrix.dat")
        golden["statistics"] = statistics(mean_squares((out / "llama.imatrix.dat").read_bytes()))
        golden["ppl"] = figures(ppl, "llama-perplexity", llama, "-f", out / "text.txt", "--chunks", CHUNKS,
                                "--kl-divergence-base", out / "llama.kld")
        golden["divergence"] = divergence(tool("llama-perplexity", other, "--kl-divergence", "--kl-divergence-base",
                                               out / "llama.kld", until="Same top p: .*"))
        for count in (TASKS, SELECTED):
            scores = golden[f"scores_{'all' if count == TASKS else 'selected'}"] = {}
            # Tasks are run several at once, and all of one must fit.
            more = ("-c", 512, "-b", 512)
            start = rf"(?m)^(?:[\d.]+ I )?{count}\t\s*"
            scores["hellaswag"] = figures(start + r"([\d.]+)%\s+\[([\d.]+)%, ([\d.]+)%\]", "llama-perplexity", llama,
                                          "--hellaswag", "-f", out / "hellaswag.txt", "--hellaswag-tasks", count, *more)
            scores["winogrande"] = figures(start + r"([\d.]+)\t.*", "llama-perplexity", llama, "--winogrande", "-f",
                                           out / "winogrande.csv", "--winogrande-tasks", count, *more)
            scores["multiple-choice"] = figures(start + r"([\d.]+)$", "llama-perplexity", llama, "--multiple-choice", "-bf",
                                                out / "choices.bin", "--multiple-choice-tasks", count, *more, "-np", 8)
    (out / "golden.json").write_text(json.dumps(golden, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
