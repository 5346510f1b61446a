#!/usr/bin/env python3
"""Every type that `thimble quantize` writes, read by others: the `gguf` package and llama.cpp.

    python3 tests/oracle/quantized_files.py THIMBLE WRITE_TINY_MODELS PEERS [--types Q4_K_M,IQ3_S]

PEERS: a folder with llama.cpp's llama-perplexity. A model of some 60 MB with random weights (rows of 1,024 and 2,816) is written,
turned into F16 and from that into every type, and with --best into a file of --method best, which takes minutes. Asked of each: `gguf`
reads and dequantizes all tensors, each as near to the F16 tensor as the type's bits allow; and llama-perplexity's log-probabilities
of the file are those that Thimble gives, by the mean KL divergence from the one to the other. Prints a line a type; exit code 1
where one fails. Needs: pip install gguf numpy.
"""
import argparse
import json
import pathlib
import random
import subprocess
import sys
import tempfile

import gguf
import numpy as np
from gguf.quants import dequantize

TYPES = ("Q2_K Q2_K_S Q3_K_S Q3_K_M Q3_K_L Q4_K_S Q4_K_M Q5_K_S Q5_K_M Q6_K Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 "
         "IQ3_XXS IQ3_XS IQ3_S IQ3_M IQ4_NL IQ4_XS F16 BF16 F32").split()
NEED_MATRIX = {"IQ3_XXS", "IQ3_XS", "Q2_K_S"}
MOST_ERROR = 0.40  # of any tensor, root of relative squares: that of two bits
MOST_DIVERGENCE = 1e-3  # nats; from the F16 file, a type of 4 bits is 0.03 away here
CONTEXT, CHUNKS = 256, 2


def run(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, errors="replace")
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: exit code {done.returncode}: {done.stderr[-400:]}")
    return done.stdout + done.stderr


def tensors(path):
    return {tensor.name: dequantize(tensor.data, tensor.tensor_type).astype(np.float64) for tensor in gguf.GGUFReader(path).tensors}


def worst_error(original, path):
    read = tensors(path)
    assert read.keys() == original.keys()
    return max(np.sqrt(((read[name] - value) ** 2).sum() / max((value ** 2).sum(), 1e-30)) for name, value in original.items())


def divergence(args, path, text, reference):
    """Mean KL divergence of Thimble on `path` from llama.cpp on `reference`."""
    base = path.with_suffix(".kld")
    run(pathlib.Path(args.peers) / "llama-perplexity", "-m", reference, "-f", text, "-c", CONTEXT, "-b", CONTEXT, "--chunks", CHUNKS,
        "-ctk", "f32", "-ctv", "f32", "-fa", "off", "--kl-divergence-base", base)
    out = run(args.thimble, "eval", "kld", "-m", path, "--kl-divergence-base", base, "-ctk", "f16", "-ctv", "f16", "--json")
    base.unlink()
    return json.loads(out[:out.rindex("}") + 1])["kld_mean"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("thimble", "write_tiny_models", "peers"):
        parser.add_argument(name)
    parser.add_argument("--types", default=",".join(TYPES))
    parser.add_argument("--best", action="store_true")
    args = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        run(args.write_tiny_models, folder, "--large", "llama")
        source, f16, text = folder / "llama.gguf", folder / "f16.gguf", folder / "text"
        draw = random.Random(1)
        text.write_text(" ".join("".join(draw.choice("abcdefghij") for _ in range(draw.randint(2, 7))) for _ in range(4000)))
        run(args.thimble, "quantize", "--allow-requantize", source, f16, "F16")
        run(args.thimble, "imatrix", "-m", f16, "-f", text, "-o", folder / "imatrix.gguf", "--chunks", 4, "-c", CONTEXT)
        original = tensors(f16)
        jobs = {kind: ["--imatrix", folder / "imatrix.gguf"] if kind in NEED_MATRIX else [] for kind in args.types.split(",")}
        if args.best:
            jobs["best"] = ["--method", "best", "--calibration", text, "--like", "Q4_K_M", "--calibration-chunks", 8]
        for kind, options in jobs.items():
            out = folder / f"{kind}.gguf"
            try:
                run(args.thimble, "quantize", *options, f16, out, *([] if kind == "best" else [kind]))
                error = worst_error(original, out)
                programs, types = divergence(args, out, text, out), divergence(args, out, text, f16)
                good = error < MOST_ERROR and programs < MOST_DIVERGENCE
                print(f"{kind:8} {out.stat().st_size:>10} bytes, worst tensor {error:.4f}, KLD between the programs {programs:.6f}, from F16 "
                      f"{types:.4f}{'' if good else '  FAILED'}", flush=True)
            except (RuntimeError, AssertionError, subprocess.CalledProcessError) as fault:
                good = False
                print(f"{kind:8} FAILED: {fault}", flush=True)
            failed += not good
            out.unlink(missing_ok=True)
    print(f"{len(jobs) - failed} of {len(jobs)} types")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
