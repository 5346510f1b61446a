#!/usr/bin/env python3
"""Weighted error and speed of `thimble quantize` beside llama-quantize, on the same file with the same importance matrix.

  python tests/oracle/quantize_error.py THIMBLE LLAMA_QUANTIZE REFERENCE.gguf IMATRIX.gguf [--mixes Q4_K_M,Q6_K] [--rows 64]
  python tests/oracle/quantize_error.py THIMBLE LLAMA_QUANTIZE --made-up FOLDER ...     # both files are made there

A line a mix: tensors searched (Q8_0, which is the same in both, is left out); error of ours over llama.cpp's, sum of imatrix * (w - packed)^2, as the geometric mean over tensors
and as the worst tensor; the same without the importance matrix, unweighted; processor time of llama.cpp over ours, of runs side
by side on as many threads, with the matrix and without. Errors are of the first --rows rows of every tensor.
Needs: pip install gguf numpy.
"""
import argparse
import json
import pathlib
import resource
import subprocess
import tempfile

import gguf
import numpy as np
from gguf import GGMLQuantizationType
from gguf.quants import dequantize

MIXES = "Q2_K,Q3_K_M,Q4_0,Q4_1,Q4_K_S,Q4_K_M,Q5_0,Q5_1,Q5_K_M,Q6_K,IQ4_NL,IQ4_XS,IQ3_XXS,IQ3_S,IQ3_M"


def user_seconds(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode != 0:
        raise SystemExit(f"{' '.join(command)}: {run.stderr[-500:]}")
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


class Tensors:
    """A file's tensors by name, found by what `thimble info` says of it; rows as float64."""

    def __init__(self, thimble, path):
        run = subprocess.run([thimble, "info", path, "--tensors", "--json"], check=True, capture_output=True)
        info = json.loads(run.stdout)
        self.data = np.memmap(path, np.uint8, mode="r")
        padded = [(t["bytes"] + 31) // 32 * 32 for t in info["tensors"]]
        self.begin = info["file_bytes"] - sum(padded)  # of the data
        offsets = self.begin + np.cumsum([0] + padded)
        self.tensors = {t["name"]: (t, int(at)) for t, at in zip(info["tensors"], offsets)}

    def type(self, name):
        return self.tensors[name][0]["type"]

    def rows(self, name, count):
        tensor, at = self.tensors[name]
        total = int(np.prod(tensor["shape"][1:]))
        size = tensor["bytes"] // total
        count = min(count, total)
        data = np.array(self.data[at:at + count * size]).reshape(count, size)
        return dequantize(data, GGMLQuantizationType[tensor["type"]]).reshape(count, -1).astype(np.float64)


def importance(path):
    tensors = {tensor.name: tensor.data for tensor in gguf.GGUFReader(path).tensors}
    return {name[:-8]: sums.reshape(-1) / tensors[name[:-8] + ".counts"].reshape(-1)[0]
            for name, sums in tensors.items() if name.endswith(".in_sum2")}


def ratios(reference, ours, theirs, weights, count):
    """Of the tensors that are searched: our error over theirs."""
    assert (ours.data[:ours.begin] == theirs.data[:theirs.begin]).all(), "types or metadata differ"
    out = {}
    for name in reference.tensors:
        if ours.type(name) in (reference.type(name), "Q8_0"):  # copied, or the same in both
            continue
        original = reference.rows(name, count)
        weight = weights.get(name, 1.0) if weights else 1.0
        errors = [(weight * (file.rows(name, count) - original)**2).sum() for file in (ours, theirs)]
        out[name] = errors[0] / errors[1]
    return out


def make_up(folder):
    """One block of 2048 x 2048 matrices, Student t with 6 degrees of freedom, and log-normal importance."""
    width, tokens, draw = 2048, 64, np.random.default_rng(1)
    reference, matrix = f"{folder}/made-up.gguf", f"{folder}/made-up.imatrix.gguf"
    model = gguf.GGUFWriter(reference, "llama")
    for add, value in ((model.add_block_count, 1), (model.add_context_length, 512), (model.add_embedding_length, width),
                       (model.add_feed_forward_length, width), (model.add_head_count, 16), (model.add_head_count_kv, 16),
                       (model.add_layer_norm_rms_eps, 1e-5), (model.add_rope_dimension_count, 128),
                       (model.add_file_type, 1), (model.add_tokenizer_model, "gpt2"), (model.add_tokenizer_pre, "default"),
                       (model.add_token_list, [str(i) for i in range(tokens)]), (model.add_token_types, [1] * tokens),
                       (model.add_token_merges, ["a b"]), (model.add_bos_token_id, 0), (model.add_eos_token_id, 1)):
        add(value)
    statistics = gguf.GGUFWriter(matrix, "imatrix")
    statistics.add_type("imatrix")
    statistics.add_array("imatrix.datasets", ["made up"])
    statistics.add_uint32("imatrix.chunk_count", 10)
    statistics.add_uint32("imatrix.chunk_size", 512)
    model.add_tensor("token_embd.weight", draw.normal(0, 0.02, (tokens, width)).astype(np.float16))
    for norm in ("output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"):
        model.add_tensor(f"{norm}.weight", np.ones(width, np.float32))
    for role in ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"):
        model.add_tensor(f"blk.0.{role}.weight", (draw.standard_t(6, (width, width)) * 0.02).astype(np.float16))
        sums = np.exp(draw.normal(0, 1, (1, width))).astype(np.float32) * 5120
        statistics.add_tensor(f"blk.0.{role}.weight.in_sum2", sums)
        statistics.add_tensor(f"blk.0.{role}.weight.counts", np.full((1, 1), 5120, np.float32))
    for writer in (model, statistics):
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
    return reference, matrix


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("thimble", "llama_quantize"):
        parser.add_argument(name)
    for name in ("reference", "imatrix"):
        parser.add_argument(name, nargs="?")
    parser.add_argument("--made-up", metavar="FOLDER")
    parser.add_argument("--mixes", default=MIXES)
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--threads", default="2")
    args = parser.parse_args()
    if args.made_up:
        args.reference, args.imatrix = make_up(args.made_up)
    elif not args.imatrix:
        parser.error("give REFERENCE.gguf and IMATRIX.gguf, or --made-up FOLDER")
    weights = importance(args.imatrix)
    reference = Tensors(args.thimble, args.reference)
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
                files = Tensors(args.thimble, ours), Tensors(args.thimble, theirs)
                cells.append((ratios(reference, *files, weights if given else None, args.rows), slow / fast))
        texts = [mix, str(len(cells[0][0]))]
        for errors, _ in cells:
            texts += ["-", "-"] if errors is None else [f"{np.exp(np.mean(np.log(list(errors.values())))):.3f}",
                                                        f"{max(errors.values()):.3f}"]
        texts += ["-" if speed is None else f"{speed:.1f}x" for _, speed in cells]
        print("| " + " | ".join(texts) + " |", flush=True)


if __name__ == "__main__":
    main()
