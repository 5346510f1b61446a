#!/usr/bin/env python3
"""Writes src/quant/grid_table.h: the codebooks of the formats whose weights are entries of one, as the Python package `gguf` has
them (ggml-common.h spells the same numbers out byte by byte).

  python tools/generate_quant_grids.py     (pip install gguf==0.19.0)
"""
import importlib.metadata
import pathlib

from gguf import quants

VERSION = "0.19.0"
# Format, what its entries hold. `gguf` packs an entry of each of these into two bytes, first weight lowest.
GRIDS = [("IQ2_XXS", "8 weights, 2 bits each"), ("IQ2_XS", "8 weights, 2 bits each"), ("IQ2_S", "8 weights, 2 bits each"),
         ("IQ3_XXS", "4 weights, 4 bits each"), ("IQ3_S", "4 weights, 4 bits each"), ("IQ1_S", "8 weights, 2 bits each")]
A_LINE = 14

HEAD = '''// Made by tools/generate_quant_grids.py from the Python package `gguf` {version}; not edited by hand.
//
// The codebooks of the formats whose weights are entries of one: an entry holds the levels of neighbouring weights, the
// first in the lowest bits.
// Not inline: a unit of one instruction set shares no symbol with others.
#pragma once

#include <array>
#include <cstdint>

namespace thimble {{

// clang-format off'''


def entries(name):
    packed = bytes.fromhex(getattr(quants, name).grid_hex.decode())
    return [low | high << 8 for low, high in zip(packed[::2], packed[1::2])]


def main():
    assert importlib.metadata.version("gguf") == VERSION, importlib.metadata.version("gguf")
    out = [HEAD.format(version=VERSION)]
    for name, what in GRIDS:
        grid = entries(name)
        constant = "k" + name.title().replace("_", "") + "Grid"
        out.append(f"// {what}.\nalignas(64) constexpr std::array<uint16_t, {len(grid)}> {constant} = {{")
        for first in range(0, len(grid), A_LINE):
            out.append("  " + ", ".join(f"0x{entry:04x}" for entry in grid[first:first + A_LINE]) + ",")
        out.append("};")
    out.append("// clang-format on\n\n}  // namespace thimble\n")
    (pathlib.Path(__file__).parent.parent / "src/quant/grid_table.h").write_text("\n".join(out))


main()
