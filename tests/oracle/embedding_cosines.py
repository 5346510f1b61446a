#!/usr/bin/env python3
"""How far quantized encoders are from the float32 one: the cosine of each vector to float32's, over the lines of a text.

Needs numpy. With 200 sentences of the FieldOps manuals:

    tests/oracle/embedding_cosines.py --thimble build/release/bin/thimble --lines 200 \
        --text examples/fieldops/manuals/*.md -- minilm-f32.gguf minilm-f16.gguf minilm-q8_0.gguf
"""
import argparse
import re
import subprocess
import tempfile
from pathlib import Path

import numpy as np


def sentences(paths, count):
    """Evenly spread over the texts, 20 letters at least."""
    found = [part.strip() for path in paths for line in path.read_text().splitlines()
             for part in re.split(r"(?<=[.:])\s", line) if len(part.strip()) >= 20]
    return [found[i * len(found) // count] for i in range(count)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--thimble", required=True)
    parser.add_argument("--lines", type=int, default=200)
    parser.add_argument("--text", type=Path, nargs="+", required=True)
    parser.add_argument("reference")
    parser.add_argument("models", nargs="+")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "lines.txt").write_text("\n".join(sentences(args.text, args.lines)) + "\n")

        def embed(model):
            out = f"{folder}/vectors.npy"
            subprocess.run([args.thimble, "embed", "-m", model, "--truncate", "-f", f"{folder}/lines.txt", "-o", out], check=True)
            return np.load(out)
        reference = embed(args.reference)
        for model in args.models:
            cosines = (embed(model) * reference).sum(1)
            print(f"{Path(model).name}\t{Path(model).stat().st_size} bytes\tleast {cosines.min():.6f}\tmean {cosines.mean():.6f}")


if __name__ == "__main__":
    main()
