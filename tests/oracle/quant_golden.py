#!/usr/bin/env python3
"""Makes tests/data/quant/golden.bin: packed blocks with the floats that the Python package `gguf` unpacks them to, and floats with
the blocks it packs them to.

  python tests/oracle/quant_golden.py tests/data/quant/golden.bin     (pip install gguf numpy)

Layout, little-endian; a case is  u32 kind (0 unpack, 1 pack) | u32 type id | u32 blocks | u32 weights | blocks' bytes | float32s.
"""
import struct
import sys

import numpy as np
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType as T
from gguf.quants import dequantize, quantize

# Where each format keeps its binary16 numbers.
HALVES = {T.F16: [0], T.Q4_0: [0], T.Q4_1: [0, 2], T.Q5_0: [0], T.Q5_1: [0, 2], T.Q8_0: [0], T.Q2_K: [80, 82], T.Q3_K: [108],
          T.Q4_K: [0, 2], T.Q5_K: [0, 2], T.Q6_K: [208], T.IQ4_NL: [0], T.IQ4_XS: [0], T.BF16: [0], T.F32: [], T.IQ3_S: [0],
          T.IQ3_XXS: [0], T.IQ2_S: [0], T.IQ2_XS: [0], T.IQ2_XXS: [0], T.IQ1_S: [0], T.TQ1_0: [52], T.TQ2_0: [64]}
IQ1_M_SCALES = 48  # four words, a nibble of the binary16 number in the top of each
# Zero, minus zero, least and largest subnormal, least and largest normal, infinities, quiet and signalling NaN.
SPECIAL_HALVES = [0x0000, 0x8000, 0x0001, 0x83FF, 0x0400, 0x7BFF, 0xFBFF, 0x7C00, 0xFC00, 0x7E00, 0x7C01]
PACKED_BY_GGUF = [T.F16, T.BF16, T.Q4_0, T.Q4_1, T.Q5_0, T.Q5_1, T.Q8_0]


def store_halves(block, qtype, bits):
    """A binary16 number, as bits() gives it, in each place that has one."""
    if qtype == T.IQ1_M:
        half = bits()
        words = block[IQ1_M_SCALES:IQ1_M_SCALES + 8].view("<u2")
        for i in range(4):
            words[i] = words[i] & 0x0FFF | (half >> 4 * i & 0xF) << 12
        return
    for at in HALVES[qtype]:
        block[at:at + 2] = np.frombuffer(struct.pack("<H", bits()), np.uint8)


def mxfp4_blocks(rng):
    """Every scale there is, over every level."""
    blocks = rng.integers(0, 256, (256, 17), dtype=np.uint8)
    blocks[:, 0] = np.arange(256)
    return blocks


def blocks_of(qtype, rng):
    if qtype == T.MXFP4:
        return mxfp4_blocks(rng)
    weights, size = GGML_QUANT_SIZES[qtype]
    blocks = [np.full(size, fill, np.uint8) for fill in (0x00, 0xFF, 0x7F, 0x80, 0x55, 0xAA)]
    for special in SPECIAL_HALVES:
        block = rng.integers(0, 256, size, dtype=np.uint8)
        store_halves(block, qtype, lambda: special)
        blocks.append(block)
    for _ in range(64 if weights == 1 else 16 if weights == 32 else 1):
        block = rng.integers(0, 256, size, dtype=np.uint8)
        store_halves(block, qtype, lambda: int(np.float16(rng.normal() * 0.02).view(np.uint16)))  # ordinary, of both signs
        blocks.append(block)
    return np.stack(blocks)


def weights_to_pack(rng):
    rows = [np.zeros(32), np.full(32, 0.75), np.full(32, -3e-3), np.linspace(-1, 1, 32), np.linspace(0, 1, 32),
            np.where(np.arange(32) % 2, 1.0, -1.0), np.full(32, 1e-9), rng.normal(size=32) * 1e-6]
    outlier = rng.normal(size=32) * 0.01
    outlier[7] = 5.0
    rows.append(outlier)
    rows += [rng.normal(size=32) * 0.05 for _ in range(16)] + [rng.standard_t(3, size=32) for _ in range(8)]
    return np.stack(rows).astype(np.float32)


def write_case(out, kind, qtype, packed, floats):
    weights, size = GGML_QUANT_SIZES[qtype]
    out.write(struct.pack("<4I", kind, qtype, packed.size // size, floats.size))
    out.write(packed.tobytes())
    out.write(floats.astype("<f4").tobytes())
    assert floats.size == packed.size // size * weights


def main():
    rng = np.random.default_rng(20)
    with open(sys.argv[1], "wb") as out, np.errstate(all="ignore"):
        for qtype in [*HALVES, T.IQ1_M, T.MXFP4]:
            blocks = blocks_of(qtype, rng)
            write_case(out, 0, qtype, blocks, dequantize(blocks, qtype))
        floats = weights_to_pack(rng)
        for qtype in PACKED_BY_GGUF:
            write_case(out, 1, qtype, quantize(floats, qtype).view(np.uint8), floats)


if __name__ == "__main__":
    main()
