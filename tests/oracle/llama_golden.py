#!/usr/bin/env python3
"""Write tests/data/llama_cpp/{greedy,perplexity}.json: what llama.cpp says for the real models, as a reference for Thimble.

    python3 tests/oracle/llama_golden.py --tools DIR --models DIR --text FILE [--only greedy|perplexity]

--tools: folder with llama-completion and llama-perplexity; --models: folder with <name>/<file>.gguf (tools/fetch_model.py);
--text: the plain text of the Debian handbook (tools/fetch_model.py handbook), of which the first BYTES bytes are used.
"""
import argparse
import json
import pathlib
import re
import subprocess

NAMES = ("smollm2-135m", "qwen2.5-coder-0.5b", "gemma-3-270m")
TOKENS = 48
CHUNK = 512
BYTES = 60000  # a little over 8,000 scored and unscored tokens with any of the three vocabularies
CHUNKS = 16    # of 512: 8,192 tokens
PROMPTS = [
    "The capital of France is",
    "A centrifugal pump loses prime when",
    "def fibonacci(n):",
    "The three laws of thermodynamics are",
    "To replace the air filter, first",
    "Once upon a time in a small village,",
    "Water boils at a temperature of",
    "The difference between a fuse and a circuit breaker is",
    "SELECT name, price FROM products WHERE",
    "Safety instructions: before opening the cabinet,",
    "In 1969, the first humans",
    "The error code E42 means that",
    "List of common hydraulic faults:\n1.",
    "Question: What does a pressure relief valve do?\nAnswer:",
    "Bonjour, je voudrais",
    "The quick brown fox",
    "import numpy as np\n\n",
    "Temperature readings rose from 20 to 85 degrees, therefore",
    "My favourite season is autumn because",
    "{\"machine\": \"conveyor\", \"status\":",
]


def model_file(models, name):
    return next((models / name).glob("*.gguf"))


# llama.cpp's own configurations, which compute the same thing in another order. Where they disagree, rounding decides.
VARIANTS = {"default": [], "no flash attention": ["-fa", "off"], "no repacking": ["--no-repack"]}


def continuation(tools, model, prompt, flags):
    r = subprocess.run([tools / "llama-completion", "-m", model, "-p", prompt, "-n", str(TOKENS), "--temp", "0",
                        "--no-display-prompt", "-no-cnv", "--no-escape", "--no-warmup", "-t", "1", *flags],
                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, check=True)
    return r.stdout.decode("utf-8", "replace").rstrip("\n").removesuffix(" [end of text]").rstrip("\n")


def greedy(tools, models):
    result = {"tokens": TOKENS, "prompts": PROMPTS, "models": {}}
    for name in NAMES:
        model = model_file(models, name)
        result["models"][name] = {variant: [continuation(tools, model, prompt, flags) for prompt in PROMPTS]
                                  for variant, flags in VARIANTS.items()}
    return result


def perplexity(tools, models, text):
    result = {"bytes": BYTES, "chunk": CHUNK, "chunks": CHUNKS, "models": {}}
    sample = pathlib.Path("perplexity-sample.txt")
    sample.write_bytes(text.read_bytes()[:BYTES].decode("utf-8", "ignore").encode())
    for name in NAMES:
        r = subprocess.run([tools / "llama-perplexity", "-m", model_file(models, name), "-f", sample, "-c", str(CHUNK),
                            "--chunks", str(CHUNKS), "-t", "2"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True)
        out = r.stdout.decode("utf-8", "replace")
        ppl, error = re.search(r"Final estimate: PPL = ([0-9.]+) \+/- ([0-9.]+)", out).groups()
        result["models"][name] = {"ppl": float(ppl), "error": float(error)}
    sample.unlink()
    return result


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--tools", type=pathlib.Path, required=True)
    ap.add_argument("--models", type=pathlib.Path, required=True)
    ap.add_argument("--text", type=pathlib.Path)
    ap.add_argument("--only", choices=("greedy", "perplexity"))
    a = ap.parse_args()
    out = pathlib.Path(__file__).resolve().parent.parent / "data" / "llama_cpp"
    out.mkdir(parents=True, exist_ok=True)
    if a.only != "perplexity":
        (out / "greedy.json").write_text(json.dumps(greedy(a.tools, a.models), indent=1, ensure_ascii=False) + "\n")
    if a.only != "greedy":
        (out / "perplexity.json").write_text(json.dumps(perplexity(a.tools, a.models, a.text), indent=1) + "\n")


if __name__ == "__main__":
    main()
