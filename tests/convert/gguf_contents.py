"""What a GGUF file holds, read with Python's own library alone. Specification: ggml, docs/gguf.md."""
import hashlib
import math
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "hostile"))
from gguf_file import ARRAY, BLOCKS, SCALARS, STRING  # noqa: E402


class Reader:
    def __init__(self, path):
        self.raw, self.at = pathlib.Path(path).read_bytes(), 0

    def take(self, form):
        value = struct.unpack_from(form, self.raw, self.at)[0]
        self.at += struct.calcsize(form)
        return value

    def string(self):
        size = self.take("<Q")
        self.at += size
        return self.raw[self.at - size:self.at].decode()

    def value(self, kind):
        if kind == STRING:
            return self.string()
        if kind == ARRAY:
            element, count = self.take("<I"), self.take("<Q")
            return [self.value(element) for _ in range(count)]
        return self.take(SCALARS[kind])


def contents(path):
    """(values by key as [type, value], tensors by name as [type, shape, bytes])."""
    r = Reader(path)
    assert r.raw[:4] == b"GGUF"
    r.at = 8
    tensor_count, value_count = r.take("<Q"), r.take("<Q")
    values, tensors = {}, {}
    for _ in range(value_count):
        key, kind = r.string(), r.take("<I")
        values[key] = [kind, r.value(kind)]
    for _ in range(tensor_count):
        name = r.string()
        shape = [r.take("<Q") for _ in range(r.take("<I"))]
        tensors[name] = [r.take("<I"), shape, r.take("<Q")]
    begin = -(-r.at // 32) * 32
    for entry in tensors.values():
        weights, size = BLOCKS[entry[0]]
        count = math.prod(entry[1]) // weights * size
        entry[2] = r.raw[begin + entry[2]:begin + entry[2] + count]
    return values, tensors


def digest(data):
    return hashlib.sha256(data).hexdigest()[:16]
