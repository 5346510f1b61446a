#!/usr/bin/env python3
"""Write tests/data/model/minilm.npy: what transformers makes of all-MiniLM-L6-v2.

    python3 tests/oracle/minilm.py CHECKPOINT

Needs: pip install numpy torch transformers. CHECKPOINT is the folder that `tools/fetch_model.py --path minilm-l6-v2` names. The golden file holds the normalised mean of the last
hidden state for each of TEXTS: [texts, 384].
"""
import argparse
import pathlib

import numpy as np

TEXTS = [
    "Bleed the pump before starting it.",
    "The suction valve is closed and the pump runs dry.",
    "Replace the mechanical seal every 4,000 hours; see section 7.2.",
    "don't over-tighten (max. 35 N·m), e.g. with a 19 mm spanner",
    "ALARM 0x1F: bearing temperature > 95 °C",
    "Die Ventile sind verschlossen – bitte prüfen!",
    "Le café naïf de l'été",
    "日本語のテキスト と English",
    "x" * 130,
    "?",
]


def write_golden(checkpoint):
    import torch
    import transformers
    tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint)
    model = transformers.AutoModel.from_pretrained(checkpoint).eval()
    vectors = []
    with torch.no_grad():
        for text in TEXTS:
            vector = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].mean(0)
            vectors.append((vector / vector.norm()).numpy())
    path = pathlib.Path(__file__).parent.parent / "data" / "model" / "minilm.npy"
    np.save(path, np.array(vectors, np.float32))
    print(path.name, len(vectors))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=pathlib.Path)
    write_golden(parser.parse_args().checkpoint)


if __name__ == "__main__":
    main()
