#!/usr/bin/env python3
"""Write a random LoRA adapter for a real GGUF model, in llama.cpp's form, to hold Thimble's runs with it against llama.cpp's.

    python3 tests/oracle/random_adapter.py MODEL.gguf OUT.gguf [--rank 8] [--type f16] [--strength 0.1]

Needs: pip install gguf numpy. Adapts every matrix of every block. `strength` is how much an adapted product changes, as a share of
the product of a matrix with weights of its own spread. Then, on the same text:

    thimble eval perplexity -m MODEL.gguf --lora OUT.gguf -f TEXT -c 512 --chunks 16 -ctk f16 -ctv f16
    llama-perplexity -m MODEL.gguf --lora OUT.gguf -f TEXT -c 512 --chunks 16
"""
import argparse
import re

import gguf
import numpy as np

TYPES = {"f32": np.float32, "f16": np.float16, "q8_0": gguf.GGMLQuantizationType.Q8_0}


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("model")
    ap.add_argument("out")
    ap.add_argument("--rank", type=int, default=8)
    ap.add_argument("--type", choices=TYPES, default="f16")
    ap.add_argument("--strength", type=float, default=0.1)
    a = ap.parse_args()
    reader = gguf.GGUFReader(a.model)
    random = np.random.default_rng(1)
    writer = gguf.GGUFWriter(a.out, str(reader.fields["general.architecture"].contents()))
    writer.add_string("general.type", "adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", float(2 * a.rank))
    kind = TYPES[a.type]

    def add(name, values):
        if kind is gguf.GGMLQuantizationType.Q8_0:
            writer.add_tensor(name, gguf.quants.quantize(values, kind), raw_dtype=kind)
        else:
            writer.add_tensor(name, values.astype(kind))

    for tensor in reader.tensors:
        if not re.fullmatch(r"blk\.\d+\.(attn_(q|k|v|output)|ffn_(gate|up|down))\.weight", tensor.name):
            continue
        columns, rows = (int(n) for n in tensor.shape)
        spread = float(np.std(gguf.quants.dequantize(tensor.data[:64], tensor.tensor_type)))
        b = random.standard_normal((rows, a.rank)) * np.sqrt(1 / a.rank)
        add(tensor.name + ".lora_a", random.standard_normal((a.rank, columns)).astype(np.float32))
        add(tensor.name + ".lora_b", (b * spread * a.strength / 2).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main()
