#!/usr/bin/env python3
"""Writes src/text/jinja_case_tables.cpp: the full case mappings of Python's str, as ranges and exceptions.

usage: template_case_tables.py > src/text/jinja_case_tables.cpp
"""
import unicodedata

HEADER = """// Case mappings of Unicode {version}. Made by tests/oracle/template_case_tables.py; do not edit.
#include "text/jinja_case_tables.h"

// clang-format off
namespace thimble::jinja {{
namespace {{
"""


def mapping(function):
    """Ranges (first, last, step, delta) of single characters, and (character, text) for longer results."""
    ranges, special = [], []
    for code in range(0x110000):
        if 0xD800 <= code < 0xE000:
            continue
        mapped = function(chr(code))
        if mapped == chr(code):
            continue
        if len(mapped) > 1:
            special.append((code, mapped))
            continue
        delta = ord(mapped) - code
        if ranges:
            first, last, step, previous = ranges[-1]
            gap = code - last
            if previous == delta and (gap == step or (first == last and gap <= 2)):
                ranges[-1] = (first, code, gap, delta)
                continue
        ranges.append((code, code, 1, delta))
    return ranges, special


def lines(items):
    line = " "
    for item in items:
        if len(line) + len(item) + 2 > 120:
            yield line
            line = " "
        line += " " + item + ","
    yield line


def escaped(text):
    return "".join("\\%03o" % byte for byte in text.encode())


def main():
    print(HEADER.format(version=unicodedata.unidata_version))
    names = {"upper": str.upper, "lower": str.lower, "title": str.title}
    for name, function in names.items():
        ranges, special = mapping(function)
        print(f"constexpr CaseRange k{name.title()}Ranges[] = {{")
        print(*lines("{0x%x, 0x%x, %d, %d}" % r for r in ranges), sep="\n")
        print("};")
        print(f"constexpr CaseSpecial k{name.title()}Specials[] = {{")
        print(*lines('{0x%x, "%s"}' % (code, escaped(text)) for code, text in special), sep="\n")
        print("};")
    print("\n}  // namespace\n")
    for name in names:
        t = name.title()
        print(f"const CaseTable k{t}Table = {{k{t}Ranges, k{t}Specials}};")
    print("\n}  // namespace thimble::jinja")


if __name__ == "__main__":
    main()
