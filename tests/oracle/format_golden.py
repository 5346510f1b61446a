#!/usr/bin/env python3
"""Makes tests/data/quant/formats.gguf, a small llama model with every codebook, ternary and microscaling format among its matrices,
and formats_logits.npy, what llama.cpp says of it: float32 [POSITIONS, vocabulary], log-probabilities after tokens
CONTEXT / 2 .. CONTEXT - 2 of TEXT. Prints by how much llama.cpp's own configurations differ from it, largest and RMS.

  python tests/oracle/format_golden.py LLAMA_PERPLEXITY tests/data/quant     (pip install gguf numpy)
"""
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from gguf.constants import GGMLQuantizationType as T

from format_files import write_model

FORMATS = [T.IQ3_S, T.IQ3_XXS, T.IQ2_S, T.IQ2_XS, T.IQ2_XXS, T.IQ1_M, T.IQ1_S, T.TQ2_0, T.TQ1_0, T.MXFP4]
CONTEXT = 64
TEXT = "Every codebook has its own numbers, and each of them is met somewhere in these few matrices of a model that says nothing. " * 2
VARIANTS = [[], ["-fa", "off"], ["--no-repack"], ["-fa", "off", "--no-repack"]]


def read_log_probabilities(path):
    """llama-perplexity's file: 16 bits a token between a row's smallest log-probability and its scale above that."""
    data = pathlib.Path(path).read_bytes()
    assert data[:8] == b"_logits_"
    context, vocabulary, chunks = np.frombuffer(data, "<i4", 3, 8)
    tokens = np.frombuffer(data, "<i4", context * chunks, 20)
    width = 2 * ((vocabulary + 1) // 2) + 4
    rows = np.frombuffer(data, "<u2", offset=20 + 4 * context * chunks).reshape(-1, width)
    scale, smallest = rows[:, :4].copy().view("<f4").T
    return tokens, scale[:, None] * rows[:, 4:4 + vocabulary].astype(np.float32) + smallest[:, None]


def log_probabilities(perplexity, model, text, flags):
    with tempfile.NamedTemporaryFile() as out:
        subprocess.run([perplexity, "-m", model, "-f", text, "-c", str(CONTEXT), "-b", str(CONTEXT), "--chunks", "1", "-t", "1",
                        "--kl-divergence-base", out.name, *flags], check=True, capture_output=True)
        return read_log_probabilities(out.name)


def main():
    perplexity, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    model = folder / "formats.gguf"
    write_model(model, "golden", FORMATS, 1)
    with tempfile.NamedTemporaryFile("w") as text:
        text.write(TEXT)
        text.flush()
        runs = [log_probabilities(perplexity, model, text.name, flags) for flags in VARIANTS]
    tokens, golden = runs[0]
    print("tokens", tokens.tolist())
    for flags, (_, other) in zip(VARIANTS[1:], runs[1:]):
        difference = other - golden
        print(" ".join(flags), "largest", np.abs(difference).max(), "RMS", np.sqrt((difference**2).mean()))
    np.save(folder / "formats_logits.npy", golden.astype("<f4"))


main()
