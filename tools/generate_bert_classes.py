#!/usr/bin/env python3
"""Writes src/text/bert_class_table.h: what BERT's tokenizer makes of every code point, as ranges.

The classes are read off the Python package `tokenizers`, by asking it for each code point: its Unicode tables are older than
others', and vocabularies were made with them. Needs: pip install tokenizers==0.23.3
"""
import pathlib

import tokenizers
from tokenizers import normalizers, pre_tokenizers

VERSION = "0.23.3"
ORDER = ["text", "dropped", "white_space", "mark", "punctuation", "ideograph"]
LIMIT = 0x110000


def class_of(character):
    """Of the character as it stands; what it is decomposed into is looked up by itself."""
    cleaned = clean.normalize_str(character)
    if cleaned == "":
        return "dropped"
    if len(cleaned) == 3:  # spaces around it
        return "ideograph"
    if cleaned == " " or not split.pre_tokenize_str(character):
        return "white_space"
    if len(split.pre_tokenize_str(f"a{character}b")) == 3:
        return "punctuation"
    # Decomposed next to a letter, a mark goes away and takes nothing with it.
    return "mark" if strip.normalize_str(character) == "" else "text"


def main():
    assert tokenizers.__version__ == VERSION, tokenizers.__version__
    ranges = []
    for code_point in range(LIMIT):
        if 0xD800 <= code_point < 0xE000:
            continue
        found = ORDER.index(class_of(chr(code_point)))
        if not ranges or ranges[-1][1] != found:
            ranges.append((code_point, found))
    lines, line = [], " "
    for start, found in ranges:
        word = f" 0x{start << 3 | found:x},"
        if len(line) + len(word) > 120:
            lines.append(line)
            line = " "
        line += word
    lines.append(line)
    out = pathlib.Path(__file__).resolve().parent.parent / "src/text/bert_class_table.h"
    out.write_text(
        f"// Made by tools/generate_bert_classes.py from the Python package tokenizers {VERSION}; not edited by hand.\n"
        "// Each entry: first code point of a range << 3 | BertClass. A range ends where the next one begins.\n"
        "#pragma once\n\n#include <array>\n#include <cstdint>\n\nnamespace thimble {\n\n// clang-format off\n"
        f"inline constexpr std::array<uint32_t, {len(ranges)}> kBertClassRanges = {{\n"
        + "\n".join(lines)
        + "\n};\n// clang-format on\n\n}  // namespace thimble\n"
    )


clean = normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=True, strip_accents=False, lowercase=False)
strip = normalizers.BertNormalizer(clean_text=False, handle_chinese_chars=False, strip_accents=True, lowercase=False)
split = pre_tokenizers.BertPreTokenizer()

if __name__ == "__main__":
    main()
