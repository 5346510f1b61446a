#!/usr/bin/env python3
"""Sentence embeddings of all-MiniLM-L6-v2 against those that transformers makes of the published checkpoint.

    python3 tests/models/embedding_test.py --thimble BIN --checkpoint FOLDER

The GGUF file is what `thimble convert` makes of the checkpoint. Float32: both sides add products in another order, cosines of at least
0.999999, and the same bytes for a text alone and among others. 16 bits: 0.9999.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "oracle"))
import minilm  # noqa: E402

LEAST_COSINE = 0.999999
LEAST_COSINE_OF_HALVES = 0.9999


def embed(thimble, model, out, *arguments, text=None):
    subprocess.run([thimble, "embed", "-m", model, "--out", out, *arguments], check=True, input=text, text=True)
    return np.load(out)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--thimble", required=True)
    parser.add_argument("--checkpoint", required=True, type=pathlib.Path)
    arguments = parser.parse_args()
    golden = np.load(pathlib.Path(__file__).parent.parent / "data" / "model" / "minilm.npy")
    with tempfile.TemporaryDirectory() as folder:
        model, out = f"{folder}/minilm.gguf", f"{folder}/vectors.npy"
        halves = f"{folder}/minilm-f16.gguf"
        for path, kind in ((model, "f32"), (halves, "f16")):
            subprocess.run([arguments.thimble, "convert", str(arguments.checkpoint), "--outfile", path, "--outtype", kind], check=True)
        vectors = embed(arguments.thimble, model, out, text="\n".join(minilm.TEXTS) + "\n")
        assert vectors.shape == golden.shape, (vectors.shape, golden.shape)
        cosines = (vectors * golden).sum(1)
        print(f"cosine to transformers: least {cosines.min():.8f}, largest difference {np.abs(vectors - golden).max():.2e}")
        assert np.abs(np.linalg.norm(vectors, axis=1) - 1).max() < 1e-6
        assert cosines.min() >= LEAST_COSINE, cosines
        cosines = (embed(arguments.thimble, halves, out, text="\n".join(minilm.TEXTS) + "\n") * golden).sum(1)
        print(f"16 bits: least {cosines.min():.8f}")
        assert cosines.min() >= LEAST_COSINE_OF_HALVES, cosines
        for i in (0, 5, 9):
            alone = embed(arguments.thimble, model, out, "--", minilm.TEXTS[i])
            assert alone.tobytes() == vectors[i].tobytes(), f"text {i} differs alone"


if __name__ == "__main__":
    main()
