"""Models whose structure is sound and whose hyper-parameters are not."""
import math

from case import BINDING_VERBS, LOADING_VERBS, MAY, REFUSE, Category
from gguf_file import (BOOL, FLOAT32, FLOAT64, INT8, INT32, INT64, STRING, UINT8, UINT16, UINT32, UINT64, Value, boolean, f32,
                       text, u32)

REQUIRED = ("block_count", "context_length", "embedding_length", "feed_forward_length", "attention.head_count",
            "attention.layer_norm_rms_epsilon")
INTEGERS = ("block_count", "context_length", "embedding_length", "feed_forward_length", "attention.head_count",
            "attention.head_count_kv", "rope.dimension_count")
OPTIONAL_INTEGERS = ("attention.key_length", "attention.value_length", "rope.scaling.original_context_length")
REALS = ("attention.layer_norm_rms_epsilon", "rope.freq_base")
OPTIONAL_REALS = ("rope.scaling.factor", "rope.scaling.attn_factor", "rope.scaling.yarn_beta_fast",
                  "rope.scaling.yarn_beta_slow")


def wrong_types(change, family):
    for key in INTEGERS + OPTIONAL_INTEGERS:
        for name, value in (("text", text("2")), ("float", f32(2.0)), ("bool", boolean(True)), ("strings", Value.array(STRING, ["2"])),
                            ("floats", Value.array(FLOAT32, [2.0])), ("empty-array", Value.array(UINT32, [])),
                            ("uneven-array", Value.array(UINT32, [1, 2]))):
            change(f"{family}-{key}-{name}", lambda f, k=key, v=value: f.set(f"{family}.{k}", v), words=key, family=family)
    for key in REALS + OPTIONAL_REALS:
        for name, value in (("text", text("1")), ("bool", boolean(True)), ("array", Value.array(FLOAT32, [1.0]))):
            change(f"{family}-{key}-{name}", lambda f, k=key, v=value: f.set(f"{family}.{k}", v), words=key, family=family)


def wrong_numbers(change, family):
    for key in INTEGERS:
        for value in (-1, -(2**31)):
            change(f"{family}-{key}-{value}", lambda f, k=key, v=value: f.set(f"{family}.{k}", Value.of(INT32, v)),
                   words=key, family=family)
        for value in (2**31, 2**32 - 1):
            change(f"{family}-{key}-{value}", lambda f, k=key, v=value: f.set(f"{family}.{k}", u32(v)), words=key,
                   family=family)
        for value in (2**32, 2**63, 2**64 - 1):
            change(f"{family}-{key}-{value}", lambda f, k=key, v=value: f.set(f"{family}.{k}", Value.of(UINT64, v)),
                   words=key, family=family)
        if key != "rope.dimension_count" and key != "attention.head_count_kv":
            change(f"{family}-{key}-0", lambda f, k=key: f.set(f"{family}.{k}", u32(0)), words=key, family=family)
    for key in REALS + OPTIONAL_REALS:
        for value in (math.nan, math.inf, -math.inf, -1.0):
            change(f"{family}-{key}-{value}", lambda f, k=key, v=value: f.set(f"{family}.{k}", f32(v)), words=key,
                   family=family)
        change(f"{family}-{key}-1e300", lambda f, k=key: f.set(f"{family}.{k}", Value.of(FLOAT64, 1e300)), words=key,
               family=family)
        if key != "rope.scaling.attn_factor":
            change(f"{family}-{key}-0", lambda f, k=key: f.set(f"{family}.{k}", f32(0.0)), words=key, family=family)
        change(f"{family}-{key}-denormal", lambda f, k=key: f.set(f"{family}.{k}", f32(1e-42)), MAY, key, family)


def inconsistent(change):
    def put(name, values, words, expect=REFUSE, family="llama", verbs=None):
        def apply(file):
            for key, value in values.items():
                file.set(f"{family}.{key}", value)
        change(f"{family}-{name}", apply, expect, words, family, verbs)

    for count in (1, 3, 4, 100, 512, 513, 100000):
        put(f"block-count-{count}", {"block_count": u32(count)}, ("blk." if count < 4 else "", "tensor" if count < 513 else ""))
    for width in (1, 32, 63, 65, 128, 65536, 65537):
        put(f"embedding-length-{width}", {"embedding_length": u32(width)}, "")
    for width in (1, 95, 97, 192, 262144, 262145):
        put(f"feed-forward-length-{width}", {"feed_forward_length": u32(width)}, "ffn" if width < 262145 else "feed_forward_length")
    for heads in (1, 3, 4, 7, 64, 1025):
        put(f"head-count-{heads}", {"attention.head_count": u32(heads)}, "")
    for heads in (2, 3, 4, 1025):
        put(f"head-count-kv-{heads}", {"attention.head_count_kv": u32(heads)}, "")
    for length in (1, 2, 16, 31, 33, 64, 513):
        put(f"key-length-{length}", {"attention.key_length": u32(length)}, "")
        put(f"value-length-{length}", {"attention.value_length": u32(length)}, "")
    for count in (1, 3, 31, 33, 34, 64, 4096):
        put(f"rope-dimension-{count}", {"rope.dimension_count": u32(count)}, "rope.dimension_count")
    put("rope-dimension-2", {"rope.dimension_count": u32(2)}, "", MAY)
    for size in (0, 1, 269, 271, 2**31, 2**32 - 1):
        put(f"vocab-size-{size}", {"vocab_size": u32(size)}, "vocab_size")
    put("vocab-size-text", {"vocab_size": text("270")}, "vocab_size")
    put("experts-8", {"expert_count": u32(8), "expert_used_count": u32(2)}, "expert_count")
    put("experts-used-more", {"expert_count": u32(2), "expert_used_count": u32(8)}, "expert")
    put("experts-used-of-none", {"expert_used_count": u32(2)}, "expert_used_count")
    put("experts-2-to-32", {"expert_count": u32(2**32 - 1)}, "expert_count")
    put("not-causal", {"attention.causal": boolean(False)}, "attention.causal")
    put("causal-number", {"attention.causal": u32(1)}, "attention.causal")
    for name in ("su", "dynamic", "", "YARN", "\x1b[31m"):
        put(f"rope-scaling-{name!r:.8}", {"rope.scaling.type": text(name)}, "rope.scaling.type")
    put("rope-scaling-number", {"rope.scaling.type": u32(1)}, "rope.scaling.type")
    scaled = {"rope.scaling.type": text("linear")}
    for factor in (1e-38, 1e-20, 1e7, 3e38):
        put(f"rope-factor-{factor}", {**scaled, "rope.scaling.factor": f32(factor)}, "rope.scaling.factor")
    put("yarn-base-1", {"rope.scaling.type": text("yarn"), "rope.freq_base": f32(1.0), "rope.scaling.factor": f32(4.0)},
        "rope.freq_base", MAY)
    for base in (1e-42, 1e-30, 1e-3, 1e13, 3e38):
        put(f"rope-base-{base}", {"rope.freq_base": f32(base)}, "rope.freq_base")
    put("epsilon-2", {"attention.layer_norm_rms_epsilon": f32(2.0)}, "epsilon")
    put("context-1", {"context_length": u32(1)}, "", MAY)
    put("context-2-to-30", {"context_length": u32(2**30)}, "", MAY)
    for key, value in (("final_logit_softcapping", Value.of(FLOAT64, 1e300)), ("final_logit_softcapping", f32(-1.0)),
                       ("final_logit_softcapping", f32(math.nan)), ("final_logit_softcapping", text("30")),
                       ("final_logit_softcapping", f32(1e-40)), ("attention.scale", f32(-1.0)), ("attention.scale", f32(1e9)),
                       ("attention.scale", f32(math.inf)), ("rope.freq_base_swa", f32(-1.0)), ("rope.freq_base_swa", f32(1e-40)),
                       ("rope.freq_base_swa", f32(math.nan)), ("attention.sliding_window", text("16")),
                       ("attention.sliding_window", u32(2**31)), ("attention.sliding_window", Value.of(INT32, -1)),
                       ("attention.sliding_window_pattern", u32(513)), ("attention.sliding_window_pattern", f32(6.0))):
        put(f"{key}-{value.data.hex()}", {key: value}, key, family="gemma3")
    for window in (0, 1, 2**30):
        put(f"sliding-window-{window}", {"attention.sliding_window": u32(window)}, "sliding_window", MAY, "gemma3")
    for pattern in (0, 1, 512):
        put(f"window-pattern-{pattern}", {"attention.sliding_window_pattern": u32(pattern)}, "pattern", MAY, "gemma3")


def architectures(change):
    for name in ("", "Llama", "llama ", "llama\0", "gpt5", "clip", "x" * 10000, "../../etc/passwd", "\x1b[31mllama", "{}", "%n%s"):
        change(f"architecture-{name[:12]!r}", lambda f, n=name: f.set("general.architecture", text(n)),
               words="general.architecture")
    for name, value in (("number", u32(1)), ("array", Value.array(STRING, ["llama"])), ("bool", boolean(True))):
        change("architecture-" + name, lambda f, v=value: f.set("general.architecture", v), words="general.architecture")
    change("architecture-missing", lambda f: f.remove("general.architecture"), words="general.architecture")
    for claimed in ("qwen2", "gemma3"):
        change(f"llama-claims-{claimed}", lambda f, c=claimed: f.set("general.architecture", text(c)), words=claimed)
    change("keys-of-another", lambda f: [f.set(k.replace("llama.", "qwen2."), f.values.pop(k)) for k in list(f.values)
                                         if k.startswith("llama.")], words="llama.")
    change("type-is-adapter", lambda f: f.set("general.type", text("adapter")), words="adapter")
    change("type-is-projector", lambda f: f.set("general.type", text("mmproj")), words="general.type")
    change("type-is-vocabulary", lambda f: (f.set("general.type", text("vocab")), f.tensors.clear()), words="")
    change("type-is-number", lambda f: f.set("general.type", u32(3)), words="general.type")


def cases():
    category = Category("hyper-parameters", BINDING_VERBS)
    for family in ("llama", "qwen2", "gemma3"):
        for key in REQUIRED + (("attention.sliding_window",) if family == "gemma3" else ()):
            category.change(f"{family}-{key}-missing", lambda f, k=key: f.remove(f"{family}.{k}"), words=(family, key),
                            family=family)
    wrong_types(category.change, "llama")
    wrong_numbers(category.change, "llama")
    wrong_numbers(category.change, "gemma3")
    inconsistent(category.change)
    architectures(category.change)
    for name, kind, value in (("u8", UINT8, 2), ("u16", UINT16, 2), ("u64", UINT64, 2), ("i8", INT8, 2), ("i64", INT64, 2)):
        category.change(f"block-count-as-{name}", lambda f, k=kind, v=value: f.set("llama.block_count", Value.of(k, v)), MAY)
    category.change("block-count-per-block", lambda f: f.set("llama.attention.head_count_kv", Value.array(INT32, [1, 1])), MAY)
    category.change("bools-as-number", lambda f: f.set("llama.block_count", Value.array(BOOL, [True, True])), MAY)
    category.change("context-4096-flag", lambda f: f.set("llama.context_length", u32(4096)), "run", verbs=LOADING_VERBS)
    return category.cases
