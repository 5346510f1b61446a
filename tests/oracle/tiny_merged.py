#!/usr/bin/env python3
"""Write tests/data/tune/merged.txt: what peft's merge_and_unload makes of tiny_logits.py's models in F16 and BF16 with the two
adapters of tiny_adapters.py, a line a tensor: family, format, GGUF name, and the FNV-1a hash of its values' bits.

    python3 tests/oracle/tiny_merged.py

Needs: pip install numpy torch transformers peft. The merge runs in float64, is rounded to float32 and then to the format. In float32
throughout, peft's own sums are off by some 2^-24, which changes the rounding to 11 bits of about one value in 4,000; the script says
of how many, and that none of them differs by more than a step and those sums' error. A head that is tied to the embedding gets
weights of its own first, for what is added to one is not meant for the other.
"""
import pathlib
import warnings

import peft
import torch

import tiny_adapters as adapters
import tiny_logits as tiny

FAMILIES = ("qwen2", "gemma3", "phi3")  # those whose rows stand as in the checkpoint
FORMATS = {"F16": torch.float16, "BF16": torch.bfloat16}
OUT = pathlib.Path(__file__).resolve().parents[1] / "data/tune/merged.txt"


def merged(family, form, precision):
    """The adapted tensors by GGUF name, as bits."""
    model = adapters.with_adapters(family, adapters.ADAPTERS)
    for module in model.modules():
        if isinstance(module, peft.tuners.lora.LoraLayer):
            layer = module.get_base_layer()
            layer.weight = torch.nn.Parameter(layer.weight.data.to(form).float())
            for seed in module.scaling:
                module.scaling[seed] *= adapters.ADAPTERS[seed]["scale"]
    names = {}
    for adapter in adapters.ADAPTERS.values():
        names.update(adapters.module_names(family, adapter["targets"]))
    model = model.to(precision).merge_and_unload(safe_merge=True)
    return {name: model.get_submodule(module).weight.data.float().to(form) for name, module in names.items()}


def fnv(data):
    value = 0xcbf29ce484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001b3 % 2**64
    return value


@torch.no_grad()
def main():
    warnings.filterwarnings("ignore")
    lines = []
    for family in FAMILIES:
        for form, dtype in FORMATS.items():
            exact, single = (merged(family, dtype, precision) for precision in (torch.float64, torch.float32))
            differing = sum(int((exact[name] != single[name]).sum()) for name in exact)
            for name, values in exact.items():
                step = values.float().abs() * torch.finfo(dtype).eps + 2**-21
                assert ((values.float() - single[name].float()).abs() <= step).all(), name
            print(f"{family} {form}: {differing} of {sum(v.numel() for v in exact.values())} values differ in float32")
            lines += [f"{family} {form} {name} {fnv(values.view(torch.int16).numpy().tobytes()):016x}\n"
                      for name, values in sorted(exact.items())]
    OUT.write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
