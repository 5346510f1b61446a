#!/usr/bin/env python3
"""Write tests/data/model/<family>.npy: logits of the tiny random models of tests/support/tiny_model.h, by transformers.

    python3 tests/oracle/tiny_logits.py

Needs: pip install numpy torch transformers. The weights are functions of the GGUF tensor names, as in tiny_model.h.
"""
import pathlib
import numpy as np
import torch
import transformers

BLOCKS, WIDTH, FFN, HEADS, KV_HEADS, HEAD, CONTEXT, WINDOW, VOCABULARY = 7, 64, 96, 4, 2, 32, 512, 16, 320
IDS = [(i * 37 + 11) % VOCABULARY for i in range(48)]
COMMON = dict(num_hidden_layers=BLOCKS, hidden_size=WIDTH, intermediate_size=FFN, num_attention_heads=HEADS,
              num_key_value_heads=KV_HEADS, max_position_embeddings=CONTEXT, vocab_size=VOCABULARY,
              rms_norm_eps=1e-5, tie_word_embeddings=False, attn_implementation="eager")


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


def norm(name, n):
    return torch.tensor(values(name, n) * np.float32(0.2) + np.float32(1))


def bias(name, n):
    return torch.tensor(values(name, n) * np.float32(0.1))


def paired_halves(w, heads):
    """Rows of a Q or K matrix whose rotary pairs are neighbours (GGUF's llama), moved to pair halves (the checkpoint's way)."""
    rows, columns = w.shape
    return w.reshape(heads, rows // heads // 2, 2, columns).transpose(1, 2).reshape(rows, columns)


def fill(model, family):
    state = {"model.embed_tokens.weight": matrix("token_embd.weight", VOCABULARY, WIDTH),
             "lm_head.weight": matrix("output.weight", VOCABULARY, WIDTH)}
    shift = 1 if family == "gemma3" else 0  # the checkpoint stores Gemma's norm weights less one
    state["model.norm.weight"] = norm("output_norm.weight", WIDTH) - shift
    for i in range(BLOCKS):
        g, h = f"blk.{i}.", f"model.layers.{i}."
        q = matrix(g + "attn_q.weight", HEADS * HEAD, WIDTH)
        k = matrix(g + "attn_k.weight", KV_HEADS * HEAD, WIDTH)
        if family == "llama":
            q, k = paired_halves(q, HEADS), paired_halves(k, KV_HEADS)
        state[h + "self_attn.q_proj.weight"] = q
        state[h + "self_attn.k_proj.weight"] = k
        state[h + "self_attn.v_proj.weight"] = matrix(g + "attn_v.weight", KV_HEADS * HEAD, WIDTH)
        state[h + "self_attn.o_proj.weight"] = matrix(g + "attn_output.weight", WIDTH, HEADS * HEAD)
        state[h + "mlp.gate_proj.weight"] = matrix(g + "ffn_gate.weight", FFN, WIDTH)
        state[h + "mlp.up_proj.weight"] = matrix(g + "ffn_up.weight", FFN, WIDTH)
        state[h + "mlp.down_proj.weight"] = matrix(g + "ffn_down.weight", WIDTH, FFN)
        norms = {"attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm"}
        if family == "gemma3":
            norms = {"attn_norm": "input_layernorm", "post_attention_norm": "post_attention_layernorm",
                     "ffn_norm": "pre_feedforward_layernorm", "post_ffw_norm": "post_feedforward_layernorm"}
            state[h + "self_attn.q_norm.weight"] = norm(g + "attn_q_norm.weight", HEAD) - shift
            state[h + "self_attn.k_norm.weight"] = norm(g + "attn_k_norm.weight", HEAD) - shift
        for ours, theirs in norms.items():
            state[h + theirs + ".weight"] = norm(g + ours + ".weight", WIDTH) - shift
        if family == "qwen2":
            state[h + "self_attn.q_proj.bias"] = bias(g + "attn_q.bias", HEADS * HEAD)
            state[h + "self_attn.k_proj.bias"] = bias(g + "attn_k.bias", KV_HEADS * HEAD)
            state[h + "self_attn.v_proj.bias"] = bias(g + "attn_v.bias", KV_HEADS * HEAD)
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected, unexpected
    assert not [m for m in missing if "rotary" not in m and "embed_scale" not in m], missing


def build(family):
    if family == "llama":
        return transformers.LlamaForCausalLM(transformers.LlamaConfig(head_dim=HEAD, rope_theta=10000.0, **COMMON))
    if family == "qwen2":
        return transformers.Qwen2ForCausalLM(transformers.Qwen2Config(rope_theta=10000.0, head_dim=HEAD, **COMMON))
    layers = ["full_attention" if (i + 1) % 6 == 0 else "sliding_attention" for i in range(BLOCKS)]
    return transformers.Gemma3ForCausalLM(transformers.Gemma3TextConfig(
        head_dim=HEAD, query_pre_attn_scalar=HEAD, sliding_window=WINDOW, layer_types=layers, rope_theta=1000000.0,
        rope_local_base_freq=10000.0, **COMMON))


def main():
    out = pathlib.Path(__file__).parent.parent / "data" / "model"
    for family in ("llama", "qwen2", "gemma3"):
        model = build(family).float().eval()
        fill(model, family)
        with torch.no_grad():
            logits = model(torch.tensor([IDS])).logits[0].float().numpy()
        np.save(out / f"{family}.npy", np.ascontiguousarray(logits.astype(np.float32)))
        print(family, logits.shape, float(np.abs(logits).max()))


if __name__ == "__main__":
    main()
