#!/usr/bin/env python3
"""Write tests/data/measure/smollm2_imatrix.json: what llama-imatrix says of SmolLM2-135M on held-out handbook text.

    python3 tests/oracle/real_imatrix.py --peers FOLDER --model SmolLM2-135M-Instruct.Q4_1.gguf --handbook held_out.txt

Needs: FOLDER with llama.cpp's tools; no packages. Of each tensor the sum of its columns' mean squares.
"""
import argparse
import json
import pathlib
import subprocess
import tempfile

from tiny_measures import mean_squares

CHUNK, CHUNKS, BYTES = 512, 4, 20_000


def main():
    parser = argparse.ArgumentParser()
    for name in ("--peers", "--model", "--handbook"):
        parser.add_argument(name, required=True, type=pathlib.Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        text, dat = pathlib.Path(name) / "text", pathlib.Path(name) / "imatrix.dat"
        text.write_text(arguments.handbook.read_bytes()[:BYTES].decode(errors="ignore"))
        subprocess.run([arguments.peers / "llama-imatrix", "-m", arguments.model, "-f", text, "-c", str(CHUNK), "--chunks",
                        str(CHUNKS), "--no-ppl", "--output-format", "dat", "-o", dat], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        sums = {tensor: round(sum(values), 6) for tensor, values in sorted(mean_squares(dat.read_bytes()).items())}
    out = pathlib.Path(__file__).parent.parent / "data" / "measure" / "smollm2_imatrix.json"
    out.write_text(json.dumps({"chunk": CHUNK, "chunks": CHUNKS, "bytes": BYTES, "sums": sums}, indent=0) + "\n")


if __name__ == "__main__":
    main()
