"""Models whose tensors are missing, too many, misshaped, of the wrong type, or full of what is no number."""
import math
import struct

from base_models import HEAD, WIDTH, gemma3, llama, matrix, qwen2, vector
from case import BINDING_VERBS, LOADING_VERBS, MAY, REFUSE, RUN, Category
from gguf_file import BF16, F16, F32, Q4_0, Q8_0, Tensor

NONFINITE = {"nan": math.nan, "inf": math.inf, "minus-inf": -math.inf}
VECTORS = {"llama": ("output_norm.weight", "blk.0.attn_norm.weight", "blk.1.ffn_norm.weight"),
           "qwen2": ("blk.0.attn_q.bias", "blk.1.attn_k.bias", "blk.1.attn_v.bias"),
           "gemma3": ("blk.0.attn_q_norm.weight", "blk.1.attn_k_norm.weight", "blk.0.post_attention_norm.weight",
                      "blk.1.post_ffw_norm.weight")}
MATRICES = ("token_embd.weight", "blk.0.attn_q.weight", "blk.0.attn_k.weight", "blk.0.attn_v.weight",
            "blk.0.attn_output.weight", "blk.1.ffn_gate.weight", "blk.1.ffn_up.weight", "blk.1.ffn_down.weight")
UNTIED = {"llama": llama(tied=False), "qwen2": qwen2(tied=False), "gemma3": gemma3(tied=False)}


def presence(category):
    for family in ("llama", "qwen2", "gemma3"):
        for name in list(category.models[family].tensors):
            if name.startswith("blk.1.") or not name.startswith("blk."):
                category.change(f"{family}-without-{name}", lambda f, n=name: f.tensors.pop(n), words=name, family=family)
    for name in ("blk.0.attn_q.surprise", "blk.2.attn_q.weight", "blk.-1.attn_q.weight", "blk.00.attn_q.weight",
                 "blk.0.ffn_gate_exps.weight", "blk.0.ffn_gate_inp.weight", "unknown", "token_embd.bias", "blk.0.attn_q.weight ",
                 "BLK.0.ATTN_Q.WEIGHT", "blk.4294967296.attn_q.weight", "v.patch_embd.weight", "output.weight.lora_a"):
        category.change("extra-" + name, lambda f, n=name: f.add(Tensor(n, [32, 1], F16, b"\0" * 64)), words=name.strip())
    category.change("all-renamed", lambda f: [setattr(t, "name", "model." + t.name) for t in f.tensors.values()],
                    words="token_embd.weight")


def shapes(category):
    def put(name, tensor, shape, words=None, expect=REFUSE, family="llama"):
        def apply(file):
            file.tensors[tensor].shape = shape
        category.change(f"shape-{name}", apply, expect, (tensor, "expected") if words is None else words, family)

    put("q-transposed-gate", "blk.0.ffn_gate.weight", [96, 64])
    put("down-transposed", "blk.0.ffn_down.weight", [64, 96])
    put("k-transposed", "blk.0.attn_k.weight", [32, 64])
    put("embedding-transposed", "token_embd.weight", [270, 64], "")
    for rows in (1, 269, 271, 540):
        category.change(f"embedding-rows-{rows}", lambda f, r=rows: f.add(matrix("token_embd.weight", WIDTH, r, F16)),
                        words=("token_embd.weight", str(rows)), verbs=LOADING_VERBS)
    for columns in (32, 63, 65, 128):
        category.change(f"embedding-columns-{columns}", lambda f, c=columns: f.add(matrix("token_embd.weight", c, 270, F16)),
                        words="token_embd.weight")
    for name in ("blk.0.attn_q.weight", "blk.1.ffn_down.weight"):
        for shape in ([64], [4096], [64, 8, 8], [64, 4, 4, 4], [1, 4096], [4096, 1], [128, 32]):
            put(f"{name}-{'x'.join(map(str, shape))}", name, shape, name)
    for length in (1, 63, 65, 128):
        category.change(f"norm-of-{length}", lambda f, n=length: f.add(vector("output_norm.weight", n, 1.0)),
                        words="output_norm.weight")
    put("norm-as-matrix", "output_norm.weight", [8, 8], "output_norm.weight")
    put("norm-upright", "output_norm.weight", [1, 64], "output_norm.weight")
    put("trailing-ones", "blk.0.attn_q.weight", [64, 64, 1, 1], "", MAY)
    for family, role in (("qwen2", "attn_q.bias"), ("gemma3", "attn_q_norm.weight")):
        category.change(f"{family}-{role}-short", lambda f, r=role: f.add(vector(f"blk.0.{r}", HEAD // 2, 1.0)),
                        words=role, family=family)
    category.change("rope-freqs-short", lambda f: f.add(vector("rope_freqs.weight", 3, 1.0)), words="rope_freqs.weight")
    for name, value in (("zero", 0.0), ("negative", -1.0), ("nan", math.nan), ("inf", math.inf)):
        category.change(f"rope-freqs-{name}", lambda f, v=value: f.add(vector("rope_freqs.weight", HEAD // 2, v)),
                        words="rope_freqs.weight", verbs=LOADING_VERBS)
    category.change("rope-freqs-denormal", lambda f: f.add(vector("rope_freqs.weight", HEAD // 2, 1e-42)), MAY)


def poke(tensor, index, value):
    """One weight of a tensor of single numbers."""
    code, size = {F32: ("<f", 4), F16: ("<e", 2)}[tensor.kind]
    data = bytearray(tensor.data)
    struct.pack_into(code, data, index * size, value)
    tensor.data = bytes(data)


def nonfinite(category):
    for name, value in NONFINITE.items():
        for family, tensors in VECTORS.items():
            for tensor in tensors:
                category.change(f"{family}-{tensor}-{name}", lambda f, t=tensor, v=value: poke(f.tensors[t], 5, v),
                                words=(tensor, "finite"), family=family, verbs=LOADING_VERBS)
        for kind, label in ((F32, "f32"), (F16, "f16")):
            model = llama(kind=kind)
            for tensor in MATRICES:
                for place, index in (("first", 0), ("last", -1)):
                    file = with_poke(model, tensor, index, value)
                    category.add(f"{label}-{tensor}-{place}-{name}", file, REFUSE, (tensor, "finite"), LOADING_VERBS)
        for family, model in UNTIED.items():
            file = with_poke(model, "output.weight", 64 * 3, value)
            category.add(f"{family}-output-{name}", file, REFUSE, ("output.weight", "finite"), LOADING_VERBS)
    # Q8_0 blocks whose scale is no number, and F16's NaN with a payload.
    for bits, name in ((0x7e00, "nan"), (0x7c00, "inf"), (0xfc00, "minus-inf"), (0x7c01, "signalling-nan"), (0xffff, "all-ones")):
        for tensor in MATRICES:
            file = llama(kind=Q8_0)
            target = file.tensors[tensor]
            target.data = target.data[:34] + struct.pack("<H", bits) + target.data[36:]
            category.add(f"q8_0-{tensor}-scale-{name}", file, REFUSE, (tensor, "finite"), LOADING_VERBS)
    for kind, byte, label in ((F16, 0xff, "f16"), (Q8_0, 0xff, "q8_0"), (F32, 0xff, "f32")):
        file = llama(kind=kind)
        for tensor in file.tensors.values():
            tensor.data = bytes([byte]) * len(tensor.data)
        category.add(f"{label}-all-weights-ff", file, REFUSE, "finite", LOADING_VERBS)


def with_poke(model, tensor, index, value):
    target = model.tensors[tensor]
    before = target.data
    poke(target, index % (len(before) // {F32: 4, F16: 2}[target.kind]), value)
    content = model.build()
    target.data = before
    return content


def odd_numbers(category):
    for name, value in (("zero", 0.0), ("huge", 3e38), ("denormal", 1e-42), ("negative", -1.0)):
        category.change(f"norm-all-{name}", lambda f, v=value: f.add(vector("output_norm.weight", WIDTH, v)), MAY)
        file = llama(kind=F32)
        for tensor in file.tensors.values():
            tensor.data = struct.pack("<f", value) * (len(tensor.data) // 4)
        category.add(f"all-weights-{name}", file, MAY)
    for kind, block in ((Q4_0, 18), (BF16, 64)):
        category.change(f"norm-of-type-{kind}", lambda f, k=kind, b=block: f.add(
            Tensor("output_norm.weight", [64], k, b"\0\x3c" * (b * 2 // (2 if k == Q4_0 else 1) // 2))), MAY)


def cases():
    category = Category("tensors", BINDING_VERBS)
    presence(category)
    shapes(category)
    nonfinite(category)
    odd_numbers(category)
    category.change("untouched", lambda f: None, RUN)
    return category.cases
