#!/usr/bin/env python3
"""How far quantized models are from their reference, against a baseline: judged by llama.cpp's own llama-perplexity.

    python3 judge_quantization.py REFERENCE.gguf BASELINE.gguf CANDIDATE.gguf... --text FILE [--text FILE]...
        [--chunks 40] [--cache FOLDER] [--tool llama-perplexity] [--threads 2] [--json]

For each text the reference's logits are computed once into FOLDER (large: two bytes a vocabulary entry for every second token
position) and every other model's KL divergence to them by `llama-perplexity --kl-divergence`, 512-token chunks, the second
half of each scored. What it printed is kept in FOLDER by the file's name, size and time, so a baseline is measured once.

Printed for each candidate and text: mean KLD with the tool's error, its ratio to the baseline's with a 95% interval, bytes of
the file and their ratio. The interval is a bootstrap over chunks, the same chunks for both models (both met the same text, so
most of the scatter between chunks cancels). A chunk's own mean comes from the running means, which the tool prints to 1e-5; the
ratio itself is that of the final means. A candidate of more bytes than the baseline is marked, and the exit code is then 1.
"""
import argparse
import json
import os
import random
import re
import subprocess
import sys
from pathlib import Path

CONTEXT = 512
RESAMPLES = 10_000
TOOLS = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "thimble-peers/llama.cpp"
# "  12   ppl ± e   ln-ratio ± e   kld ± e   dp ± e %   same-top ± e %"
CHUNK_LINE = re.compile(r"^\s*(\d+)\s+\S+ ±\s+\S+\s+\S+ ±\s+\S+\s+(\S+) ±\s+\S+\s+\S+ ±\s+\S+ %\s+\S+ ±\s+\S+ %\s*$", re.M)
FIGURES = {
    "kld_mean": r"Mean\s+KLD:\s+(\S+)", "kld_error": r"Mean\s+KLD:\s+\S+ ±\s+(\S+)", "kld_median": r"Median\s+KLD:\s+(\S+)",
    "kld_p99_9": r"99\.9%\s+KLD:\s+(\S+)", "same_top": r"Same top p:\s+(\S+)", "ppl": r"Mean PPL\(Q\)\s+:\s+(\S+)",
    "ppl_reference": r"Mean PPL\(base\)\s+:\s+(\S+)",
}


def run_tool(arguments, model, text, logits, more=()):
    command = [str(arguments.tool), "-m", str(model), "-f", str(text), "-c", str(CONTEXT), "--chunks", str(arguments.chunks),
               "-t", str(arguments.threads), "--kl-divergence-base", str(logits), *more]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout[-2000:]}")
    return done.stdout


def file_key(path):
    status = path.stat()
    return f"{path.name}-{status.st_size}-{status.st_mtime_ns}"


def reference_logits(arguments, text):
    """Path of the reference's logits on `text`, computed when they are not there yet."""
    logits = arguments.cache / f"{file_key(arguments.reference)}.{file_key(text)}.{arguments.chunks}.logits"
    if not logits.exists():
        partial = logits.with_suffix(".partial")
        run_tool(arguments, arguments.reference, text, partial)
        partial.replace(logits)
    return logits


def parse_run(output, chunks):
    """Figures of a run, and "chunk_klds": each chunk's own mean KLD, from the running means."""
    figures = {}
    for name, pattern in FIGURES.items():
        found = re.search(pattern, output)
        if not found:
            sys.exit(f"llama-perplexity printed no {name}:\n{output[-2000:]}")
        figures[name] = float(found.group(1).rstrip("%"))
    running = [float(value) for _, value in CHUNK_LINE.findall(output)]
    if len(running) != chunks:
        sys.exit(f"llama-perplexity printed {len(running)} chunks, expected {chunks}: is the text long enough?")
    sums = [0.0] + [mean * count for count, mean in enumerate(running, 1)]
    figures["chunk_klds"] = [after - before for before, after in zip(sums, sums[1:])]
    return figures


def measure(arguments, model, text):
    """Figures of `model` on `text` against the reference."""
    kept = arguments.cache / f"{file_key(arguments.reference)}.{file_key(text)}.{arguments.chunks}.{file_key(model)}.txt"
    if not kept.exists():
        output = run_tool(arguments, model, text, reference_logits(arguments, text), ["--kl-divergence"])
        parse_run(output, arguments.chunks)
        partial = kept.with_suffix(".partial")
        partial.write_text(output, encoding="utf-8")
        partial.replace(kept)
    return parse_run(kept.read_text(encoding="utf-8"), arguments.chunks)


def ratio_interval(candidate, baseline):
    """95% interval of the ratio of two models' mean KLD over the same chunks, by a paired bootstrap."""
    chooser = random.Random(1)
    count = len(candidate)
    ratios = []
    for _ in range(RESAMPLES):
        chosen = chooser.choices(range(count), k=count)
        ratios.append(sum(candidate[i] for i in chosen) / sum(baseline[i] for i in chosen))
    ratios.sort()
    return ratios[round(0.025 * RESAMPLES)], ratios[round(0.975 * RESAMPLES) - 1]


def compare(arguments, model, text):
    baseline = measure(arguments, arguments.baseline, text)
    figures = measure(arguments, model, text)
    low, high = ratio_interval(figures.pop("chunk_klds"), baseline["chunk_klds"])
    size, limit = model.stat().st_size, arguments.baseline.stat().st_size
    return {"model": model.name, "text": text.name, **figures, "baseline_kld_mean": baseline["kld_mean"],
            "ratio": figures["kld_mean"] / baseline["kld_mean"], "ratio_low": low, "ratio_high": high,
            "bytes": size, "bytes_ratio": size / limit, "fits": size <= limit}


def print_row(row):
    note = "" if row["fits"] else "  OVER THE BASELINE'S BYTES"
    print(f"{row['model']:40} {row['text']:16} {row['kld_mean']:.6f} ± {row['kld_error']:.6f}  "
          f"{row['ratio']:.3f}x [{row['ratio_low']:.3f}, {row['ratio_high']:.3f}]  {row['same_top']:.2f}%  "
          f"ppl {row['ppl']:.3f} (reference {row['ppl_reference']:.3f})  {row['bytes']} ({row['bytes_ratio']:.4f}){note}",
          flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reference", type=Path)
    parser.add_argument("baseline", type=Path)
    parser.add_argument("candidates", type=Path, nargs="*")
    parser.add_argument("--text", type=Path, action="append", required=True, dest="texts")
    parser.add_argument("--chunks", type=int, default=40)
    parser.add_argument("--cache", type=Path, default=Path("judge-cache"))
    parser.add_argument("--tool", type=Path, default=TOOLS / "llama-perplexity")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    arguments = parser.parse_args()
    arguments.cache.mkdir(parents=True, exist_ok=True)
    all_fit = True
    if not arguments.json:
        print("model, text, mean KLD, ratio to the baseline [95%], same top token, perplexity, bytes (ratio)")
    for model in [arguments.baseline, *arguments.candidates]:
        for text in arguments.texts:
            row = compare(arguments, model, text)
            all_fit &= row["fits"]
            print(json.dumps(row), flush=True) if arguments.json else print_row(row)
    return 0 if all_fit else 1


if __name__ == "__main__":
    sys.exit(main())
