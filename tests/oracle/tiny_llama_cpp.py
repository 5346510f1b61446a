#!/usr/bin/env python3
"""Write tests/data/llama_cpp/tiny_<case>.npy: log-probabilities that llama.cpp gives on the files of tests/support/tiny_cases.h.

    python3 tests/oracle/tiny_llama_cpp.py --writer build/release/bin/write_tiny_models --llama-perplexity PATH [CASE...]

Needs: pip install numpy, and llama.cpp's llama-perplexity, which saves the log-probabilities of the second half of a chunk, each
row as a minimum, a step and 16-bit codes. Every fourth row is kept. The text is 64 visible
characters, each the token of its byte.
"""
import argparse
import pathlib
import struct
import subprocess
import tempfile

import numpy as np

CHUNK, KEPT = 64, 4
TEXT = "".join(chr(33 + (i * 29 + 7) % 94) for i in range(CHUNK))


def log_probabilities(tool, model, folder):
    text, base = folder / "text", folder / "base"
    text.write_text(TEXT * 2)  # the tool wants two chunks at least
    subprocess.run([tool, "-m", model, "-f", text, "-c", str(CHUNK), "-b", str(CHUNK), "--chunks", "1", "-t", "1",
                    "-ctk", "f32", "-ctv", "f32", "-fa", "off", "--kl-divergence-base", base], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    raw = base.read_bytes()
    assert raw[:8] == b"_logits_", raw[:8]
    context, vocabulary, chunks = struct.unpack_from("<3i", raw, 8)
    assert context == CHUNK
    tokens = np.frombuffer(raw, np.int32, chunks * CHUNK, 20)
    assert list(tokens[:CHUNK]) == [ord(c) for c in TEXT], list(tokens[:CHUNK])
    row = 2 * ((vocabulary + 1) // 2 + 2)  # 16-bit words
    rows = np.frombuffer(raw, np.uint16, (CHUNK - 1 - CHUNK // 2) * row, 20 + tokens.nbytes).reshape(-1, row)
    scales = rows[:, :4].copy().view(np.float32)
    return (scales[:, 1:2] + scales[:, 0:1] * rows[:, 4:4 + vocabulary]).astype(np.float32)[::KEPT]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--writer", required=True)
    parser.add_argument("--llama-perplexity", required=True)
    parser.add_argument("cases", nargs="*")
    arguments = parser.parse_args()
    out = pathlib.Path(__file__).parent.parent / "data" / "llama_cpp"
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        subprocess.run([arguments.writer, folder], check=True)
        for model in sorted(folder.glob("*.gguf")):
            if arguments.cases and model.stem not in arguments.cases:
                continue
            if model.stem.startswith(("bert", "nomic-bert", "gemma-embedding")):  # encoders
                continue
            if model.stem == "phi3":  # llama.cpp switches its window off
                continue
            rows = log_probabilities(arguments.llama_perplexity, model, folder)
            np.save(out / f"tiny_{model.stem}.npy", rows)
            print(model.stem, rows.shape, float(rows.min()), float(rows.max()))


if __name__ == "__main__":
    main()
