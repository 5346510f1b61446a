#!/usr/bin/env python3
"""Writes llama models whose matrices are random blocks of given number formats: every entry of a codebook and every scale occurs,
and the weights' variance is that of an untrained model, so that two programs can be compared on them. Their text is noise.

  python tests/oracle/format_files.py --shape golden|tiny|1b --format IQ2_XXS[,IQ3_S...] --out FILE [--seed 0]     (pip install gguf numpy)

Several formats are dealt out to the matrices in turn. The vocabulary is bytes, filled up to the shape's size.
"""
import argparse

import gguf
import numpy as np
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType as T
from gguf.quants import dequantize

from quant_golden import HALVES, store_halves

# blocks, width, heads, kv heads, feed forward, vocabulary
SHAPES = {"golden": (2, 256, 4, 1, 256, 258), "tiny": (2, 256, 4, 2, 512, 512), "1b": (16, 2048, 32, 8, 8192, 128256)}
DISTINCT = 1 << 16  # blocks of a format; larger matrices repeat them


def scaled(block, qtype, d):
    """The block with d as its scale and, where it has a minimum, one that makes the mean of its weights zero."""
    if qtype == T.MXFP4:
        block[0] = 128 + round(np.log2(d))
        return
    ratio = {T.Q2_K: 1.5, T.Q4_K: 7.5, T.Q5_K: 15.5}.get(qtype)
    numbers = iter([d, ratio * d] if ratio else [d] * len(HALVES.get(qtype, [0])))
    store_halves(block, qtype, lambda: int(np.float16(next(numbers)).view(np.uint16)))


def blocks_with_deviation(qtype, count, deviation, rng):
    _, size = GGML_QUANT_SIZES[qtype]
    blocks = rng.integers(0, 256, (count, size), dtype=np.uint8)
    for block in blocks:
        scaled(block, qtype, 1.0)
    d = deviation / dequantize(blocks[:256], qtype).std()
    for block in blocks:
        scaled(block, qtype, d)
    return blocks


class Matrices:
    def __init__(self, writer, formats, rng):
        self.writer, self.formats, self.rng, self.pools, self.next = writer, formats, rng, {}, 0

    def add(self, name, rows, columns, qtype=None):
        if qtype is None:
            qtype = self.formats[self.next % len(self.formats)]
            self.next += 1
        weights, size = GGML_QUANT_SIZES[qtype]
        count = rows * columns // weights
        deviation = columns**-0.5
        key = qtype, deviation
        if key not in self.pools or count <= DISTINCT:
            self.pools[key] = blocks_with_deviation(qtype, min(count, DISTINCT), deviation, self.rng)
        blocks = np.resize(self.pools[key], (count, size))
        self.writer.add_tensor(name, blocks.reshape(rows, -1), raw_dtype=qtype)


def byte_characters():
    """GPT-2's printable stand-in for each byte."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [b for b in range(256) if b not in printable]
    return [chr(b) if b in printable else chr(256 + others.index(b)) for b in range(256)]


def add_vocabulary(writer, size):
    tokens = byte_characters() + ["th", "<|end|>"]
    types = [gguf.TokenType.NORMAL] * 257 + [gguf.TokenType.CONTROL]
    tokens += [f"<|pad_{i}|>" for i in range(len(tokens), size)]
    types += [gguf.TokenType.UNUSED] * (size - len(types))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges(["t h"])
    writer.add_eos_token_id(257)
    writer.add_add_bos_token(False)


def write_model(path, shape, formats, seed, embedding=None):
    blocks, width, heads, kv_heads, feed_forward, vocabulary = SHAPES[shape]
    head = width // heads
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name(f"{shape}-{'-'.join(q.name for q in formats)}")
    writer.add_block_count(blocks)
    writer.add_context_length(4096)
    writer.add_embedding_length(width)
    writer.add_feed_forward_length(feed_forward)
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_rope_dimension_count(head)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(vocabulary)
    add_vocabulary(writer, vocabulary)
    matrices = Matrices(writer, formats, np.random.default_rng(seed))
    matrices.add("token_embd.weight", vocabulary, width, embedding)
    writer.add_tensor("output_norm.weight", np.ones(width, np.float32))
    for i in range(blocks):
        for norm in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{i}.{norm}.weight", np.ones(width, np.float32))
        for name, rows, columns in (("attn_q", width, width), ("attn_k", kv_heads * head, width), ("attn_v", kv_heads * head, width),
                                    ("attn_output", width, width), ("ffn_gate", feed_forward, width), ("ffn_up", feed_forward, width),
                                    ("ffn_down", width, feed_forward)):
            matrices.add(f"blk.{i}.{name}.weight", rows, columns)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=SHAPES, required=True)
    parser.add_argument("--format", required=True)
    parser.add_argument("--embedding", help="the format of the embedding, which is also the output; default: as the others")
    parser.add_argument("--out", required=True)
    parser.add_argument("--seed", type=int, default=0)
    a = parser.parse_args()
    write_model(a.out, a.shape, [T[name] for name in a.format.split(",")], a.seed, a.embedding and T[a.embedding])


if __name__ == "__main__":
    main()
