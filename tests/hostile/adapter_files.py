"""LoRA adapters that do not fit their model, and files of the one kind given as the other. Keys and names as llama.cpp has them."""
import math
import random

from base_models import F32, FEED_FORWARD, HEAD, KV_HEADS, WIDTH, pack
from case import MAY, REFUSE, RUN, Category
from gguf_file import F16, Q8_0, STRING, UINT32, File, Tensor, Value, f32, text, u32

VERBS = ("generate-lora",)
RANK = 4
TARGETS = {"attn_q": (WIDTH, WIDTH), "attn_v": (WIDTH, HEAD * KV_HEADS), "ffn_down": (FEED_FORWARD, WIDTH)}


def factor(name, columns, rows, kind=F32):
    source = random.Random(name)
    return Tensor(name, [columns, rows], kind, pack([source.uniform(-0.02, 0.02) for _ in range(columns * rows)], kind))


def adapter(kind=F32, rank=RANK, blocks=(0, 1)):
    file = File()
    file.set("general.architecture", text("llama")).set("general.type", text("adapter")).set("general.name", text("small adapter"))
    file.set("adapter.type", text("lora")).set("adapter.lora.alpha", f32(8.0))
    for block in blocks:
        for role, (columns, rows) in TARGETS.items():
            base = f"blk.{block}.{role}.weight"
            file.add(factor(base + ".lora_a", columns, rank, kind)).add(factor(base + ".lora_b", rank, rows, kind))
    return file


def cases():
    category = Category("adapters", VERBS)
    name_a, name_b = "blk.0.attn_q.weight.lora_a", "blk.0.attn_q.weight.lora_b"

    def change(name, apply, expect=REFUSE, words=(), verbs=None):
        file = adapter()
        apply(file)
        category.add(name, file, expect, words, verbs)

    change("as-it-is", lambda f: None, RUN)
    change("given-as-a-model", lambda f: None, words="adapter", verbs=("plan", "generate", "chat"))
    category.add("a-model-as-adapter", category.model(), words="adapter")
    change("architecture-qwen2", lambda f: f.set("general.architecture", text("qwen2")), words="qwen2")
    change("architecture-missing", lambda f: f.remove("general.architecture"), words="architecture")
    change("adapter.lora.alpha-missing", lambda f: f.remove("adapter.lora.alpha"), MAY)
    for key in ("general.type", "adapter.type"):
        change(f"{key}-missing", lambda f, k=key: f.remove(k), words=key)
    for key in ("general.type", "adapter.type", "adapter.lora.alpha"):
        change(f"{key}-of-another-type", lambda f, k=key: f.set(k, Value.array(UINT32, [1])), words=key)
    change("type-model", lambda f: f.set("general.type", text("model")), words="general.type")
    for kind in ("", "dora", "LORA", "aLora", "ia3"):
        change(f"adapter-type-{kind or 'empty'}", lambda f, k=kind: f.set("adapter.type", text(k)), words="adapter.type")
    for value in (math.nan, math.inf, -math.inf, 1e30):
        change(f"alpha-{value}", lambda f, v=value: f.set("adapter.lora.alpha", f32(v)), words="adapter.lora.alpha")
    for value in (0.0, -8.0, 1e-40):
        change(f"alpha-{value}", lambda f, v=value: f.set("adapter.lora.alpha", f32(v)), MAY)
    change("alpha-text", lambda f: f.set("adapter.lora.alpha", text("8")), words="adapter.lora.alpha")
    change("no-tensors", lambda f: f.tensors.clear())
    change("only-a", lambda f: f.tensors.pop(name_b), words="blk.0.attn_q.weight")
    change("only-b", lambda f: f.tensors.pop(name_a), words="blk.0.attn_q.weight")
    for rank in (1, 3, 5, 64):
        change(f"a-of-rank-{rank}", lambda f, r=rank: f.add(factor(name_a, WIDTH, r)), words="blk.0.attn_q.weight")
        change(f"b-of-rank-{rank}", lambda f, r=rank: f.add(factor(name_b, r, WIDTH)), words="blk.0.attn_q.weight")
    change("rank-0", lambda f: setattr(f.tensors[name_a], "shape", [WIDTH, 0]), words=name_a)
    change("rank-2-to-63", lambda f: setattr(f.tensors[name_a], "shape", [WIDTH, 2**63]), words=name_a)
    change("rank-above-width", lambda f: (f.add(factor(name_a, WIDTH, 4096)), f.add(factor(name_b, 4096, WIDTH))), MAY)
    change("a-transposed", lambda f: setattr(f.tensors[name_a], "shape", [RANK, WIDTH]), words="blk.0.attn_q.weight")
    change("b-transposed", lambda f: setattr(f.tensors[name_b], "shape", [WIDTH, RANK]), words="blk.0.attn_q.weight")
    change("swapped", lambda f: (setattr(f.tensors[name_a], "name", name_b), setattr(f.tensors[name_b], "name", name_a)),
           words="blk.0.attn_q.weight")
    for columns in (1, WIDTH - 1, WIDTH + 1, 2 * WIDTH):
        change(f"a-of-{columns}-columns", lambda f, c=columns: f.add(factor(name_a, c, RANK)), words="blk.0.attn_q.weight")
        change(f"b-of-{columns}-rows", lambda f, r=columns: f.add(factor(name_b, RANK, r)), words="blk.0.attn_q.weight")
    for axes in (0, 5):
        change(f"a-of-{axes}-axes", lambda f, a=axes: setattr(f.tensors[name_a], "axes", a))
    change("a-of-three-axes", lambda f: setattr(f.tensors[name_a], "shape", [WIDTH, 2, 2]), words=name_a)
    change("a-as-vector", lambda f: setattr(f.tensors[name_a], "shape", [WIDTH * RANK]), words="blk.0.attn_q.weight")
    change("aliased", lambda f: (setattr(f.tensors[name_b], "offset", 0)), words="overlap")
    change("twice", lambda f: f.more_tensors.append(f.tensors[name_a]), words="twice")
    for base in ("blk.2.attn_q.weight", "blk.99.attn_q.weight", "blk.-1.attn_q.weight", "blk.0.attn_q.surprise", "nothing",
                 "blk.0.attn_norm.weight", "output.weight", "rope_freqs.weight"):
        change(f"for-{base}", lambda f, b=base: (f.add(factor(b + ".lora_a", WIDTH, RANK)), f.add(factor(b + ".lora_b", RANK, WIDTH))),
               words=base)
    for name in ("blk.0.attn_q.weight", "blk.0.attn_q.weight.lora_c", ".lora_a", "blk.0.attn_q.weight.lora_a.lora_a"):
        change(f"tensor-{name}", lambda f, n=name: f.add(factor(n, WIDTH, RANK)), words=name)
    for name, value in (("nan", math.nan), ("inf", math.inf), ("minus-inf", -math.inf)):
        for tensor in (name_a, name_b):
            def spoil(file, tensor=tensor, value=value):
                file.tensors[tensor].data = pack([value], F32) + file.tensors[tensor].data[4:]
            change(f"{tensor[-6:]}-{name}", spoil, words=(tensor, "finite"))
    for kind in (9, 24, 99):
        change(f"a-of-type-{kind}", lambda f, k=kind: setattr(f.tensors[name_a], "kind", k), words=name_a)
    category.add("f16", adapter(kind=F16), RUN)
    category.add("one-block", adapter(blocks=(1,)), RUN)
    category.add("rank-1", adapter(rank=1), RUN)
    category.add("q8_0-rank-32", adapter(kind=Q8_0, rank=32), MAY)
    change("unknown-keys", lambda f: f.set("some.key", Value.array(STRING, ["x"])).set("adapter.lora.task_name", text("t")), RUN)
    whole = adapter().build()
    for percent in (1, 10, 50, 99):
        category.add(f"first-{percent}-percent", whole[:len(whole) * percent // 100], words="")
    change("base-of-another-block-count", lambda f: f.set("llama.block_count", u32(99)), MAY)
    return category.cases
