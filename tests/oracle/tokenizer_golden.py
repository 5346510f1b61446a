#!/usr/bin/env python3
"""Makes tests/data/tokenizer/NAME.digests with llama.cpp's llama-tokenize.

    tokenizer_golden.py LLAMA_TOKENIZE NAME[@PRE]=MODEL.gguf...

@PRE puts another pre-tokenizer into the vocabulary first. The texts are made by the same generator as in
tests/text/tokenizer_texts.h: random strings of many scripts, then one text for each 256 code points. A digest is the 32-bit FNV-1a
hash of the token ids of 16 texts, as little-endian 32-bit integers, with -1 after each text. A file holds, as little-endian
32-bit integers: the number of random strings and of blocks of code points; the digests of the strings with control tokens as
ordinary text; the same with control tokens parsed; the digests of the blocks.

Loading a vocabulary takes longer than tokenizing a string. So a copy of the vocabulary gets one more user-defined token, which
llama.cpp finds before anything else, and a run of llama-tokenize sees many texts with that token between them.
Needs: pip install gguf numpy
"""
import pathlib
import subprocess
import sys
import tempfile

import gguf

SEPARATOR = "<|separator between the texts of a golden run|>"
RANDOM_STRINGS = 10000
BLOCKS = {"real": 0x1100, "vocabulary": 0x200}  # all of Unicode, or the planes that have scripts
GROUP = 16
BYTES_PER_RUN = 100_000  # llama.cpp takes quadratic time over the special tokens in a text

CONTRACTIONS = ["'s", "'S", "'t", "'re", "'RE", "'Ve", "'m", "'ll", "'lL", "'d", "'", "''s", "don't", " 'd", "\u2019s", "'\u017f"]
LOOK_ALIKES = ["<|im_start|>", "<|im_end|>", "<|endoftext|>", "<s>", "</s>", "<bos>", "<start_of_turn>", "<end_of_turn>",
               "<unused7>", "<|", "|>", "<0x41>", "[multimodal]", "<tool_call>", "<h1>", "\u2581", "\u2581\u2581", "<unk>",
               "<|eot_id|>", "<|end|>", "<|user|>", "<|assistant|> \n"]
SPACES = [0x85, 0xA0, 0x1680, 0x2000, 0x2003, 0x2007, 0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000, 0x200B, 0xFEFF, 0x180E, 0xB]
PUNCTUATION = "!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~"
BREAKS = "\n\r\t \n\n "


class Random:
    """Knuth's 64-bit linear congruential generator (MMIX), upper 31 bits."""

    def __init__(self, seed):
        self.state = seed

    def below(self, limit):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 33) % limit


def piece(random):
    kind = random.below(16)
    if kind == 0:
        word = "".join(chr(ord("a") + random.below(26)) for _ in range(1 + random.below(8)))
        return word if random.below(3) else word.upper()
    if kind == 1:
        return " " * (1 + random.below(6))
    if kind == 2:
        return "".join(BREAKS[random.below(len(BREAKS))] for _ in range(1 + random.below(4)))
    if kind == 3:
        return "".join(chr(ord("0") + random.below(10)) for _ in range(1 + random.below(7)))
    if kind == 4:
        return "".join(PUNCTUATION[random.below(len(PUNCTUATION))] for _ in range(1 + random.below(4)))
    if kind == 5:
        return "".join(chr(0x4E00 + random.below(0x5200)) for _ in range(1 + random.below(4)))
    if kind == 6:
        return chr(0x3040 + random.below(0xC0)) + chr(0xAC00 + random.below(11172))
    if kind == 7:
        emoji = chr(0x1F300 + random.below(0x300))
        return emoji if random.below(2) else emoji + "\ufe0f\u200d" + chr(0x1F300 + random.below(0x300))
    if kind == 8:
        return chr(ord("a") + random.below(26)) + chr(0x300 + random.below(0x70))
    if kind == 9:
        return "".join(chr(0x590 + random.below(0x170)) for _ in range(1 + random.below(4)))
    if kind == 10:
        return chr(0x10000 + random.below(0x10000))
    if kind == 11:
        code_point = random.below(0x110000 - 0x800)
        return chr(code_point + 0x800 if code_point >= 0xD800 else code_point)
    if kind == 12:
        return CONTRACTIONS[random.below(len(CONTRACTIONS))]
    if kind == 13:
        return LOOK_ALIKES[random.below(len(LOOK_ALIKES))]
    if kind == 14:
        return chr(0xA0 + random.below(0x1E0))
    return chr(SPACES[random.below(len(SPACES))])


def random_string(index):
    random = Random(index)
    return "".join([piece(random) for _ in range(1 + random.below(24))])


def code_point_block(block):
    """Each code point next to letters, digits, spaces and itself."""
    code_points = range(block * 256, block * 256 + 256)
    return "".join(f"a{chr(c)}b 1{chr(c)}2 {chr(c)}{chr(c)}\n" for c in code_points if not 0xD800 <= c < 0xE000)


def digest(texts):
    """Of the ids of several texts."""
    value = 0x811C9DC5
    for ids in texts:
        for token in [*ids, 0xFFFFFFFF]:
            for byte in token.to_bytes(4, "little"):
                value = (value ^ byte) * 0x01000193 % 2**32
    return value


def grouped(ids):
    return [digest(ids[i:i + GROUP]) for i in range(0, len(ids), GROUP)]


def write_digests(name, values):
    data = pathlib.Path(__file__).resolve().parent.parent / "data/tokenizer"
    (data / f"{name}.digests").write_bytes(b"".join(value.to_bytes(4, "little") for value in values))


def write_vocabulary(source, target, pre_tokenizer=None):
    """A copy of the metadata with the separator as one more user-defined token. Returns the separator's id."""
    reader = gguf.GGUFReader(source)
    architecture = reader.fields["general.architecture"].contents()
    writer = gguf.GGUFWriter(target, architecture)
    extra = {"tokenizer.ggml.tokens": SEPARATOR, "tokenizer.ggml.token_type": 4, "tokenizer.ggml.scores": 0.0}
    separator = None
    for key, field in reader.fields.items():
        if key.startswith("GGUF.") or key == "general.architecture":
            continue
        value = field.contents()
        kind = field.types[0]
        if key == "tokenizer.ggml.tokens":
            separator = len(value)
        if key in extra:
            value = [*value, extra[key]]
        if key == "tokenizer.ggml.pre" and pre_tokenizer:
            value = pre_tokenizer
        writer.add_key_value(key, value, kind, sub_type=field.types[-1] if kind == gguf.GGUFValueType.ARRAY else None)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    return separator


def tokenize(tool, vocabulary, separator, texts, parse_special):
    joined = "".join(text + SEPARATOR for text in texts).encode()
    command = [tool, "-m", vocabulary, "--stdin", "--ids", "--no-bos", "--no-escape", "--log-disable"]
    if not parse_special:
        command.append("--no-parse-special")
    run = subprocess.run(command, input=joined, capture_output=True, check=True)
    ids, found = [], []
    for word in run.stdout.decode().strip().strip("[]").split(","):
        if int(word) == separator:
            found.append(ids)
            ids = []
        else:
            ids.append(int(word))
    assert len(found) == len(texts) and not ids, (len(found), len(texts))
    return found


def batches(texts):
    batch, size = [], 0
    for text in texts:
        batch.append(text)
        size += len(text.encode()) + len(SEPARATOR)
        if size >= BYTES_PER_RUN:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def all_ids(tool, vocabulary, separator, texts, parse_special):
    out = []
    for batch in batches(texts):
        out += tokenize(tool, vocabulary, separator, batch, parse_special)
        print(f"\r{len(out)} of {len(texts)}", end="", file=sys.stderr)
    print(file=sys.stderr)
    return out


def main():
    tool, *models = sys.argv[1:]
    strings = [random_string(index) for index in range(RANDOM_STRINGS)]
    for model in models:
        name, path = model.split("=", 1)
        pre_tokenizer = name.partition("@")[2]
        count = BLOCKS["vocabulary" if name.startswith("ggml-vocab-") else "real"]
        blocks = [code_point_block(block) for block in range(count)]
        with tempfile.TemporaryDirectory() as folder:
            vocabulary = str(pathlib.Path(folder) / "vocabulary.gguf")
            separator = write_vocabulary(path, vocabulary, pre_tokenizer)
            values = [len(strings), count]
            values += grouped(all_ids(tool, vocabulary, separator, strings, False))
            values += grouped(all_ids(tool, vocabulary, separator, strings, True))
            values += grouped(all_ids(tool, vocabulary, separator, blocks, False))
        write_digests(name, values)


if __name__ == "__main__":
    main()
