"""A GGUF file as its parts, so that a script can lie about any of them. Specification: ggml, docs/gguf.md."""
import struct

UINT8, INT8, UINT16, INT16, UINT32, INT32, FLOAT32, BOOL, STRING, ARRAY, UINT64, INT64, FLOAT64 = range(13)
SCALARS = {UINT8: "<B", INT8: "<b", UINT16: "<H", INT16: "<h", UINT32: "<I", INT32: "<i", FLOAT32: "<f", BOOL: "<?",
           UINT64: "<Q", INT64: "<q", FLOAT64: "<d"}
F32, F16, Q4_0, Q8_0, BF16 = 0, 1, 2, 8, 30
# Weights and bytes of a block.
BLOCKS = {F32: (1, 4), F16: (1, 2), Q4_0: (32, 18), Q8_0: (32, 34), BF16: (1, 2)}


def as_bytes(text):
    return text.encode() if isinstance(text, str) else text


def string(text):
    raw = as_bytes(text)
    return struct.pack("<Q", len(raw)) + raw


def scalar(kind, value):
    return string(value) if kind == STRING else struct.pack(SCALARS[kind], value)


class Value:
    """A metadata value: its type and its bytes as they stand in the file."""

    def __init__(self, kind, data):
        self.kind, self.data = kind, data

    @staticmethod
    def of(kind, value):
        return Value(kind, scalar(kind, value))

    @staticmethod
    def array(element, values, count=None):
        data = b"".join(scalar(element, value) for value in values)
        return Value(ARRAY, struct.pack("<IQ", element, len(values) if count is None else count) + data)


def u32(value):
    return Value.of(UINT32, value)


def f32(value):
    return Value.of(FLOAT32, value)


def text(value):
    return Value.of(STRING, value)


def boolean(value):
    return Value.of(BOOL, value)


class Tensor:
    def __init__(self, name, shape, kind, data):
        self.name, self.shape, self.kind, self.data = name, list(shape), kind, data
        self.offset = None  # where the file says that the data begins; None: where it does
        self.axes = None    # None: as many as the shape has


class File:
    """`values` by key, `tensors` by name, both in the order of the file; None in a header field: the truth."""

    def __init__(self):
        self.magic, self.version, self.alignment = b"GGUF", 3, 32
        self.values, self.tensors = {}, {}
        self.value_count, self.tensor_count = None, None
        self.more_values = []  # (key, Value) behind the others: a key that is there already, say
        self.more_tensors = []
        self.trailing = b""
        self.gap = 0  # bytes between the tensors' data beyond the padding

    def set(self, key, value):
        self.values[key] = value
        return self

    def remove(self, key):
        del self.values[key]
        return self

    def add(self, tensor):
        self.tensors[tensor.name] = tensor
        return self

    def header(self, values, tensors):
        counts = (len(tensors) if self.tensor_count is None else self.tensor_count,
                  len(values) if self.value_count is None else self.value_count)
        return self.magic + struct.pack("<IQQ", self.version, *counts)

    def padding(self, size):
        return -size % self.alignment

    def build(self):
        values = list(self.values.items()) + self.more_values
        tensors = list(self.tensors.values()) + self.more_tensors
        out = [self.header(values, tensors)]
        for key, value in values:
            out.append(string(key) + struct.pack("<I", value.kind) + value.data)
        data, place = [], 0
        for tensor in tensors:
            offset = place if tensor.offset is None else tensor.offset
            axes = len(tensor.shape) if tensor.axes is None else tensor.axes
            out.append(string(tensor.name) + struct.pack("<I", axes))
            out.append(b"".join(struct.pack("<Q", length) for length in tensor.shape))
            out.append(struct.pack("<IQ", tensor.kind, offset))
            filled = tensor.data + b"\0" * (self.padding(len(tensor.data)) + self.gap)
            data.append(filled)
            place += len(filled)
        head = b"".join(out)
        return head + b"\0" * self.padding(len(head)) + b"".join(data) + self.trailing
