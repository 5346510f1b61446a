#!/usr/bin/env python3
"""Makes tests/data/quant/real_tensors.txt: for each tensor of the real test models, two sums over the bits of the floats that the
Python package `gguf` unpacks it to. One line a tensor: model, tensor, sum of bits, sum of bits times (index + 1), modulo 2^64.

  python tests/oracle/quant_files.py MODEL_FOLDER tests/data/quant/real_tensors.txt     (pip install gguf numpy)

MODEL_FOLDER holds <name>/<file>.gguf, as tools/fetch_model.py leaves them.
"""
import pathlib
import sys

import gguf
import numpy as np
from gguf.quants import dequantize

MODELS = ["smollm2-135m", "qwen2.5-coder-0.5b", "gemma-3-270m"]
ROWS = 1024  # unpacked at a time


def sums(tensor):
    data = tensor.data.reshape(-1, tensor.data.shape[-1])
    total, weighted, index = 0, 0, 0
    for begin in range(0, data.shape[0], ROWS):
        bits = dequantize(data[begin:begin + ROWS], tensor.tensor_type).astype("<f4").ravel().view(np.uint32).astype(np.uint64)
        places = np.arange(index + 1, index + 1 + bits.size, dtype=np.uint64)
        total += int(bits.sum(dtype=np.uint64))
        weighted += int((bits * places).sum(dtype=np.uint64))
        index += bits.size
    return total % 2**64, weighted % 2**64


def main():
    folder = pathlib.Path(sys.argv[1])
    with open(sys.argv[2], "w") as out:
        for model in MODELS:
            (path,) = (folder / model).glob("*.gguf")
            for tensor in gguf.GGUFReader(path).tensors:
                out.write("{} {} {:016x} {:016x}\n".format(model, tensor.name, *sums(tensor)))


main()
