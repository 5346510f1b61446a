"""Odd files that every verb must take."""
import struct

from base_models import FAMILIES, F32, Q8_0
from case import ALL_VERBS, RUN, Category
from gguf_file import (ARRAY, BOOL, FLOAT32, FLOAT64, INT8, INT16, INT32, INT64, STRING, UINT8, UINT16, UINT32, UINT64, Value, string,
                       text, u32)


def odd_metadata(change):
    for kind, value in ((UINT8, 255), (INT8, -128), (UINT16, 65535), (INT16, -1), (UINT32, 2**32 - 1), (INT32, -1), (BOOL, True),
                        (UINT64, 2**64 - 1), (INT64, -(2**63)), (FLOAT32, float("nan")), (FLOAT64, float("inf"))):
        change(f"unknown-key-of-type-{kind}", lambda f, k=kind, v=value: f.set("some.key", Value.of(k, v)))
        change(f"unknown-array-of-type-{kind}", lambda f, k=kind, v=value: f.set("some.key", Value.array(k, [v] * 3)))
        change(f"empty-array-of-type-{kind}", lambda f, k=kind: f.set("some.key", Value.array(k, [])))
    for name, value in (("empty", ""), ("nul", "\0"), ("not-utf8", b"\xff\xfe"), ("megabyte", "x" * 10**6), ("escapes", "\x1b[2J")):
        change(f"unknown-text-{name}", lambda f, v=value: f.set("some.key", text(v)))
        change(f"name-{name}", lambda f, v=value: f.set("general.name", text(v)))
    for name, key in (("spaces", "a key with spaces"), ("unicode", "ключ.\u00fc"), ("longest", "k" * 65535), ("no-dot", "key")):
        change(f"key-{name}", lambda f, k=key: f.set(k, u32(1)))
    change("ten-thousand-keys", lambda f: [f.set(f"some.key.{i}", u32(i)) for i in range(10000)])
    change("million-numbers", lambda f: f.set("some.key", Value(ARRAY, struct.pack("<IQ", UINT32, 10**6) + bytes(4 * 10**6))))
    change("million-empty-strings", lambda f: f.set("some.key", Value(ARRAY, struct.pack("<IQ", STRING, 10**6) + string("") * 10**6)))
    for name, value in (("file-type", u32(9999)), ("version", u32(0))):
        change(name, lambda f, n=name, v=value: f.set({"file-type": "general.file_type", "version": "general.quantization_version"}[n], v))


def odd_layout(change):
    change("version-2", lambda f: setattr(f, "version", 2))
    for alignment in (8, 16, 64, 4096, 65536):
        def align(file, value=alignment):
            file.alignment = value
            file.set("general.alignment", u32(value))
        change(f"alignment-{alignment}", align)
    for name, key in (("reversed", lambda item: [-b for b in item[0].encode()]), ("by-name", lambda item: item[0])):
        change(f"tensors-{name}", lambda f, k=key: setattr(f, "tensors", dict(sorted(f.tensors.items(), key=k))))
        change(f"values-{name}", lambda f, k=key: setattr(f, "values", dict(sorted(f.values.items(), key=k))))
    for size in (1, 31, 4096, 10**6):
        change(f"trailing-{size}-bytes", lambda f, n=size: setattr(f, "trailing", b"\xaa" * n))
    for gap in (32, 4096):
        change(f"holes-of-{gap}", lambda f, g=gap: setattr(f, "gap", g))
    change("data-in-another-order", other_order)


def other_order(file):
    """Names in one order, data in the other."""
    tensors = list(file.tensors.values())
    place = 0
    for tensor in reversed(tensors):
        tensor.offset = place
        place += len(tensor.data) + file.padding(len(tensor.data))
    blob = b"".join(t.data + b"\0" * file.padding(len(t.data)) for t in reversed(tensors))
    for tensor in tensors:
        tensor.data = b""
    tensors[0].data = blob


def cases():
    category = Category("valid", ALL_VERBS)
    for family, make in FAMILIES.items():
        def change(name, apply, family=family):
            category.change(f"{family}-{name}", apply, RUN, family=family)
        change("as-it-is", lambda f: None)
        odd_layout(change)
        if family == "llama":
            odd_metadata(change)
        for kind, label in ((F32, "f32"), (Q8_0, "q8_0")):
            category.add(f"{family}-{label}", make(kind=kind), RUN)
        category.add(f"{family}-untied", make(tied=False), RUN)
        category.add(f"{family}-one-block", make(blocks=1), RUN)
        category.add(f"{family}-24-blocks", make(blocks=24), RUN)
    return category.cases
