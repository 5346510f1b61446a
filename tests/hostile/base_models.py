"""Small valid models that the hostile files are made from: llama with SentencePiece, qwen2 with byte-level BPE, gemma3."""
import random
import struct

from gguf_file import F16, F32, Q8_0, File, INT32, FLOAT32, STRING, Tensor, Value, boolean, f32, text, u32

TEMPLATE = ("{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}\n{% endfor %}"
            "{% if add_generation_prompt %}<|assistant|>{% endif %}")
WIDTH, HEADS, KV_HEADS, FEED_FORWARD = 64, 2, 1, 96
HEAD = WIDTH // HEADS
SEED = 4


def byte_level_alphabet():
    own = [b for b in range(256) if 0x21 <= b <= 0x7e or 0xa1 <= b <= 0xac or b >= 0xae]
    other = iter(range(256, 512))
    return [chr(b) if b in own else chr(next(other)) for b in range(256)]


def byte_level_tokenizer(file):
    tokens = byte_level_alphabet() + ["he", "ll", "hell", "hello", "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<tag>"]
    types = [1] * 260 + [3, 3, 3, 4]
    file.set("tokenizer.ggml.model", text("gpt2"))
    file.set("tokenizer.ggml.pre", text("qwen2"))
    file.set("tokenizer.ggml.tokens", Value.array(STRING, tokens))
    file.set("tokenizer.ggml.token_type", Value.array(INT32, types))
    file.set("tokenizer.ggml.merges", Value.array(STRING, ["h e", "l l", "he ll", "hell o"]))
    file.set("tokenizer.ggml.bos_token_id", u32(260))
    file.set("tokenizer.ggml.eos_token_id", u32(262))
    file.set("tokenizer.ggml.add_bos_token", boolean(False))
    return len(tokens)


def sentence_piece_tokenizer(file):
    pieces = ["\u2581", "h", "e", "l", "o", "he", "ll", "hell", "hello", "\u2581hello", "<tag>"]
    tokens = ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)] + pieces
    types = [2, 3, 3] + [6] * 256 + [1] * 10 + [4]
    scores = [0.0] * 259 + [-float(i) for i in range(len(pieces))]
    file.set("tokenizer.ggml.model", text("llama"))
    file.set("tokenizer.ggml.pre", text("default"))
    file.set("tokenizer.ggml.tokens", Value.array(STRING, tokens))
    file.set("tokenizer.ggml.scores", Value.array(FLOAT32, scores))
    file.set("tokenizer.ggml.token_type", Value.array(INT32, types))
    file.set("tokenizer.ggml.bos_token_id", u32(1))
    file.set("tokenizer.ggml.eos_token_id", u32(2))
    file.set("tokenizer.ggml.unknown_token_id", u32(0))
    file.set("tokenizer.ggml.add_bos_token", boolean(True))
    file.set("tokenizer.ggml.add_eos_token", boolean(False))
    return len(tokens)


def pack(values, kind):
    if kind == F32:
        return struct.pack(f"<{len(values)}f", *values)
    if kind == F16:
        return struct.pack(f"<{len(values)}e", *values)
    out = []
    for begin in range(0, len(values), 32):
        block = values[begin:begin + 32]
        scale = max(map(abs, block)) / 127 or 1.0
        out.append(struct.pack("<e32b", scale, *(round(value / scale) for value in block)))
    return b"".join(out)


def matrix(name, columns, rows, kind):
    source = random.Random(f"{SEED} {name}")
    spread = (3 / columns) ** 0.5
    return Tensor(name, [columns, rows], kind, pack([source.uniform(-spread, spread) for _ in range(columns * rows)], kind))


def vector(name, length, value):
    return Tensor(name, [length], F32, pack([value] * length, F32))


def decoder(architecture, tokenizer, blocks=2, kind=F16, tied=True, width=WIDTH, feed_forward=FEED_FORWARD):
    file = File()
    key, head = architecture + ".", width // HEADS
    file.set("general.architecture", text(architecture)).set("general.name", text("small " + architecture))
    for name, value in {"block_count": blocks, "context_length": 512, "embedding_length": width,
                        "feed_forward_length": feed_forward, "attention.head_count": HEADS,
                        "attention.head_count_kv": KV_HEADS, "rope.dimension_count": head}.items():
        file.set(key + name, u32(value))
    file.set(key + "attention.layer_norm_rms_epsilon", f32(1e-5)).set(key + "rope.freq_base", f32(10000.0))
    vocabulary = tokenizer(file)
    file.set("tokenizer.chat_template", text(TEMPLATE))
    file.add(matrix("token_embd.weight", width, vocabulary, kind)).add(vector("output_norm.weight", width, 1.0))
    if not tied:
        file.add(matrix("output.weight", width, vocabulary, kind))
    for block in range(blocks):
        name = f"blk.{block}."
        file.add(vector(name + "attn_norm.weight", width, 1.0)).add(vector(name + "ffn_norm.weight", width, 1.0))
        for role, columns, rows in (("attn_q", width, width), ("attn_k", width, head * KV_HEADS),
                                    ("attn_v", width, head * KV_HEADS), ("attn_output", width, width),
                                    ("ffn_gate", width, feed_forward), ("ffn_up", width, feed_forward),
                                    ("ffn_down", feed_forward, width)):
            file.add(matrix(name + role + ".weight", columns, rows, kind))
    return file


def llama(**options):
    return decoder("llama", sentence_piece_tokenizer, **options)


def qwen2(**options):
    file = decoder("qwen2", byte_level_tokenizer, **options)
    width = options.get("width", WIDTH)
    head = width // HEADS
    for block in range(options.get("blocks", 2)):
        for role, length in (("attn_q", width), ("attn_k", head * KV_HEADS), ("attn_v", head * KV_HEADS)):
            file.add(vector(f"blk.{block}.{role}.bias", length, 0.1))
    return file


def gemma3(**options):
    file = decoder("gemma3", sentence_piece_tokenizer, **options)
    width = options.get("width", WIDTH)
    head = width // HEADS
    file.set("gemma3.attention.key_length", u32(head)).set("gemma3.attention.value_length", u32(head))
    file.set("gemma3.attention.sliding_window", u32(16))
    for block in range(options.get("blocks", 2)):
        for role, length in (("attn_q_norm", head), ("attn_k_norm", head), ("post_attention_norm", width),
                             ("post_ffw_norm", width)):
            file.add(vector(f"blk.{block}.{role}.weight", length, 1.0))
    return file


FAMILIES = {"llama": llama, "qwen2": qwen2, "gemma3": gemma3}
