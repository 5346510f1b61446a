"""Files that are no GGUF, or whose header, metadata or tensor table lies."""
import os
import struct

from case import ALL_VERBS, MAY, REFUSE, Category
from gguf_file import ARRAY, BOOL, F16, F32, FLOAT32, INT32, STRING, UINT8, UINT16, UINT32, UINT64, Q8_0, Tensor, Value, text, u32

HUGE = (2**31, 2**32 - 1, 2**32, 2**61, 2**62, 2**63 - 1, 2**63, 2**64 - 32, 2**64 - 1)


def foreign_files(add, model):
    lfs = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 1234\n"
    safetensors = b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    for name, content, words in (
            ("lfs-pointer", lfs, "LFS"), ("html", b"<!DOCTYPE html><html><body>Not Found</body></html>", "HTML"),
            ("html-after-space", b"\r\n  <html>", "HTML"), ("xml", b"<?xml version='1.0'?><Error/>", "XML"),
            ("zip", b"PK\3\4" + b"\0" * 100, "ZIP"), ("gzip", b"\x1f\x8b\x08" + b"\0" * 100, "gzip"),
            ("xz", b"\xfd7zXZ\0" + b"\0" * 100, "xz"), ("zstd", b"\x28\xb5\x2f\xfd" + b"\0" * 100, "Zstandard"),
            ("pickle", b"\x80\x02}q\0.", "pickle"), ("json", b'{"error": "gated"}', "JSON"),
            ("ggjt", b"tjgg\3\0\0\0" + b"\0" * 64, "GGUF"), ("ggml", b"lmgg\1\0\0\0" + b"\0" * 64, "GGUF"),
            ("ggla", b"algg\1\0\0\0" + b"\0" * 64, "adapter"), ("elf", b"\x7fELF" + b"\0" * 100, "GGUF"),
            ("text", b"Hello, this is no model.\n", "GGUF"), ("escapes", b"\x1b[2J\x1b]0;owned\x07", "GGUF"),
            ("zeros", b"\0" * 4096, "GGUF"), ("ones", b"\xff" * 4096, "GGUF"), ("one-byte", b"G", "cut short"),
            ("magic-only", b"GGUF", "cut short"), ("magic-and-version", b"GGUF\3\0\0\0", "cut short"),
            ("empty", b"", "empty"), ("lower-case-magic", b"gguf" + model().build()[4:], "GGUF"),
            ("magic-reversed", b"FUGG" + model().build()[4:], "GGUF"),
            ("byte-order-mark", b"\xef\xbb\xbf" + model().build(), "GGUF"),
            ("shifted-by-one", b"\n" + model().build(), "GGUF"),
            ("two-in-one-archive", b"ustar" + b"\0" * 507 + model().build(), "GGUF")):
        add(name, content, REFUSE, words)
    # What `info` can describe, and nothing can run.
    add("safetensors", struct.pack("<Q", len(safetensors)) + safetensors + b"\0" * 4, REFUSE, "safetensors",
        ("plan", "tokenize", "generate", "chat"))
    add("directory", os.mkdir, REFUSE, "directory")
    add("fifo", os.mkfifo, REFUSE, "FIFO")
    for device in ("null", "zero", "urandom", "tty"):
        add("device-" + device, lambda path, device=device: os.symlink("/dev/" + device, path), REFUSE,
            "" if device == "tty" else "device")
    add("dangling-link", lambda path: os.symlink("nowhere.gguf", path), REFUSE, "cannot be opened")
    add("link-to-itself", lambda path: os.symlink(os.path.basename(path), path), REFUSE, "cannot be opened")
    add("sparse-terabyte", lambda path: sparse(path, b"", 1 << 40), REFUSE, "")
    add("sparse-behind-magic", lambda path: sparse(path, b"GGUF\3\0\0\0", 1 << 33), REFUSE, "")
    add("sparse-claims-strings", lambda path: sparse(path, b"GGUF" + struct.pack("<IQQ", 3, 65535, 65535), 1 << 32), REFUSE, "")


def sparse(path, begin, size):
    with open(path, "wb") as out:
        out.write(begin)
        out.truncate(size)


def headers(change):
    for version in (0, 1, 4, 5, 0xffff, 2**31, 2**32 - 1):
        change(f"version-{version}", lambda f, v=version: setattr(f, "version", v), words="version")
    for version in (0x02000000, 0x03000000):
        change(f"big-endian-{version >> 24}", lambda f, v=version: setattr(f, "version", v), words="big-endian")
    for count in HUGE:
        change(f"tensor-count-{count}", lambda f, c=count: setattr(f, "tensor_count", c), words="tensors")
        change(f"value-count-{count}", lambda f, c=count: setattr(f, "value_count", c), words="metadata keys")
    for more in (1, 2, 1000):
        change(f"tensor-count-plus-{more}", lambda f, n=more: setattr(f, "tensor_count", len(f.tensors) + n))
        change(f"value-count-plus-{more}", lambda f, n=more: setattr(f, "value_count", len(f.values) + n))
    for less in (1, 5):
        change(f"tensor-count-minus-{less}", lambda f, n=less: setattr(f, "tensor_count", len(f.tensors) - n),
               verbs=("plan", "generate", "chat"))
        change(f"value-count-minus-{less}", lambda f, n=less: setattr(f, "value_count", len(f.values) - n))
    change("no-tensors", lambda f: f.tensors.clear(), words="token_embd.weight", verbs=("plan", "generate", "chat"))
    change("no-values", lambda f: f.values.clear(), words="general.architecture", verbs=("plan", "generate", "chat"))
    change("counts-of-zero", lambda f: (setattr(f, "tensor_count", 0), setattr(f, "value_count", 0)),
           verbs=("plan", "tokenize", "generate", "chat"))


def values(change):
    def put(name, key, value, words, expect=REFUSE):
        change(name, lambda f: f.more_values.append((key, value)), expect, words)

    put("empty-key", "", u32(1), "empty")
    put("key-too-long", "k" * 65536, u32(1), "65536")
    put("key-with-nul", "a\0b", u32(1), "", MAY)
    put("key-not-utf8", b"\xff\xfe", u32(1), "", MAY)
    put("key-twice", "llama.block_count", u32(2), "twice")
    put("key-twice-other-type", "tokenizer.ggml.tokens", u32(2), "twice")
    put("unknown-key-twice", "x", u32(1), "", MAY)
    change("any-key-twice", lambda f: f.more_values.extend([("x", u32(1)), ("x", u32(1))]), words="'x'")
    put("escapes-in-key", "a\x1b[31m\n\r", Value(99, b""), "\\x1b")
    for kind in (13, 14, 255, 2**31, 2**32 - 1):
        put(f"value-type-{kind}", "odd", Value(kind, b"\0" * 8), ("'odd'", "type"))
        put(f"element-type-{kind}", "odd", Value(ARRAY, struct.pack("<IQ", kind, 1) + b"\0" * 8), ("'odd'", "type"))
    nested = Value(ARRAY, struct.pack("<IQIQI", ARRAY, 1, UINT32, 1, 7))
    put("nested-array", "odd", nested, "array of arrays")
    put("deeply-nested-array", "odd", Value(ARRAY, struct.pack("<IQ", ARRAY, 1) * 10000), "array of arrays")
    for byte in (2, 127, 255):
        put(f"bool-{byte}", "odd", Value(BOOL, bytes([byte])), ("'odd'", "bool"))
        put(f"bools-{byte}", "odd", Value(ARRAY, struct.pack("<IQ", BOOL, 2) + bytes([1, byte])), ("'odd'", "bool"))
    for count in HUGE + (10**6, 10**9):
        for kind, name in ((UINT8, "bytes"), (UINT64, "words"), (STRING, "strings"), (FLOAT32, "floats")):
            put(f"array-of-{count}-{name}", "odd", Value.array(kind, [], count), "'odd'")
        put(f"string-of-{count}", "odd", Value(STRING, struct.pack("<Q", count)), "'odd'")
        put(f"string-{count}-in-array", "odd", Value(ARRAY, struct.pack("<IQQ", STRING, 1, count)), "'odd'")
        change(f"key-of-{count}", lambda f, c=count: (f.values.clear(), setattr(f, "value_count", 1),
                                                       setattr(f, "trailing", struct.pack("<Q", c))))


def alignments(change):
    for value in (0, 1, 3, 4, 24, 33, 100, 2**21, 2**31, 2**32 - 1):
        change(f"alignment-{value}", lambda f, v=value: f.set("general.alignment", u32(v)), words="general.alignment")
    for name, value in (("wide", Value.of(UINT64, 32)), ("narrow", Value.of(UINT16, 32)), ("signed", Value.of(INT32, 32)),
                        ("float", Value.of(FLOAT32, 32.0)), ("text", text("32")), ("array", Value.array(UINT32, [32]))):
        change("alignment-" + name, lambda f, v=value: f.set("general.alignment", v), words="general.alignment")
    change("alignment-above-real", lambda f: f.set("general.alignment", u32(4096)))


def tensor_tables(change):
    def put(name, change_tensor, words=(), tensor="blk.1.ffn_up.weight", expect=REFUSE):
        change(name, lambda f: change_tensor(f.tensors[tensor]), expect, words)

    for axes in (0, 5, 6, 255, 2**31, 2**32 - 1):
        put(f"axes-{axes}", lambda t, a=axes: setattr(t, "axes", a), "axes")
    for shape in ([0], [0, 96], [64, 0], [2**63], [2**64 - 1], [2**32, 2**32], [2**62, 1], [2**31, 2**31, 4],
                  [4194305, 4194305, 211106198978564], [2**64 - 32, 1], [1, 1, 1, 2**64 - 1], [2**33, 2**31]):
        put("shape-" + "x".join(map(str, shape)), lambda t, s=shape: setattr(t, "shape", s), "blk.1.ffn_up.weight")
    for kind in (4, 5, 9, 15, 24, 25, 26, 27, 28, 31, 32, 33, 36, 37, 38, 1000, 2**31, 2**32 - 1):
        put(f"tensor-type-{kind}", lambda t, k=kind: setattr(t, "kind", k), "blk.1.ffn_up.weight")
    put("type-needs-more", lambda t: setattr(t, "kind", F32), "blk.1.ffn_down.weight", "blk.1.ffn_down.weight")
    put("type-of-blocks-odd-row", lambda t: (setattr(t, "kind", Q8_0), setattr(t, "shape", [33, 96])), "multiple of 32")
    for offset in (1, 31, 33, 2**64 - 1):
        put(f"offset-{offset}", lambda t, o=offset: setattr(t, "offset", o), "blk.1.ffn_up.weight")
    for offset in (2**20, 2**31, 2**32, 2**63, 2**63 - 32, 2**64 - 32):
        put(f"offset-{offset}", lambda t, o=offset: setattr(t, "offset", o), "blk.1.ffn_up.weight")
    for offset in (0, 32, 64):
        put(f"overlap-{offset}", lambda t, o=offset: setattr(t, "offset", o), "overlap")
    change("all-tensors-alias", lambda f: [setattr(t, "offset", 0) for t in f.tensors.values()], words="overlap")
    change("tensor-twice", lambda f: f.more_tensors.append(f.tensors["output_norm.weight"]), words="twice")
    change("tensor-empty-name", lambda f: f.more_tensors.append(Tensor("", [1], F32, b"\0" * 4)), words="empty")
    change("tensor-name-65", lambda f: f.more_tensors.append(Tensor("n" * 65, [1], F32, b"\0" * 4)), words="65")
    change("tensor-name-64k", lambda f: f.more_tensors.append(Tensor("n" * 65536, [1], F32, b"\0" * 4)), words="65536")
    change("tensor-name-escapes", lambda f: f.more_tensors.append(Tensor("\x1b[2J", [1], F32, b"\0" * 4)),
           words="\\x1b", verbs=("plan", "generate", "chat"))


def split_files(change):
    for count in (2, 3, 65535):
        change(f"split-of-{count}", lambda f, c=count: f.set("split.count", Value.of(UINT16, c)), words="split",
               verbs=("plan", "generate", "chat"))
    change("split-count-text", lambda f: f.set("split.count", text("3")), words="split.count",
           verbs=("plan", "generate", "chat"))


def truncations(add, model):
    for family in ("llama", "qwen2", "gemma3"):
        whole = model(family).build()
        for part in (5, 8, 12, 16, 20, 24, 31, 40, 100, 1000):
            add(f"{family}-first-{part}-bytes", whole[:part], REFUSE, "")
        for percent in (2, 5, 10, 25, 50, 75, 90, 99):
            add(f"{family}-first-{percent}-percent", whole[:len(whole) * percent // 100], REFUSE, "cut short")
        add(f"{family}-last-byte-gone", whole.rstrip(b"\0")[:-64], REFUSE, "cut short")


def cases():
    category = Category("structure", ALL_VERBS)
    foreign_files(category.add, category.model)
    headers(category.change)
    values(category.change)
    alignments(category.change)
    tensor_tables(category.change)
    split_files(category.change)
    truncations(category.add, category.model)
    return category.cases
