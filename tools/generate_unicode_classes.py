#!/usr/bin/env python3
"""Writes src/text/unicode_class_table.h: general category of every code point, as ranges.

The tokenizers' results must not change with the Unicode version of the machine's libraries, so the table is pinned to one
version of the standard. Needs: pip install unicodedata2==15.1.0
"""
import pathlib

import unicodedata2

VERSION = "15.1.0"
# The six ASCII white spaces are handled before the table is asked; these are the others with the White_Space property.
WHITE_SPACE = {0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000}
CLASSES = {"L": "letter", "N": "number", "M": "mark", "P": "punctuation", "S": "symbol"}
ORDER = ["letter", "number", "mark", "punctuation", "symbol", "white_space", "other"]
FIRST, END = 0x80, 0x110000


def class_of(code_point):
    if code_point in WHITE_SPACE:
        return ORDER.index("white_space")
    return ORDER.index(CLASSES.get(unicodedata2.category(chr(code_point))[0], "other"))


def main():
    assert unicodedata2.unidata_version == VERSION, unicodedata2.unidata_version
    ranges = []
    for code_point in range(FIRST, END):
        found = class_of(code_point)
        if not ranges or ranges[-1][1] != found:
            ranges.append((code_point, found))
    words = [f"0x{start << 3 | found:x}" for start, found in ranges]
    lines, line = [], " "
    for word in words:
        if len(line) + len(word) + 2 > 120:
            lines.append(line)
            line = " "
        line += f" {word},"
    lines.append(line)
    out = pathlib.Path(__file__).resolve().parent.parent / "src/text/unicode_class_table.h"
    out.write_text(
        f"// Made by tools/generate_unicode_classes.py from Unicode {VERSION}; not edited by hand.\n"
        "// Each entry: first code point of a range << 3 | UnicodeClass. A range ends where the next one begins.\n"
        "#pragma once\n\n#include <array>\n#include <cstdint>\n\nnamespace thimble {\n\n// clang-format off\n"
        f"inline constexpr std::array<uint32_t, {len(ranges)}> kUnicodeClassRanges = {{\n"
        + "\n".join(lines)
        + "\n};\n// clang-format on\n\n}  // namespace thimble\n"
    )


if __name__ == "__main__":
    main()
