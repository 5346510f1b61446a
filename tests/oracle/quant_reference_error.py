#!/usr/bin/env python3
"""Makes tests/data/quant/weights.bin and reference_error.txt: weights to pack, and the relative RMS error that llama.cpp's packers
leave on them; IQ3_XXS, which wants an importance matrix, with one of ones.

  python tests/oracle/quant_reference_error.py LLAMA_QUANTIZE tests/data/quant     (pip install gguf numpy)

weights.bin: float32 [64, 256], rows 0..31 Gaussian, rows 32..63 heavy-tailed (Student t, 4 degrees of freedom).
reference_error.txt: a line a format: its name, error of the Gaussian rows, error of the heavy-tailed rows.
"""
import pathlib
import subprocess
import sys
import tempfile

import gguf
import numpy as np
from gguf.quants import dequantize

NAMES = ["Q8_0", "Q5_1", "Q5_0", "Q4_1", "Q4_0", "Q6_K", "Q5_K", "Q4_K", "Q3_K", "Q2_K", "IQ4_NL", "IQ4_XS", "IQ3_S", "IQ3_XXS"]
TENSOR = "blk.0.ffn_down.weight"


def write_model(path, weights):
    """A file that llama-quantize takes for a model, with the weights as one of its tensors."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(1)
    writer.add_context_length(64)
    writer.add_embedding_length(256)
    writer.add_feed_forward_length(256)
    writer.add_head_count(4)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tensor(TENSOR, weights)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_imatrix(path):
    writer = gguf.GGUFWriter(path, "imatrix")
    writer.add_type("imatrix")
    writer.add_array("imatrix.datasets", ["ones"])
    writer.add_uint32("imatrix.chunk_count", 1)
    writer.add_uint32("imatrix.chunk_size", 512)
    writer.add_tensor(f"{TENSOR}.in_sum2", np.ones(256, np.float32))
    writer.add_tensor(f"{TENSOR}.counts", np.ones(1, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def relative_error(original, unpacked):
    difference = (unpacked.astype(np.float64) - original).ravel()
    return np.sqrt((difference**2).sum() / (original.astype(np.float64)**2).sum())


def main():
    quantizer, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    rng = np.random.default_rng(4)
    weights = np.concatenate([rng.normal(size=(32, 256)) * 0.02, rng.standard_t(4, size=(32, 256)) * 0.02]).astype(np.float32)
    weights.astype("<f4").tofile(folder / "weights.bin")
    lines = []
    with tempfile.TemporaryDirectory() as temp:
        source, target = f"{temp}/in.gguf", f"{temp}/out.gguf"
        write_model(source, weights)
        imatrix = f"{temp}/imatrix.gguf"
        write_imatrix(imatrix)
        for name in NAMES:
            ftype = name + "_S" if name in ("Q5_K", "Q4_K", "Q3_K") else name
            options = ["--imatrix", imatrix] if name == "IQ3_XXS" else []
            subprocess.run([quantizer, "--pure", *options, source, target, ftype, "1"], check=True, capture_output=True)
            tensor = next(t for t in gguf.GGUFReader(target).tensors if t.name == TENSOR)
            assert tensor.tensor_type.name == name, (name, tensor.tensor_type)
            unpacked = dequantize(tensor.data, tensor.tensor_type).reshape(weights.shape)
            errors = relative_error(weights[:32], unpacked[:32]), relative_error(weights[32:], unpacked[32:])
            lines.append(f"{name} {errors[0]:.6f} {errors[1]:.6f}\n")
    (folder / "reference_error.txt").write_text("".join(lines))


main()
