#!/usr/bin/env python3
"""Make the seeds and dictionaries that the fuzz targets start from.

    python3 fuzz/make_corpus.py FOLDER

Writes FOLDER/<target>/ with seeds and FOLDER/<target>.dict, from the parts of tests/hostile/ and the templates under tests/data/.
"""
import hashlib
import json
import os
import struct
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "hostile"))

import adapter_files  # noqa: E402
import base_models  # noqa: E402
import case  # noqa: E402
import hyperparameter_files  # noqa: E402
import structure_files  # noqa: E402
import template_files  # noqa: E402
from gguf_file import F32, INT32, STRING, File, Tensor, Value, text, u32  # noqa: E402

MOST_BYTES = 20 << 10
TEMPLATE_WORDS = ("{{", "}}", "{%", "%}", "{#", "#}", "{%-", "-%}", "for", "endfor", "if", "elif", "else", "endif", "set", "endset",
                  "macro", "endmacro", "call", "endcall", "filter", "endfilter", "generation", "endgeneration", "raw", "endraw",
                  "recursive", "loop", "loop.index0", "namespace", "messages", "tools", "content", "role", "add_generation_prompt",
                  "bos_token", "range", "dict", "raise_exception", "strftime_now", "is defined", "not in", "and", "or", "|", "~",
                  "**", "//", "tojson", "join", "map", "selectattr", "rejectattr", "groupby", "batch", "slice", "replace", "indent",
                  "trim", "upper", "length", "first", "sort", "unique", "string", "safe", "escape", "format", "split", "startswith",
                  "items", "none", "true", "false", "9223372036854775807", "break", "continue", "caller", "varargs", "kwargs")


def smallest(make):
    """A model of the family in 15 kilobytes, with a vocabulary of eight."""
    file = make(blocks=2, kind=base_models.Q8_0, width=32, feed_forward=32)
    embedding = file.tensors["token_embd.weight"]
    embedding.shape[1] = 8
    embedding.data = embedding.data[:8 * 34]
    file.set("tokenizer.ggml.tokens", Value.array(STRING, list("abcdefgh")))
    file.set("tokenizer.ggml.token_type", Value.array(INT32, [1] * 8))
    return file


def gguf_seeds():
    families = {name: (lambda make=make: smallest(make)) for name, make in base_models.FAMILIES.items()}
    yield from (make().build() for make in families.values())
    case.FAMILIES = families
    for module in (structure_files, hyperparameter_files):
        yield from (c.content for c in module.cases() if isinstance(c.content, bytes))


def template_seeds():
    for source in list(template_files.REFUSED.values()) + list(template_files.SURVIVED.values()):
        yield source.encode()
    folder = os.path.join(ROOT, "tests", "data", "templates")
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            yield from (source.encode() for source in templates_in(json.load(file)))


def templates_in(value):
    if isinstance(value, str):
        if "{%" in value or "{{" in value:
            yield value
    elif isinstance(value, (list, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from templates_in(item)


def text_seeds():
    texts = ("Hello, world!", "  two  spaces\n\n\nlines\t\tend ", "don't I'll WE'RE 12345678 3.14", "ünïcödé 日本語 русский",
             "👩‍👩‍👧‍👦 e\u0301\u0301\u0301", "<|im_start|>user\nhello<|im_end|>", "</s><tag><s>", "a" * 300, "\u2581\u2581hello", "\0\x01\x7f")
    for kind in range(16):
        yield from (bytes([kind]) + text.encode() for text in texts)
        yield bytes([kind]) + b"\xff\xfe\xed\xa0\x80\xc0\x80\xf4\x90\x80\x80"


def adapter_seeds():
    return (c.content for c in adapter_files.cases() if isinstance(c.content, bytes))


def fetch_seeds():
    texts = ("org/model", "org/model:Q4_K_M", "org/model@main/file-00001-of-00003.gguf", "https://example.org:8080/a/b.gguf?x=1#y",
             "http://[::1]/..%2f..%2fetc", "bytes 0-99/100", '[{"type":"file","path":"m.gguf","size":12,"lfs":{"oid":"00"}}]')
    return (text.encode() for text in texts)


def checkpoint_seeds():
    """The files of the small checkpoints of the tests, those that are small enough, and smaller ones of each kind."""
    names = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "generation_config.json", "added_tokens.json",
             "tokenizer.model", "vocab.json", "merges.txt", "vocab.txt", "chat_template.jinja", "chat_template.json")
    folder = os.path.join(ROOT, "tests", "data", "checkpoints")
    for case_name in sorted(os.listdir(folder)):
        files = []
        for index, name in enumerate(names):
            path = os.path.join(folder, case_name, name)
            if os.path.exists(path):
                with open(path, "rb") as file:
                    files.append(bytes([index]) + file.read())
        yield bytes([0, 255]) + b"\n====".join(files)
    added = [{"id": 4, "content": "<s>", "special": True}]
    for family in range(5):
        for model in ({"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2, "<0x0A>": 3}, "merges": ["a b"], "byte_fallback": True},
                      {"type": "WordPiece", "vocab": {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "a": 3}},
                      {"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0], ["a", -1], ["b", -2], ["ab", -3]]}):
            tree = {"added_tokens": added, "model": model, "normalizer": {"type": "Sequence", "normalizers": []},
                    "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False} if "merges" in model and family % 2 else None}
            config = {"bos_token": "<s>", "chat_template": [{"name": "x", "template": "y"}], "added_tokens_decoder": {"4": added[0]}}
            yield bytes([family, 7]) + b"\0" + json.dumps(tree).encode() + b"\n====\1" + json.dumps(config).encode()


def tool_call_seeds():
    calls = ('<tool_call>{"name":"f","arguments":{"a":"x"}}</tool_call>', '[TOOL_CALLS][{"name":"f","arguments":{"a":"x"}}]',
             '[TOOL_CALLS]f[ARGS]{"a":"x"}', '<|python_tag|>f.call(a="x")', '{"name":"f","parameters":{"a":"x"}}',
             '<think>no</think>yes', '<|tool_call|>[{"name":"f","arguments":{}}]<|/tool_call|>', '```tool_code\nf(a="x")\n```')
    return (bytes([kind, 7]) + call.encode() for kind in range(32) for call in calls)


def imatrix_seeds():
    """One of each form: two tensors, the second one's experts with a count each."""
    yield imatrix_file().build()
    entries = (b"blk.0.attn_q.weight", b"blk.0.ffn_up.weight")
    yield struct.pack("<i", len(entries)) + b"".join(struct.pack(f"<i{len(name)}s2i4f", len(name), name, 3, 4, 1, 2, 3, 4)
                                                     for name in entries) + struct.pack("<2i5s", 3, 5, b"a.txt")


def imatrix_file():
    file = File().set("general.type", text("imatrix")).set("imatrix.datasets", Value.array(STRING, ["a.txt"]))
    file.set("imatrix.chunk_count", u32(3)).set("imatrix.chunk_size", u32(8))
    for name, counts in (("blk.0.attn_q.weight", [24]), ("blk.0.ffn_up_exps.weight", [24, 0])):
        sums = [1.0, 2.0, 3.0, 4.0] * len(counts)
        file.add(Tensor(name + ".in_sum2", [4, len(counts)], F32, struct.pack(f"<{len(sums)}f", *sums)))
        file.add(Tensor(name + ".counts", [1, len(counts)], F32, struct.pack(f"<{len(counts)}f", *counts)))
    return file


def grammar_seeds():
    gbnf = ('root ::= (expr "=" term "\\n")+\nexpr ::= term ([-+*/] term)*\nterm ::= [a-z]+ | [0-9]{1,3} | "(" expr ")"', 'root ::= "a" root "b" | "\\u00e9"? # x')
    regexes = ("^(a|b)*c{2,3}[^x-z]\\d?$", "(?:x|\\u{1F600})+\\p{L}", "(?<n>a).*$")
    schemas = ('{"type":"object","properties":{"a":{"type":"integer","minimum":-3,"maximum":12},"b":{"$ref":"#/$defs/x"}},"required":["a"],"$defs":{"x":{"enum":[1,"x",null]}}}',
               '{"allOf":[{"anyOf":[{"type":"string","pattern":"^a","maxLength":5},{"type":"number","multipleOf":0.5}]},{"not":{"const":"ab"}}]}',
               '{"type":"array","prefixItems":[{"format":"date"}],"items":{"$ref":"#"},"maxItems":3}',
               '{"patternProperties":{"^x":{"oneOf":[{"type":"null"},{"const":3}]}},"additionalProperties":false,"minProperties":1}',
               '{"if":{"required":["a"]},"then":{"properties":{"a":{"minLength":1}}},"dependentRequired":{"a":["b"]},"unevaluatedProperties":false}')
    for kind, texts in enumerate((gbnf, regexes, schemas, schemas)):
        yield from (bytes([kind, 64]) + text.encode() for text in texts)


def safetensors_seeds():
    headers = ('{}', '{"__metadata__":{"format":"pt"}}', '{"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}}',
               '{"a":{"dtype":"BF16","shape":[8],"data_offsets":[0,16]}}', '{"a":{"dtype":"F64","shape":[2],"data_offsets":[0,16]}}',
               '{"a":{"dtype":"F16","shape":[0,3],"data_offsets":[0,0]},"b":{"dtype":"I64","shape":[2],"data_offsets":[0,16]}}',
               '{"b":{"dtype":"U8","shape":[6],"data_offsets":[10,16]},"a":{"dtype":"F16","shape":[5],"data_offsets":[0,10]}}')
    return (len(text).to_bytes(8, "little") + text.encode() + bytes(range(data)) for text in headers for data in (0, 16))


def log_seeds():
    folder = os.path.join(ROOT, "tests", "data", "logs")
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), "rb") as file:
            log = file.read()
        yield b"\x10\x00\x00" + log
        yield b"\x01\x05\x14" + log[:2000]


def document_seeds():
    """Manuals and logs of FieldOps, their beginnings and their middles, each behind the byte that chooses its reader."""
    folder = os.path.join(ROOT, "examples", "fieldops")
    for kind, names in enumerate((("manuals/pump-cp40.md", "manuals/skid-wt12.md"), ("manuals/oven-ro8.html",),
                                  ("logs/generator-dg150.csv", "logs/skid-wt12.csv"), ("manuals/press-hp63.md",), ("logs/gateway.log",))):
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                whole = file.read()
            yield from (bytes([kind]) + whole[at:at + 2048] for at in (0, len(whole) // 2))


def http_head_seeds():
    heads = ("GET / HTTP/1.1\r\nHost: a", "GET / HTTP/1.0", "POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\nExpect: 100-continue",
             "OPTIONS /props?a=b%20c HTTP/1.1\r\nHost: [::1]:80\r\nOrigin: null\r\nConnection: keep-alive, close",
             "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked", "GET / HTTP/1.1\r\nHost: a\r\nX-Y:\t z \r\nAuthorization: Bearer k")
    bodies = ('{"n": 1, "temperature": 0.5, "stop": ["a", "b"]}', '{"messages": [{"role": "user", "content": "\\u00e4"}]}', '{"a": {"b": [1, null, true, -2.5e3]}}')
    return (bytes([kind]) + text.encode() for kind, texts in enumerate((heads, bodies)) for text in texts)


TARGETS = {"gguf": (gguf_seeds, ("GGUF", *(f"llama.{key}" for key in hyperparameter_files.REQUIRED), "general.alignment",
                                 "split.count", "attn_norm", "token_embd.weight")),
           "template": (template_seeds, TEMPLATE_WORDS),
           "tokenizer": (text_seeds, ("<0x41>", "<|im_end|>", "<s>", "</s>")),
           "tokenizing": (text_seeds, ("<|im_end|>", "<tag>", "</s>", "\u2581", "'ll", "\r\n", "\u0301", "\u3000")),
           "checkpoint": (checkpoint_seeds, ('"model"', '"vocab"', '"merges"', '"added_tokens"', '"id"', '"content"', '"special"', "\n====",
                                             '"type"', '"BPE"', '"Unigram"', '"WordPiece"', '"normalizer"', '"pre_tokenizer"', '"ByteLevel"',
                                             '"TemplateProcessing"', '"bos_token"', '"eos_token_id"', "<0x41>", "\u2581")),
           "fetch": (fetch_seeds, ("hf:", "https://", "%2e", "-of-", "bytes ", '"oid"', '"size"', ".gguf")),
           "tool_calls": (tool_call_seeds, ("<tool_call>", "</tool_call>", "<think>", "</think>", "[TOOL_CALLS]", "[ARGS]",
                                            '"name"', '"arguments"', '"parameters"', "```", "\\u0041")),
           "imatrix": (imatrix_seeds, ("GGUF", "imatrix.chunk_size", "imatrix.datasets", "general.type", ".in_sum2", ".counts")),
           "grammar": (grammar_seeds, ("::=", "root", '"type"', '"properties"', '"required"', '"additionalProperties"', '"patternProperties"', '"$ref"', '"$defs"',
                                       '"anyOf"', '"oneOf"', '"allOf"', '"not"', '"enum"', '"const"', '"minimum"', '"maxLength"', '"pattern"', '"multipleOf"', '"format"',
                                       '"items"', '"prefixItems"', '"maxItems"', '"if"', '"then"', '"integer"', '"object"', "{1,3}", "[^", "(?:", "#/")),
           "safetensors": (safetensors_seeds, ('"dtype"', '"shape"', '"data_offsets"', "__metadata__", "F32", "BF16", "F16", "F64", "I64",
                                               "18446744073709551615")),
           "http_head": (http_head_seeds, ("HTTP/1.1", "\r\n", "Host: ", "Content-Length: ", "Transfer-Encoding: ", "Connection: ", "Expect: ",
                                           "POST ", '"n"', '"stop"', '"temperature"', "1e400", "\\ud800")),
           "log_summary": (log_seeds, ("2026-03-02 04:18:57 ", "Mar  2 04:18:57 ", "ERROR ", "WARNING ", "NOTICE ", "E07 ", " -> ", " from ", " to ", "\n\t",
                                       " link down", " restarted", " reset ", "state=FAULT", "temp=21.5", "\r\n", "\x1b[0m", '{"msg":"', "a;b;c\n", " | ")),
           "document": (document_seeds, ("# ", "| a | b |", "|---|---|", "```", "](", "---", "===", "1. ", "<table><tr><td>", "<li>", "<h2>",
                                         "</p>", "<pre>", "&deg;", "\u00a0", "\u2019", "\r\n", "\"\"", "3.1 Limits")),
           "adapter": (adapter_seeds, ("adapter.lora.alpha", ".lora_a", ".lora_b", "general.type", "adapter.type"))}


def escaped(word):
    return "".join(chr(b) if 32 < b < 127 and b not in b'"\\' else f"\\x{b:02x}" for b in word.encode())


def main(folder):
    for name, (seeds, words) in TARGETS.items():
        os.makedirs(os.path.join(folder, name), exist_ok=True)
        for seed in seeds():
            if len(seed) > MOST_BYTES:
                continue
            with open(os.path.join(folder, name, hashlib.sha1(seed).hexdigest()), "wb") as out:
                out.write(seed)
        with open(os.path.join(folder, name + ".dict"), "w", encoding="ascii") as out:
            out.writelines(f'"{escaped(word)}"\n' for word in words)


if __name__ == "__main__":
    main(sys.argv[1])
