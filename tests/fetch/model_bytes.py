"""Models in GGUF's format (ggml, docs/gguf.md), made of nothing but Python: small ones that run, and headers of large ones."""
import hashlib
import random
import struct

F32, Q4_0, FUTURE = 0, 2, 250  # the last one is no number format
BLOCK = {F32: (1, 4), Q4_0: (32, 18), FUTURE: (1, 4)}
UINT32, FLOAT32, STRING, ARRAY = 4, 6, 8, 9


def text(value):
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def key(name, kind, data):
    return text(name) + struct.pack("<I", kind) + data


def header_and_size(width=64, feed_forward=96, blocks=1, heads=2, vocabulary=300, number_type=F32, architecture="llama",
                    label=None, padding=0):
    """The bytes before the tensor data, and the size of the whole file."""
    a = architecture
    values = [key("general.architecture", STRING, text(a)),
              key(f"{a}.attention.layer_norm_rms_epsilon", FLOAT32, struct.pack("<f", 1e-5))]
    for name, number in (("context_length", 512), ("embedding_length", width), ("block_count", blocks),
                         ("feed_forward_length", feed_forward), ("attention.head_count", heads),
                         ("attention.head_count_kv", heads), ("rope.dimension_count", width // heads)):
        values.append(key(f"{a}.{name}", UINT32, struct.pack("<I", number)))
    if label:
        values.append(key("general.size_label", STRING, text(label)))
    if padding:
        values.append(key("general.description", STRING, text("x" * padding)))
    spelled = [chr(b) if 33 <= b <= 126 else chr(256 + b) for b in range(256)]
    tokens = spelled + ["<|end|>"] + [f"<unused{i}>" for i in range(257, vocabulary)]
    values += [key("tokenizer.ggml.model", STRING, text("gpt2")), key("tokenizer.ggml.pre", STRING, text("gpt-2")),
               key("tokenizer.ggml.tokens", ARRAY, struct.pack("<IQ", STRING, len(tokens)) + b"".join(map(text, tokens))),
               key("tokenizer.ggml.merges", ARRAY, struct.pack("<IQ", STRING, 0)),
               key("tokenizer.ggml.eos_token_id", UINT32, struct.pack("<I", 256))]
    tensors = [("token_embd.weight", (width, vocabulary)), ("output_norm.weight", (width,))]
    for b in range(blocks):
        tensors += [(f"blk.{b}.{name}.weight", shape) for name, shape in (
            ("attn_norm", (width,)), ("attn_q", (width, width)), ("attn_k", (width, width)), ("attn_v", (width, width)),
            ("attn_output", (width, width)), ("ffn_norm", (width,)), ("ffn_gate", (width, feed_forward)),
            ("ffn_up", (width, feed_forward)), ("ffn_down", (feed_forward, width)))]
    out = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(values)) + b"".join(values)
    offset = 0
    for name, shape in tensors:
        kind = number_type if len(shape) == 2 else F32
        elements = 1
        for length in shape:
            elements *= length
        out += text(name) + struct.pack("<I", len(shape)) + struct.pack(f"<{len(shape)}Q", *shape)
        out += struct.pack("<IQ", kind, offset)
        weights, size = BLOCK[kind]
        offset += (elements // weights * size + 31) // 32 * 32
    out += b"\0" * (-len(out) % 32)
    return out, len(out) + offset


def model(seed=1, **shape):
    """A whole model; the seed decides its weights alone."""
    head, size = header_and_size(**shape)
    count = (size - len(head)) // 4
    rng = random.Random(seed)
    block = struct.pack("<1024f", *(rng.uniform(-0.1, 0.1) for _ in range(1024)))
    return head + (block * (count // 1024 + 1))[:count * 4]


def digest(data):
    return hashlib.sha256(data).hexdigest()
