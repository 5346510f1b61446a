#!/usr/bin/env python3
"""Weighted error and speed of `thimble quantize` beside llama-quantize, on the same file with the same importance matrix.

  python tests/oracle/quantize_error.py THIMBLE LLAMA_QUANTIZE REFERENCE.gguf IMATRIX.gguf [--mixes Q4_K_M,Q6_K] [--rows 64]

A line a mix: tensors searched; error of ours over llama.cpp's, sum of imatrix * (w - packed)^2, as the geometric mean over tensors
and as the worst tensor; the same without the importance matrix, unweighted; processor time of llama.cpp over ours, of interleaved
runs on as many threads, with the matrix and without. Errors are of the first --rows rows of every tensor.
Needs: pip install gguf numpy.
"""
import argparse
import pathlib
import resource
import subprocess
import tempfile

import gguf
import numpy as np
from gguf.quants import dequantize

MIXES = "Q2_K,Q3_K_M,Q4_0,Q4_1,Q4_K_S,Q4_K_M,Q5_0,Q5_1,Q5_K_M,Q6_K,Q8_0,IQ4_NL,IQ4_XS,IQ3_XXS,IQ3_S,IQ3_M"


def user_seconds(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode != 0:
        raise SystemExit(f"{' '.join(command)}: {run.stderr[-500:]}")
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


def rows(tensor, count):
    shape = [int(n) for n in tensor.shape]
    data = tensor.data.reshape(-1, tensor.data.shape[-1])[:count]
    return dequantize(data, tensor.tensor_type).reshape(-1, shape[0]).astype(np.float64)


def importance(path):
    tensors = {tensor.name: tensor.data for tensor in gguf.GGUFReader(path).tensors}
    return {name[:-8]: sums.reshape(-1) / tensors[name[:-8] + ".counts"].reshape(-1)[0]
            for name, sums in tensors.items() if name.endswith(".in_sum2")}


def ratios(reference, ours, theirs, weights, count):
    """Of the tensors whose type changed: our error over theirs."""
    first, second = ({tensor.name: tensor for tensor in gguf.GGUFReader(path).tensors} for path in (ours, theirs))
    out = {}
    for tensor in gguf.GGUFReader(reference).tensors:
        a, b = first[tensor.name], second[tensor.name]
        assert a.tensor_type == b.tensor_type, tensor.name
        if a.tensor_type == tensor.tensor_type:
            continue
        original = rows(tensor, count)
        weight = 1.0 if weights is None else weights.get(tensor.name, 1.0)
        errors = [(weight * (rows(packed, count) - original)**2).sum() for packed in (a, b)]
        out[tensor.name] = errors[0] / errors[1] if errors[1] > 0 else 1.0
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("thimble", "llama_quantize", "reference", "imatrix"):
        parser.add_argument(name)
    parser.add_argument("--mixes", default=MIXES)
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--threads", default="2")
    args = parser.parse_args()
    weights = importance(args.imatrix)
    print("| mix | tensors | error with imatrix | worst tensor | error without | worst tensor | speed with | without |")
    print("|---|---|---|---|---|---|---|---|")
    for mix in args.mixes.split(","):
        cells = []
        with tempfile.TemporaryDirectory(dir=pathlib.Path(args.reference).parent) as temp:
            ours, theirs = f"{temp}/ours.gguf", f"{temp}/theirs.gguf"
            for given in (["--imatrix", args.imatrix], []):
                if not given and mix == "IQ3_XXS":  # both refuse
                    cells.append((None, None))
                    continue
                slow = user_seconds([args.llama_quantize, *given, args.reference, theirs, mix, args.threads])
                fast = user_seconds([args.thimble, "quantize", *given, args.reference, ours, mix, args.threads])
                cells.append((ratios(args.reference, ours, theirs, weights if given else None, args.rows), slow / fast))
        texts = [mix, str(len(cells[0][0]))]
        for errors, _ in cells:
            texts += ["-", "-"] if errors is None else [f"{np.exp(np.mean(np.log(list(errors.values())))):.3f}",
                                                        f"{max(errors.values()):.3f}"]
        texts += ["-" if speed is None else f"{speed:.1f}x" for _, speed in cells]
        print("| " + " | ".join(texts) + " |", flush=True)


if __name__ == "__main__":
    main()
