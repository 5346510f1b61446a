#!/usr/bin/env python3
"""Write tests/data/model/<case>-gradients.npy: the loss of two texts and its gradients in the factors of tiny_adapters.py's first
adapter on tiny_logits.py's decoders, by peft and PyTorch's autograd in float32.

    python3 tests/oracle/tiny_gradients.py [CASE...]

Needs: pip install numpy torch transformers peft. Of the gradients (of lora_a, then lora_b of each tensor, by name of the GGUF
tensor) every 29th value is kept, behind the loss, as tests/model/gradients_test.cpp reads them.
"""
import sys

import numpy as np
import peft
import torch

import tiny_adapters as adapters
import tiny_logits as tiny

TOKENS, FIRST, STEP = 45, 17, 29
RANK, ALPHA = 8, 16
PHI2 = {**{k: v for k, v in adapters.LINEAR.items() if k.startswith("attn") and k != "attn_output"},
        "attn_output": "self_attn.dense", "ffn_up": "mlp.fc1", "ffn_down": "mlp.fc2"}
PERMUTED = ("llama", "granite", "smollm3")
CASES = [name for name in tiny.DECODERS if name != "qwen3-fused"]  # its checkpoint has no fused module to adapt


def modules_of(family):
    return PHI2 if family == "phi2" else adapters.FUSED if family == "phi3" else adapters.LINEAR


def neighbours(w, heads):
    """The rows of paired_halves() back in GGUF's order."""
    rows = w.shape[0]
    return w.reshape(heads, 2, rows // heads // 2, *w.shape[1:]).transpose(1, 2).reshape(w.shape)


def permuted_heads(family, name):
    if family not in PERMUTED or not ("attn_q" in name or "attn_k" in name):
        return 0
    return tiny.HEADS if "attn_q" in name else tiny.KV_HEADS


def adapted(case):
    """The model with the adapter, and its LoRA layers by GGUF name."""
    family = case.split("-")[0]
    names = {f"blk.{i}.{target}.weight": f"model.layers.{i}.{module}"
             for target, module in modules_of(family).items() for i in range(tiny.BLOCKS)}
    config = peft.LoraConfig(r=RANK, lora_alpha=ALPHA, lora_dropout=0.0, target_modules=list(names.values()))
    model = peft.PeftModel(tiny.load(tiny.DECODERS[case]()), config)
    layers = {}
    for name in sorted(names):
        layer = model.base_model.model.get_submodule(names[name])
        a, b = adapters.factors("first", name, RANK, layer.in_features, layer.out_features)
        if heads := permuted_heads(family, name):
            b = tiny.paired_halves(b, heads)
        layer.lora_A["default"].weight.data.copy_(a)
        layer.lora_B["default"].weight.data.copy_(b)
        layers[name] = layer
    return model.eval(), layers


def loss_of(model):
    """The sum over both texts' scored tokens, as the test's targets have them."""
    ids = [(i * 37 + 11) % 320 for i in range(TOKENS)]
    total = 0
    for begin, end in ((0, FIRST), (FIRST, TOKENS)):
        logits = model(torch.tensor([ids[begin:end]])).logits[0]
        scored = [i for i in range(begin, end - 1) if i % 5 != 0]
        total = total + torch.nn.functional.cross_entropy(logits[[i - begin for i in scored]],
                                                          torch.tensor([ids[i + 1] for i in scored]), reduction="sum")
    return total


def main():
    for case in sys.argv[1:] or CASES:
        family = case.split("-")[0]
        model, layers = adapted(case)
        loss = loss_of(model)
        loss.backward()
        values = []
        for name, layer in layers.items():
            b = layer.lora_B["default"].weight.grad
            if heads := permuted_heads(family, name):
                b = neighbours(b, heads)
            values += [layer.lora_A["default"].weight.grad.flatten(), b.flatten()]
        kept = torch.cat(values)[::STEP]
        tiny.save(case + "-gradients", torch.cat([loss.detach().reshape(1), kept]))


if __name__ == "__main__":
    main()
