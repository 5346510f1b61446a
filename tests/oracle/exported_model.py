#!/usr/bin/env python3
"""What transformers makes of the folder that `thimble export` writes, against Thimble on the file itself.

    python3 tests/oracle/exported_model.py MODEL.gguf --thimble build/release/bin/thimble

Needs: pip install numpy torch transformers. Tokens of a text by both; then the logits of 100 tokens, with all weights as float32 on both
sides (a quantized file is unpacked to F32 by `thimble convert` first: kernels for quantized weights round activations). Fails where an id
differs, or a logit by more than 2e-3 of the largest.
"""
import argparse
import subprocess
import sys
import tempfile

import numpy as np
import torch
import transformers

TEXT = """Bleed the pump before starting it: open valve V-12 (suction), wait 30 s, then press START.
ALARM 0x1F: bearing temperature > 95 °C – don't restart; das Ventil prüfen, s'il vous plaît. 日本語 too.\n\n    indented = [1, 2, 3]
""" + "The seal must be replaced every 4,000 hours of operation, or earlier where it leaks. " * 4


def thimble(program, *words):
    return subprocess.run([program, *words], check=True, capture_output=True, text=True).stdout


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--thimble", required=True)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        folder, full, out = work + "/folder", work + "/full.gguf", work + "/logits.npy"
        print(thimble(arguments.thimble, "export", arguments.model, folder, "--outtype", "f32"), end="")
        thimble(arguments.thimble, "convert", arguments.model, "--outfile", full, "--outtype", "f32")
        ids = [int(word) for word in thimble(arguments.thimble, "tokenize", "-m", full, "--ids", TEXT).split()]
        theirs = transformers.AutoTokenizer.from_pretrained(folder)(TEXT)["input_ids"]
        ids = ids[:100]
        thimble(arguments.thimble, "logits", "-m", full, "--ids", ",".join(map(str, ids)), "--out", out, "-ctk", "f32", "-ctv", "f32")
        found = np.load(out)
        model, report = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
        expected = model(torch.tensor([ids])).logits[0].numpy()
    missing = {key: value for key, value in report.items() if value}
    difference = np.abs(found - expected).max()
    print(f"{len(theirs)} ids {'equal' if theirs[:100] == ids else 'DIFFER'}; logits up to {np.abs(expected).max():.1f}, "
          f"largest difference {difference:.1e}; {missing or 'all tensors found'}")
    sys.exit(theirs[:100] != ids or bool(missing) or difference > 2e-3 * np.abs(expected).max())


if __name__ == "__main__":
    main()
