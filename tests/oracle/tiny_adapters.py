#!/usr/bin/env python3
"""Write tests/data/model/<family>_adapters.npy: logits of the tiny models of tiny_logits.py with the two LoRA adapters of
tests/support/tiny_adapter.h at once, by peft.

    python3 tests/oracle/tiny_adapters.py

Needs: pip install numpy torch transformers peft. The factors are functions of their GGUF tensors' names; for llama, whose GGUF
files have the rows of Q and K in another order, so have those of their lora_b.
"""
import pathlib

import numpy as np
import peft
import torch

import tiny_logits as tiny

LINEAR = {"attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
          "attn_output": "self_attn.o_proj", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj",
          "ffn_down": "mlp.down_proj"}
ADAPTERS = {"first": dict(rank=8, alpha=16, scale=0.75, targets=list(LINEAR)),
            "second": dict(rank=5, alpha=3, scale=-1.25, targets=["attn_q", "attn_v", "ffn_down", "token_embd", "output"])}


def factor(seed, name, rows, columns, spread):
    return torch.tensor((tiny.values(seed + name, rows * columns) * np.float32(spread)).reshape(rows, columns))


def module_names(targets):
    """GGUF base names of the adapted tensors and their modules."""
    names = {}
    for target in targets:
        if target == "token_embd":
            names["token_embd"] = "model.embed_tokens"
        elif target == "output":
            names["output"] = "lm_head"
        else:
            for i in range(tiny.BLOCKS):
                names[f"blk.{i}.{target}"] = f"model.layers.{i}.{LINEAR[target]}"
    return names


def fill(model, family, seed, adapter):
    for name, module_name in module_names(adapter["targets"]).items():
        module = model.base_model.model.get_submodule(module_name)
        rank, name = adapter["rank"], name + ".weight"
        b_spread = 0.5 * np.sqrt(np.float32(3.0) / np.float32(rank))
        if name == "token_embd.weight":
            a = factor(seed, name + ".lora_a", tiny.VOCABULARY, rank, np.sqrt(np.float32(3.0 / tiny.WIDTH))).T
            b = factor(seed, name + ".lora_b", tiny.WIDTH, rank, b_spread)
            module.lora_embedding_A[seed].data.copy_(a)
            module.lora_embedding_B[seed].data.copy_(b)
        else:
            columns, rows = module.in_features, module.out_features
            a = factor(seed, name + ".lora_a", rank, columns, np.sqrt(np.float32(3.0 / columns)))
            b = factor(seed, name + ".lora_b", rows, rank, b_spread)
            if family == "llama" and "attn_q" in name:
                b = tiny.paired_halves(b, tiny.HEADS)
            if family == "llama" and "attn_k" in name:
                b = tiny.paired_halves(b, tiny.KV_HEADS)
            module.lora_A[seed].weight.data.copy_(a)
            module.lora_B[seed].weight.data.copy_(b)
        module.scaling[seed] *= adapter["scale"]


def main():
    out = pathlib.Path(__file__).parent.parent / "data" / "model"
    for family in ("llama", "qwen2", "gemma3"):
        base = tiny.build(family).float().eval()
        tiny.fill(base, family)
        with torch.no_grad():
            before = base(torch.tensor([tiny.IDS])).logits[0].float().numpy()
        model = None
        for seed, adapter in ADAPTERS.items():
            config = peft.LoraConfig(r=adapter["rank"], lora_alpha=adapter["alpha"], lora_dropout=0.0,
                                     target_modules=list(module_names(adapter["targets"]).values()))
            if model is None:
                model = peft.PeftModel(base, config, adapter_name=seed)
            else:
                model.add_adapter(seed, config)
        model.base_model.set_adapter(list(ADAPTERS))
        for seed, adapter in ADAPTERS.items():
            fill(model, family, seed, adapter)
        model.eval()
        with torch.no_grad():
            logits = model(torch.tensor([tiny.IDS])).logits[0].float().numpy()
        np.save(out / f"{family}_adapters.npy", np.ascontiguousarray(logits.astype(np.float32)))
        print(family, logits.shape, float(np.abs(logits).max()), "changed by", float(np.abs(logits - before).mean()))


if __name__ == "__main__":
    main()
