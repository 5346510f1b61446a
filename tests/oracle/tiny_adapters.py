#!/usr/bin/env python3
"""Write tests/data/model/<family>-adapters.npy: logits of tiny_logits.py's models with the two LoRA adapters of
tests/support/tiny_adapter.h at once, by peft, rows as there.

    python3 tests/oracle/tiny_adapters.py [--converter llama.cpp/convert_lora_to_gguf.py]

Needs: pip install numpy torch transformers peft. The factors are functions of their GGUF tensors' names; where GGUF files have
the rows of Q and K in another order than the checkpoint, so have those of their lora_b. With --converter nothing is written: each
adapter of llama and qwen2 is saved by peft, converted by llama.cpp's script, and what comes out must be those very factors under
those very names.
"""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

import gguf
import numpy as np
import peft
import torch

import tiny_logits as tiny

LINEAR = {"attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
          "attn_output": "self_attn.o_proj", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj",
          "ffn_down": "mlp.down_proj"}
FUSED = {"attn_qkv": "self_attn.qkv_proj", "attn_output": "self_attn.o_proj", "ffn_up": "mlp.gate_up_proj",
         "ffn_down": "mlp.down_proj"}
FAMILIES = {"llama": LINEAR, "qwen2": LINEAR, "gemma3": LINEAR, "phi3": FUSED, "granite": LINEAR}
PERMUTED = ("llama", "granite")
ADAPTERS = {"first": dict(rank=8, alpha=16, scale=0.75, targets=[*LINEAR, "attn_qkv"]),
            "second": dict(rank=5, alpha=3, scale=-1.25,
                           targets=["attn_q", "attn_v", "attn_qkv", "ffn_down", "token_embd", "output"])}


def module_names(family, targets):
    """The adapted tensors' GGUF names and their modules."""
    names = {"token_embd.weight": "model.embed_tokens"} if "token_embd" in targets else {}
    if "output" in targets:
        names["output.weight"] = "lm_head"
    for target, module in FAMILIES[family].items():
        if target in targets:
            names.update({f"blk.{i}.{target}.weight": f"model.layers.{i}.{module}" for i in range(tiny.BLOCKS)})
    return names


def factors(seed, name, rank, columns, rows):
    """lora_a and lora_b as the GGUF file holds them."""
    def factor(suffix, shape, spread):
        return torch.tensor((tiny.values(seed + name + suffix, shape[0] * shape[1]) * np.float32(spread)).reshape(shape))

    is_table = name == "token_embd.weight"
    a = factor(".lora_a", (rows, rank) if is_table else (rank, columns), np.sqrt(np.float32(3.0 / columns)))
    b = factor(".lora_b", (columns if is_table else rows, rank), 0.5 * np.sqrt(np.float32(3.0) / np.float32(rank)))
    return a, b


def fill(model, family, seed, adapter):
    for name, module_name in module_names(family, adapter["targets"]).items():
        module = model.base_model.model.get_submodule(module_name)
        if name == "token_embd.weight":
            a, b = factors(seed, name, adapter["rank"], tiny.WIDTH, tiny.VOCABULARY)
            module.lora_embedding_A[seed].data.copy_(a.T)
            module.lora_embedding_B[seed].data.copy_(b)
        else:
            a, b = factors(seed, name, adapter["rank"], module.in_features, module.out_features)
            if family in PERMUTED and ("attn_q" in name or "attn_k" in name):
                b = tiny.paired_halves(b, tiny.HEADS if "attn_q" in name else tiny.KV_HEADS)
            module.lora_A[seed].weight.data.copy_(a)
            module.lora_B[seed].weight.data.copy_(b)


def with_adapters(family, adapters):
    model = None
    for seed, adapter in adapters.items():
        config = peft.LoraConfig(r=adapter["rank"], lora_alpha=adapter["alpha"], lora_dropout=0.0,
                                 target_modules=list(module_names(family, adapter["targets"]).values()))
        if model is None:
            model = peft.PeftModel(tiny.load(tiny.DECODERS[family]()), config, adapter_name=seed)
        else:
            model.add_adapter(seed, config)
    model.base_model.set_adapter(list(adapters))
    for seed, adapter in adapters.items():
        fill(model, family, seed, adapter)
    return model.eval()


def check_converter(script):
    with tempfile.TemporaryDirectory() as folder:
        for family in ("llama", "qwen2"):
            for seed, adapter in ADAPTERS.items():
                model = with_adapters(family, {seed: adapter})
                out = pathlib.Path(folder) / family / f"{seed}.gguf"
                model.save_pretrained(out.parent, selected_adapters=[seed], save_embedding_layers=False)
                config = model.base_model.model.config
                config.architectures = [type(model.base_model.model).__name__]
                config.save_pretrained(out.parent / "base")
                subprocess.run([sys.executable, script, "--base", out.parent / "base", "--outfile", out,
                                out.parent / seed], check=True, capture_output=True,
                               env=dict(os.environ, HF_HUB_OFFLINE="1"))
                reader = gguf.GGUFReader(out)
                found = {t.name: np.asarray(t.data) for t in reader.tensors}
                for name, module_name in module_names(family, adapter["targets"]).items():
                    module = model.base_model.model.get_submodule(module_name).base_layer
                    rows, columns = module.weight.shape
                    for suffix, factor in zip((".lora_a", ".lora_b"),
                                              factors(seed, name, adapter["rank"], columns, rows)):
                        assert np.array_equal(found.pop(name + suffix), factor.numpy()), name + suffix
                assert not found, found.keys()
                assert reader.fields["adapter.lora.alpha"].contents() == adapter["alpha"]
                print(family, seed, "as llama.cpp's script writes it")


@torch.no_grad()
def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--converter")
    a = ap.parse_args()
    if a.converter:
        check_converter(a.converter)
        return
    for family in FAMILIES:
        model = with_adapters(family, ADAPTERS)
        for module in model.modules():
            if isinstance(module, peft.tuners.lora.LoraLayer):
                for seed in module.scaling:
                    module.scaling[seed] *= ADAPTERS[seed]["scale"]
        tiny.save(family + "-adapters", model(torch.tensor([tiny.IDS])).logits[0][tiny.ROWS])


if __name__ == "__main__":
    main()
