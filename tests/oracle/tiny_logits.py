#!/usr/bin/env python3
"""Write tests/data/model/<case>.npy: what the tiny random models of tests/support/tiny_cases.h give in transformers.

    python3 tests/oracle/tiny_logits.py [CASE...]

Needs: pip install numpy torch transformers. The weights are functions of the GGUF tensor names, as in tiny_model.h. Decoders:
logits [rows, vocabulary] of the tokens in ROWS. Encoders: the mean, the first and the last token's vector, [3, width].
"""
import pathlib
import sys

import numpy as np
import torch
import transformers

BLOCKS, WIDTH, FFN, HEADS, KV_HEADS, HEAD, CONTEXT, WINDOW, VOCABULARY = 7, 64, 96, 4, 2, 32, 512, 16, 320
SMALL_HEAD = WIDTH // HEADS  # of families that know no other size
IDS = [(i * 37 + 11) % VOCABULARY for i in range(48)]
ROWS = [0, 1, 15, 16, 17, 31, 40, 47]
COMMON = dict(num_hidden_layers=BLOCKS, hidden_size=WIDTH, intermediate_size=FFN, num_attention_heads=HEADS,
              num_key_value_heads=KV_HEADS, max_position_embeddings=CONTEXT, vocab_size=VOCABULARY,
              rms_norm_eps=1e-5, tie_word_embeddings=False, attn_implementation="eager",
              pad_token_id=None, bos_token_id=None, eos_token_id=None)


def values(name, count):
    h = 0xCBF29CE484222325
    for b in name.encode():
        h = ((h ^ b) * 0x100000001B3) & (2**64 - 1)
    with np.errstate(over="ignore"):
        z = np.uint64(h) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-23) - np.float32(1)


def matrix(name, rows, columns):
    return torch.tensor((values(name, rows * columns) * np.sqrt(np.float32(3.0 / columns))).reshape(rows, columns))


def norm(name, *shape):
    n = int(np.prod(shape))
    return torch.tensor((values(name, n) * np.float32(0.2) + np.float32(1)).reshape(shape))


def bias(name, n):
    return torch.tensor(values(name, n) * np.float32(0.1))


def paired_halves(w, heads):
    """Rows of a Q or K matrix whose rotary pairs are neighbours (GGUF's llama), moved to pair halves (the checkpoint's way)."""
    rows = w.shape[0]
    return w.reshape(heads, rows // heads // 2, 2, *w.shape[1:]).transpose(1, 2).reshape(w.shape)


def same(w, _heads):
    return w


class Weights:
    """A checkpoint's state, filled from GGUF names."""

    def __init__(self, head=HEAD, kv_heads=KV_HEADS, permute=same, shift=0):
        self.state, self.q, self.kv, self.kv_heads = {}, HEADS * head, kv_heads * head, kv_heads
        self.permute, self.shift = permute, shift  # of the norm weights, which Gemma's checkpoints store less one

    def matrix(self, theirs, ours, rows, columns, order=same, heads=0):
        self.state[theirs + ".weight"] = order(matrix(ours + ".weight", rows, columns), heads)

    def norm(self, theirs, ours, n=WIDTH, with_bias=False):
        self.state[theirs + ".weight"] = norm(ours + ".weight", n) - self.shift
        if with_bias:
            self.state[theirs + ".bias"] = bias(ours + ".bias", n)

    def bias(self, theirs, ours, n, order=same, heads=0):
        self.state[theirs + ".bias"] = order(bias(ours + ".bias", n), heads)

    def embeddings(self, head=True, head_bias=False):
        self.matrix("model.embed_tokens", "token_embd", VOCABULARY, WIDTH)
        if head:
            self.matrix("lm_head", "output", VOCABULARY, WIDTH)
        if head_bias:
            self.bias("lm_head", "output", VOCABULARY)

    def attention(self, g, h, names=("q_proj", "k_proj", "v_proj", "o_proj"), biases=()):
        sizes = {"q": self.q, "k": self.kv, "v": self.kv}
        heads = {"q": HEADS, "k": self.kv_heads, "v": 0}
        for part, name in zip("qkv", names):
            order = self.permute if part in "qk" else same
            self.matrix(h + name, g + "attn_" + part, sizes[part], WIDTH, order, heads[part])
            if part in biases:
                self.bias(h + name, g + "attn_" + part, sizes[part], order, heads[part])
        self.matrix(h + names[3], g + "attn_output", WIDTH, self.q)
        if "o" in biases:
            self.bias(h + names[3], g + "attn_output", WIDTH)

    def fused_attention(self, g, split):
        """Q, K and V cut out of one GGUF matrix."""
        w = matrix(g + "attn_qkv.weight", self.q + 2 * self.kv, WIDTH)
        for name, part in zip(split, w.split([self.q, self.kv, self.kv])):
            self.state[name + ".weight"] = part

    def gated(self, g, h, biases=False):
        for theirs, ours, rows, columns in (("gate_proj", "ffn_gate", FFN, WIDTH), ("up_proj", "ffn_up", FFN, WIDTH),
                                            ("down_proj", "ffn_down", WIDTH, FFN)):
            self.matrix(h + theirs, g + ours, rows, columns)
            if biases:
                self.bias(h + theirs, g + ours, rows)


def blocks():
    return [(f"blk.{i}.", f"model.layers.{i}.") for i in range(BLOCKS)]


def llama_like(model, *, permute=same, shift=0, qk_norm=False, attention_biases=(), mlp_biases=False, tied=False,
               sandwich=False, fused=False, head=HEAD):
    w = Weights(head, permute=permute, shift=shift)
    w.embeddings(head=not tied)
    w.norm("model.norm", "output_norm")
    norms = {"attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm"}
    if sandwich:
        norms = {"attn_norm": "input_layernorm", "post_attention_norm": "post_attention_layernorm",
                 "ffn_norm": "pre_feedforward_layernorm", "post_ffw_norm": "post_feedforward_layernorm"}
    for g, h in blocks():
        a = h + "self_attn."
        w.attention(g, a, biases=attention_biases)
        if fused:
            w.fused_attention(g, [a + "q_proj", a + "k_proj", a + "v_proj"])
        w.gated(g, h + "mlp.", mlp_biases)
        for ours, theirs in norms.items():
            w.norm(h + theirs, g + ours)
        if qk_norm:
            w.norm(a + "q_norm", g + "attn_q_norm", HEAD)
            w.norm(a + "k_norm", g + "attn_k_norm", HEAD)
    if tied:
        w.state["lm_head.weight"] = w.state["model.embed_tokens.weight"]
    return model, w.state


def llama(rope=None, **options):
    biases = bool(options.get("attention_biases"))
    config = transformers.LlamaConfig(head_dim=HEAD, attention_bias=biases, mlp_bias=biases,
                                      rope_parameters={"rope_theta": 10000.0, **(rope or {"rope_type": "default"})},
                                      **COMMON)
    return llama_like(transformers.LlamaForCausalLM(config), permute=paired_halves, **options)


def llama_rope_factors():
    model, state = llama()
    rotary = model.model.rotary_emb
    rotary.inv_freq = rotary.inv_freq / norm("rope_freqs.weight", HEAD // 2)
    rotary.original_inv_freq = rotary.inv_freq
    return model, state


def qwen2():
    config = transformers.Qwen2Config(rope_parameters={"rope_theta": 10000.0, "rope_type": "default"},
                                      **COMMON)
    return llama_like(transformers.Qwen2ForCausalLM(config), attention_biases="qkv", head=SMALL_HEAD)


def qwen3(**options):
    common = {**COMMON, "tie_word_embeddings": options.get("tied", False)}
    config = transformers.Qwen3Config(head_dim=HEAD, rope_parameters={"rope_theta": 10000.0, "rope_type": "default"},
                                      **common)
    return llama_like(transformers.Qwen3ForCausalLM(config), qk_norm=True, **options)


def gemma():
    config = transformers.GemmaConfig(head_dim=HEAD, rope_parameters={"rope_theta": 10000.0, "rope_type": "default"},
                                      **{**COMMON, "tie_word_embeddings": True})
    return llama_like(transformers.GemmaForCausalLM(config), shift=1, tied=True)


def gemma2():
    layers = ["sliding_attention" if i % 2 == 0 else "full_attention" for i in range(BLOCKS)]
    config = transformers.Gemma2Config(head_dim=HEAD, query_pre_attn_scalar=HEAD, sliding_window=WINDOW,
                                       layer_types=layers, attn_logit_softcapping=50.0, final_logit_softcapping=30.0,
                                       rope_parameters={"rope_theta": 10000.0, "rope_type": "default"},
                                       **{**COMMON, "tie_word_embeddings": True})
    return llama_like(transformers.Gemma2ForCausalLM(config), shift=1, sandwich=True, tied=True)


def gemma3_config(**options):
    layers = ["full_attention" if (i + 1) % 6 == 0 else "sliding_attention" for i in range(BLOCKS)]
    return transformers.Gemma3TextConfig(
        head_dim=HEAD, query_pre_attn_scalar=HEAD, sliding_window=WINDOW, layer_types=layers,
        rope_parameters={"full_attention": {"rope_type": "default", "rope_theta": 1000000.0},
                         "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0}}, **options, **COMMON)


def gemma3():
    return llama_like(transformers.Gemma3ForCausalLM(gemma3_config()), shift=1, sandwich=True, qk_norm=True)


def gemma_embedding():
    model = transformers.Gemma3TextModel(gemma3_config(use_bidirectional_attention=True))
    model, state = llama_like(model, shift=1, sandwich=True, qk_norm=True, tied=True)
    state = {k.removeprefix("model."): v for k, v in state.items() if k.startswith("model.")}
    return model, state


def gemma_embedding_dense(vectors):
    for name, rows, columns in (("dense_2", 160, WIDTH), ("dense_3", WIDTH, 160)):
        vectors = vectors @ matrix(name + ".weight", rows, columns).T
    return vectors


def smollm3():
    config = transformers.SmolLM3Config(no_rope_layer_interval=4, use_sliding_window=False,
                                        rope_parameters={"rope_theta": 10000.0, "rope_type": "default"},
                                        head_dim=HEAD, **COMMON)
    return llama_like(transformers.SmolLM3ForCausalLM(config), permute=paired_halves)


def ernie4_5():
    config = transformers.Ernie4_5Config(head_dim=HEAD, rope_parameters={"rope_theta": 10000.0, "rope_type": "default"},
                                         **COMMON)
    return llama_like(transformers.Ernie4_5ForCausalLM(config))  # the checkpoint pairs neighbours too


def granite(positions=True, **factors):
    config = transformers.GraniteConfig(rope_parameters={"rope_theta": 10000.0, "rope_type": "default"},
                                        head_dim=HEAD, **factors, **COMMON)
    model, state = llama_like(transformers.GraniteForCausalLM(config), permute=paired_halves)
    if not positions:
        model.model.rotary_emb.inv_freq.zero_()
    return model, state


def phi2():
    config = transformers.PhiConfig(
        **{**COMMON, "layer_norm_eps": 1e-5, "hidden_act": "gelu_new"},
        rope_parameters={"rope_theta": 10000.0, "rope_type": "default", "partial_rotary_factor": 0.5})
    w = Weights(head=SMALL_HEAD)
    w.embeddings(head_bias=True)
    w.norm("model.final_layernorm", "output_norm", with_bias=True)
    for g, h in blocks():
        w.attention(g, h + "self_attn.", ("q_proj", "k_proj", "v_proj", "dense"), "qkvo")
        w.norm(h + "input_layernorm", g + "attn_norm", with_bias=True)
        for theirs, ours, rows, columns in (("fc1", "ffn_up", FFN, WIDTH), ("fc2", "ffn_down", WIDTH, FFN)):
            w.matrix(h + "mlp." + theirs, g + ours, rows, columns)
            w.bias(h + "mlp." + theirs, g + ours, rows)
    return transformers.PhiForCausalLM(config), w.state


def phi3(window=WINDOW, original=None):
    rope = {"rope_theta": 10000.0, "rope_type": "default"}
    if original is not None:
        factors = {f"{kind}_factor": norm(f"rope_factors_{kind}.weight", SMALL_HEAD // 2).tolist()
                   for kind in ("long", "short")}
        rope = {"rope_theta": 10000.0, "rope_type": "longrope", "original_max_position_embeddings": original, **factors}
    config = transformers.Phi3Config(sliding_window=window, rope_parameters=rope,
                                     original_max_position_embeddings=original or CONTEXT, **COMMON)
    w = Weights(head=SMALL_HEAD)
    w.embeddings()
    w.norm("model.norm", "output_norm")
    for g, h in blocks():
        w.matrix(h + "self_attn.qkv_proj", g + "attn_qkv", w.q + 2 * w.kv, WIDTH)
        w.matrix(h + "self_attn.o_proj", g + "attn_output", WIDTH, w.q)
        w.matrix(h + "mlp.gate_up_proj", g + "ffn_up", 2 * FFN, WIDTH)
        w.matrix(h + "mlp.down_proj", g + "ffn_down", WIDTH, FFN)
        w.norm(h + "input_layernorm", g + "attn_norm")
        w.norm(h + "post_attention_layernorm", g + "ffn_norm")
    return transformers.Phi3ForCausalLM(config), w.state


def stablelm(parallel=False):
    config = transformers.StableLmConfig(
        **{**COMMON, "layer_norm_eps": 1e-5}, use_qkv_bias=parallel, qk_layernorm=parallel,
        use_parallel_residual=parallel,
        rope_parameters={"rope_theta": 10000.0, "rope_type": "default", "partial_rotary_factor": 0.25})
    w = Weights(head=SMALL_HEAD)
    w.embeddings()
    w.norm("model.norm", "output_norm", with_bias=True)
    for g, h in blocks():
        a = h + "self_attn."
        w.attention(g, a, biases="qkv" if parallel else "")
        w.gated(g, h + "mlp.")
        w.norm(h + "input_layernorm", g + "attn_norm", with_bias=True)
        if not parallel:
            w.norm(h + "post_attention_layernorm", g + "ffn_norm", with_bias=True)
            continue
        for theirs, ours, heads in (("q", "attn_q_norm", HEADS), ("k", "attn_k_norm", KV_HEADS)):
            for i, row in enumerate(norm(g + ours + ".weight", heads, SMALL_HEAD)):
                w.state[f"{a}{theirs}_layernorm.norms.{i}.weight"] = row
    return transformers.StableLmForCausalLM(config), w.state


def bert():
    config = transformers.BertConfig(num_hidden_layers=BLOCKS, hidden_size=WIDTH, intermediate_size=FFN,
                                     num_attention_heads=HEADS, max_position_embeddings=CONTEXT, vocab_size=VOCABULARY,
                                     type_vocab_size=2, layer_norm_eps=1e-5, attn_implementation="eager")
    w = Weights(head=SMALL_HEAD, kv_heads=HEADS)
    w.matrix("embeddings.word_embeddings", "token_embd", VOCABULARY, WIDTH)
    w.matrix("embeddings.position_embeddings", "position_embd", CONTEXT, WIDTH)
    w.matrix("embeddings.token_type_embeddings", "token_types", 2, WIDTH)
    w.norm("embeddings.LayerNorm", "token_embd_norm", with_bias=True)
    for g, h in [(f"blk.{i}.", f"encoder.layer.{i}.") for i in range(BLOCKS)]:
        w.attention(g, h + "attention.", ("self.query", "self.key", "self.value", "output.dense"), "qkvo")
        w.norm(h + "attention.output.LayerNorm", g + "attn_output_norm", with_bias=True)
        for theirs, ours, rows, columns in (("intermediate.dense", "ffn_up", FFN, WIDTH),
                                            ("output.dense", "ffn_down", WIDTH, FFN)):
            w.matrix(h + theirs, g + ours, rows, columns)
            w.bias(h + theirs, g + ours, rows)
        w.norm(h + "output.LayerNorm", g + "layer_output_norm", with_bias=True)
    return transformers.BertModel(config, add_pooling_layer=False), w.state


def nomic_bert():
    config = transformers.NomicBertConfig(
        num_hidden_layers=BLOCKS, hidden_size=WIDTH, intermediate_size=FFN, num_attention_heads=HEADS,
        max_position_embeddings=CONTEXT, vocab_size=VOCABULARY, type_vocab_size=2, layer_norm_eps=1e-5,
        rope_parameters={"rope_theta": 10000.0, "rope_type": "default"}, attn_implementation="eager")
    w = Weights(head=SMALL_HEAD, kv_heads=HEADS)
    w.matrix("embeddings.word_embeddings", "token_embd", VOCABULARY, WIDTH)
    w.matrix("embeddings.token_type_embeddings", "token_types", 2, WIDTH)
    w.norm("embeddings.LayerNorm", "token_embd_norm", with_bias=True)
    for i in range(BLOCKS):
        g, h = f"blk.{i}.", f"layers.{i}."
        w.attention(g, h + "self_attn.")
        w.gated(g, h + "mlp.")
        w.norm(h + "post_attention_layernorm", g + "attn_output_norm", with_bias=True)
        w.norm(h + "post_mlp_layernorm", g + "layer_output_norm", with_bias=True)
    return transformers.NomicBertModel(config, add_pooling_layer=False), w.state


GRANITE = dict(embedding_multiplier=12.0, residual_multiplier=0.22, attention_multiplier=0.0625, logits_scaling=8.0)
DECODERS = {
    "llama": llama,
    "llama-biases": lambda: llama(attention_biases="qkvo", mlp_biases=True),
    "llama-rope-factors": llama_rope_factors,
    "llama-linear": lambda: llama({"rope_type": "linear", "factor": 4.0}),
    "llama-yarn": lambda: llama({"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 128}),
    "qwen2": qwen2,
    "qwen3": qwen3,
    "qwen3-fused": lambda: qwen3(fused=True, tied=True),
    "gemma": gemma,
    "gemma2": gemma2,
    "gemma3": gemma3,
    "smollm3": smollm3,
    "ernie4_5": ernie4_5,
    "granite": lambda: granite(**GRANITE),
    "granite-no-positions": lambda: granite(positions=False, logits_scaling=8.0, attention_multiplier=HEAD**-0.5),
    "phi2": phi2,
    "phi3": phi3,
    "phi3-short": lambda: phi3(None, 256),
    "phi3-long": lambda: phi3(None, 32),
    "stablelm": stablelm,
    "stablelm-parallel": lambda: stablelm(parallel=True),
}
ENCODERS = {
    "bert": (bert, None),
    "nomic-bert": (nomic_bert, None),
    "gemma-embedding": (gemma_embedding, None),
    "gemma-embedding-dense": (gemma_embedding, gemma_embedding_dense),
}


def load(made):
    model, state = made
    model = model.float().eval()
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected, unexpected
    assert not [m for m in missing if "rotary" not in m and "embed_scale" not in m], missing
    return model


def save(name, array):
    folder = pathlib.Path(__file__).parent.parent / "data" / "model"
    np.save(folder / f"{name}.npy", np.ascontiguousarray(array.float().numpy().astype(np.float32)))
    print(name, tuple(array.shape), float(array.abs().max()))


@torch.no_grad()
def main():
    wanted = sys.argv[1:] or [*DECODERS, *ENCODERS]
    for name in wanted:
        if name in DECODERS:
            save(name, load(DECODERS[name]()).forward(torch.tensor([IDS])).logits[0][ROWS])
            continue
        build, dense = ENCODERS[name]
        hidden = load(build()).forward(torch.tensor([IDS])).last_hidden_state[0]
        vectors = torch.stack([hidden.mean(0), hidden[0], hidden[-1]])
        save(name, dense(vectors) if dense else vectors)


if __name__ == "__main__":
    main()
