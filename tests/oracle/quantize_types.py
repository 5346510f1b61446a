#!/usr/bin/env python3
"""Makes tests/data/compress/types.txt: which type llama-quantize gives each tensor, by mix, with an importance matrix and without.

  python tests/oracle/quantize_types.py LLAMA_QUANTIZE WRITE_TINY_MODELS tests/data/compress     (pip install gguf numpy)

The models are those of tests/support/write_tiny_models.cc, and some that have nothing but names and shapes: enough blocks for
every rule, one and four query heads a key head, an output matrix or tied embeddings, rows that do not suit every block.
A line: model, "-", "imatrix" or "both", mix, then the types but F32 in the order of the tensors (by block and name) as runs
"Q4_K*3". A mix that llama-quantize refuses without an imatrix has "refused".
"""
import itertools
import pathlib
import re
import subprocess
import sys
import tempfile

import gguf
import numpy as np

MIXES = ("Q2_K Q2_K_S IQ3_XXS IQ3_XS IQ3_S IQ3_M Q3_K_S Q3_K_M Q3_K_L IQ4_XS IQ4_NL Q4_0 Q4_1 Q4_K_S Q4_K_M Q5_0 Q5_1 Q5_K_S "
         "Q5_K_M Q6_K Q8_0 F16 BF16").split()
# blocks, query heads, key heads, width, feed-forward, has an output matrix
SHAPES = {"shape-deep": (33, 4, 4, 256, 512, True), "shape-grouped": (20, 8, 2, 256, 256, False),
          "shape-odd": (9, 4, 2, 96, 320, True)}


def write_shape(path, blocks, heads, kv_heads, width, feed_forward, has_output):
    """Names and shapes of a llama; all zeros."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(blocks)
    writer.add_context_length(64)
    writer.add_embedding_length(width)
    writer.add_feed_forward_length(feed_forward)
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_layer_norm_rms_eps(1e-5)
    key = width // heads * kv_heads
    shapes = {"token_embd.weight": (32, width), "output_norm.weight": (width,)}
    if has_output:
        shapes["output.weight"] = (32, width)
    for b in range(blocks):
        shapes |= {f"blk.{b}.{name}.weight": shape for name, shape in {
            "attn_norm": (width,), "attn_q": (width, width), "attn_k": (key, width), "attn_v": (key, width),
            "attn_output": (width, width), "ffn_norm": (width,), "ffn_gate": (feed_forward, width),
            "ffn_up": (feed_forward, width), "ffn_down": (width, feed_forward)}.items()}
    for name, shape in shapes.items():
        writer.add_tensor(name, np.zeros(shape, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_imatrix(path, model):
    writer = gguf.GGUFWriter(path, "imatrix")
    writer.add_type("imatrix")
    writer.add_array("imatrix.datasets", ["made"])
    writer.add_uint32("imatrix.chunk_count", 1)
    writer.add_uint32("imatrix.chunk_size", 512)
    for tensor in gguf.GGUFReader(model).tensors:
        if len(tensor.shape) >= 2 and tensor.name.endswith("weight"):
            writer.add_tensor(tensor.name + ".in_sum2", np.ones(int(tensor.shape[0]), np.float32))
            writer.add_tensor(tensor.name + ".counts", np.ones(1, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def chosen_types(quantizer, model, mix, imatrix):
    """In the order of llama-quantize's report."""
    options = ["--imatrix", imatrix] if imatrix else []
    run = subprocess.run([quantizer, "--dry-run", "--allow-requantize", *options, model, mix], capture_output=True, text=True)
    if run.returncode != 0:
        raise SystemExit(f"{model} {mix}: {run.stderr}")
    if not imatrix and "will require an imatrix" in run.stderr + run.stdout:
        return ["refused"]
    types = []
    for line in (run.stderr + run.stdout).splitlines():
        found = re.match(r".*\[ *\d+/ *\d+\] +\S+ .*type = *(\w+), (.*)", line)
        if found:
            new = re.search(r"\((\w+)\)$", found[2])
            types.append((new[1] if new else found[1]).upper())
    return [name for name in types if name != "F32"]


def runs(types):
    groups = [(name, len(list(group))) for name, group in itertools.groupby(types)]
    return " ".join(name if count == 1 else f"{name}*{count}" for name, count in groups)


def main():
    quantizer, writer, folder = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    with tempfile.TemporaryDirectory() as temp:
        subprocess.run([writer, temp], check=True, capture_output=True)
        models = {path.stem: str(path) for path in sorted(pathlib.Path(temp).glob("*.gguf"))
                  if "-" not in path.stem}
        for name, shape in SHAPES.items():
            models[name] = f"{temp}/{name}.gguf"
            write_shape(models[name], *shape)
        for name, model in models.items():
            imatrix = f"{temp}/imatrix"
            write_imatrix(imatrix, model)
            for mix in MIXES:
                without, given = (runs(chosen_types(quantizer, model, mix, option)) for option in (None, imatrix))
                chosen = {"both": given} if without == given else {"-": without, "imatrix": given}
                lines += [f"{name} {when} {mix} {types}\n" for when, types in chosen.items()]
    (folder / "types.txt").write_text("".join(lines))


main()
