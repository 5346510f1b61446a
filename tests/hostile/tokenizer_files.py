"""Models whose tokenizer tables contradict themselves, the weights, or sense."""
import math

from case import LOADING_VERBS, MAY, REFUSE, RUN, TOKENIZER_VERBS, Category
from gguf_file import ARRAY, FLOAT32, FLOAT64, INT32, INT64, STRING, UINT8, UINT32, Value, boolean, f32, string, text, u32
import struct

PREFIX = "tokenizer.ggml."
TYPES_OF_SPECIAL_IDS = ("bos_token_id", "eos_token_id", "unknown_token_id", "eot_token_id", "eom_token_id", "fim_pre_token_id",
                        "fim_pad_token_id", "padding_token_id", "seperator_token_id", "mask_token_id", "cls_token_id")


def strings(value):
    """The elements of an array of strings."""
    count = struct.unpack_from("<Q", value.data, 4)[0]
    at, out = 12, []
    for _ in range(count):
        length = struct.unpack_from("<Q", value.data, at)[0]
        out.append(value.data[at + 8:at + 8 + length])
        at += 8 + length
    return out


def numbers(value, code):
    count = struct.unpack_from("<Q", value.data, 4)[0]
    return list(struct.unpack_from(f"<{count}{code}", value.data, 12))


class Tables(Category):
    """Changes of single entries of the tables."""

    def key(self, name, value, label, expect=REFUSE, words=None, family="qwen2", verbs=None):
        self.change(f"{name}-{label}", lambda f: f.set(PREFIX + name, value), expect,
                    (PREFIX + name,) if words is None else words, family, verbs)

    def entry(self, table, index, new, label, expect=REFUSE, words=None, family="qwen2"):
        def apply(file):
            value = file.values[PREFIX + table]
            if table in ("tokens", "merges"):
                old = strings(value)
                old[index] = new
                file.set(PREFIX + table, Value.array(STRING, old))
            else:
                element = FLOAT32 if table == "scores" else INT32
                old = numbers(value, "f" if table == "scores" else "i")
                old[index] = new
                file.set(PREFIX + table, Value.array(element, old))
        self.change(f"{table}-{index}-{label}", apply, expect, (PREFIX + table,) if words is None else words, family)


def kinds(tables):
    for name in ("", "bpe", "GPT2", "llama2", "nonsense", "x" * 100000, "\x1b[31m", "none", "no_vocab"):
        tables.key("model", text(name), f"{name[:10]!r}")
    tables.key("model", u32(2), "number")
    tables.change("model-missing", lambda f: f.remove(PREFIX + "model"), words=PREFIX + "model")
    for name in ("nonsense", "QWEN2", "x" * 100000, "\x1b[31m\n"):
        tables.key("pre", text(name), f"{name[:10]!r}")
    tables.key("pre", u32(2), "number")
    tables.change("claims-spm", lambda f: f.set(PREFIX + "model", text("llama")), family="qwen2")
    tables.change("claims-bpe", lambda f: f.set(PREFIX + "model", text("gpt2")).set(PREFIX + "pre", text("qwen2")),
                  words=PREFIX + "merges", family="llama")


def lengths(tables):
    for table, family, element in (("tokens", "qwen2", STRING), ("tokens", "llama", STRING)):
        tables.change(f"{family}-tokens-missing", lambda f: f.remove(PREFIX + "tokens"), words=PREFIX + "tokens", family=family)
        tables.key(table, Value.array(element, []), f"{family}-empty", family=family)
        for keep in (1, 100, -1):
            tables.change(f"{family}-tokens-first-{keep}", lambda f, n=keep: f.set(
                PREFIX + "tokens", Value.array(STRING, strings(f.values[PREFIX + "tokens"])[:n])), words="", family=family,
                verbs=LOADING_VERBS)
        for more in (1, 1000):
            tables.change(f"{family}-tokens-{more}-more", lambda f, n=more: f.set(
                PREFIX + "tokens", Value.array(STRING, strings(f.values[PREFIX + "tokens"]) + [f"x{i}" for i in range(n)])),
                words="", family=family, verbs=LOADING_VERBS)
        tables.key("tokens", text("a"), f"{family}-text", family=family)
        tables.key("tokens", Value.array(UINT32, list(range(270))), f"{family}-numbers", family=family)
    for count in (0, 1, 269):
        tables.key("scores", Value.array(FLOAT32, [0.0] * count), f"of-{count}", family="llama")
        tables.key("token_type", Value.array(INT32, [1] * count), f"of-{count}", family="llama")
    for name, value in (("text", text("1")), ("number", u32(1)), ("strings", Value.array(STRING, ["1"] * 270)),
                        ("doubles", Value.array(FLOAT64, [1.0] * 270)), ("longs", Value.array(INT64, [1] * 270)),
                        ("bytes", Value.array(UINT8, [1] * 270))):
        tables.key("scores", value, name, family="llama")
        tables.key("token_type", value, name, family="llama")
    tables.key("token_type", Value.array(FLOAT32, [1.0] * 270), "floats", family="llama")
    for table in ("scores", "token_type"):
        tables.change(f"{table}-missing", lambda f, t=table: f.remove(PREFIX + t), MAY, family="llama")
        element = FLOAT32 if table == "scores" else INT32
        tables.key(table, Value.array(element, [1] * 300), "of-300", MAY, family="llama")


def tokens(tables):
    for text_of_byte in ("<0x-1>", "<0x>", "<0xG0>", "<0x100>", "<0x1>", "<0x 1>", "<0x+1>", "0x41", "", "<0x41", "<0X41>",
                         "<0x41> ", "\0" * 6, "x" * 70000):
        tables.entry("tokens", 10, text_of_byte, f"byte-{text_of_byte[:8]!r}", words=("tokens", "10"), family="llama")
    for label, new in (("duplicate", "hello"), ("empty", ""), ("not-utf8", b"\xff\xfe\xfd"), ("surrogate", b"\xed\xa0\x80"),
                       ("overlong", b"\xc0\x80"), ("nul", "\0"), ("nuls", "\0" * 1000), ("60k", "x" * 60000), ("space", " "),
                       ("escape", "\x1b[2J\x1b]0;x\x07"), ("newline", "\n"), ("bidi", "\u202e"), ("million", "y" * 1000000)):
        tables.entry("tokens", 258, new, label, MAY, "", "qwen2")
        tables.entry("tokens", 263, new, label, MAY, "", "llama")
    for family in ("qwen2", "llama"):
        for label, token in (("same", "a"), ("empty", ""), ("controls", "\x1b[31m"), ("not-utf8", b"\xff")):
            tables.key("tokens", Value.array(STRING, [token] * (268 if family == "qwen2" else 270)), f"{family}-all-{label}", MAY,
                       "", family)
    tables.change("no-byte-tokens", lambda f: f.set(PREFIX + "tokens", Value.array(
        STRING, ["<unk>"] + [f"t{i}" for i in range(269)])).set(PREFIX + "token_type", Value.array(INT32, [1] * 270)),
        words="byte token", family="llama")
    tables.change("special-too-long", lambda f: long_special(f, 5000), words="special token", family="qwen2")
    for value in (math.nan, math.inf, -math.inf):
        tables.entry("scores", 262, value, str(value), family="llama")
    tables.entry("scores", 262, 3e38, "3e38", MAY, "", "llama")
    for value in (-1, 0, 7, 1000, 2**31 - 1, -(2**31)):
        tables.entry("token_type", 262, value, str(value), MAY, "", "llama")
        tables.key("token_type", Value.array(INT32, [value] * 270), f"all-{value}", MAY, "", "llama")
    for kind in range(1, 7):
        tables.key("token_type", Value.array(INT32, [kind] * 270), f"all-{kind}", REFUSE if kind == 6 else MAY, "", "llama")
        tables.key("token_type", Value.array(INT32, [kind] * 268), f"bpe-all-{kind}", REFUSE if kind == 6 else MAY, "")


def long_special(file, length):
    tokens_of = strings(file.values[PREFIX + "tokens"])
    tokens_of[263] = b"s" * length
    file.set(PREFIX + "tokens", Value.array(STRING, tokens_of))


def merges(tables):
    for merge in ("", " ", "ab", " ab", "a  b", "a zz", "zz a", "a ", "h e l", "\0 \0", b"\xff \xff", "x" * 100000, "h" * 50000 + " e",
                  "z" * 1025 + " " + "z" * 1025, "he\x1b[2J x"):
        label = merge[:8] if isinstance(merge, str) else merge
        tables.entry("merges", 2, merge, f"{label!r}-{len(merge)}", words=("merges", "merge 2"))
    tables.change("merges-missing", lambda f: f.remove(PREFIX + "merges"), words=PREFIX + "merges", family="qwen2")
    for name, value in (("text", text("h e")), ("numbers", Value.array(INT32, [1, 2])), ("number", u32(1))):
        tables.key("merges", value, name)
    tables.key("merges", Value.array(STRING, []), "none", MAY)
    tables.key("merges", Value.array(STRING, ["h e"] * 1000), "same", MAY)
    tables.key("merges", Value(ARRAY, struct.pack("<IQ", STRING, 10**6) + string("h e") * 10**6), "million", MAY)
    tables.key("merges", Value(ARRAY, struct.pack("<IQ", STRING, 10**6) + string("") * 10**6), "million-empty")


def special_ids(tables):
    for name in TYPES_OF_SPECIAL_IDS:
        used = name.split("_")[0] not in ("padding", "seperator", "mask", "cls")
        for value in (268, 270, 2**31 - 1, 2**31, 2**32 - 1):
            if value >= 268:
                tables.key(name, u32(value), str(value), REFUSE if used else MAY)
        tables.key(name, Value.of(INT32, -1), "-1", REFUSE if used else MAY)
        tables.key(name, text("0"), "text", REFUSE if used else MAY)
        tables.key(name, f32(1.0), "float", REFUSE if used else MAY)
        tables.key(name, Value.array(UINT32, [1]), "array", REFUSE if used else MAY)
    for name in ("add_bos_token", "add_eos_token", "add_space_prefix"):
        for label, value in (("number", u32(1)), ("text", text("true")), ("float", f32(1.0))):
            tables.key(name, value, label, family="llama")
    tables.change("adds-eos-that-is-missing", lambda f: f.remove(PREFIX + "eos_token_id").set(PREFIX + "add_eos_token", boolean(True)),
                  words="eos_token_id", family="qwen2")
    tables.change("adds-bos-that-is-missing", lambda f: f.remove(PREFIX + "bos_token_id").set(PREFIX + "add_bos_token", boolean(True)),
                  words="bos_token_id", family="qwen2")
    for family in ("llama", "qwen2"):
        tables.change(f"{family}-no-eos", lambda f: f.remove(PREFIX + "eos_token_id"), RUN, family=family)
        tables.change(f"{family}-all-ids-0", lambda f: [f.set(PREFIX + n, u32(0)) for n in TYPES_OF_SPECIAL_IDS], MAY, family=family)


def cases():
    tables = Tables("tokenizer", TOKENIZER_VERBS)
    kinds(tables)
    lengths(tables)
    tokens(tables)
    merges(tables)
    special_ids(tables)
    return tables.cases
