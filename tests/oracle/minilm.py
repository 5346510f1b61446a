#!/usr/bin/env python3
"""all-MiniLM-L6-v2 as a GGUF file, and what transformers makes of the same checkpoint.

    python3 tests/oracle/minilm.py CHECKPOINT --gguf OUT      the file, float32; needs: pip install gguf numpy
    python3 tests/oracle/minilm.py CHECKPOINT --golden        tests/data/model/minilm.npy; needs: numpy torch transformers

CHECKPOINT is the folder that `tools/fetch_model.py --path minilm-l6-v2` names. The golden file holds the normalised mean of the last
hidden state for each of TEXTS: [texts, 384].
"""
import argparse
import json
import pathlib
import struct

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
NAMES = {"embeddings.word_embeddings": "token_embd", "embeddings.position_embeddings": "position_embd",
         "embeddings.token_type_embeddings": "token_types", "embeddings.LayerNorm": "token_embd_norm"}
BLOCK = {"attention.self.query": "attn_q", "attention.self.key": "attn_k", "attention.self.value": "attn_v",
         "attention.output.dense": "attn_output", "attention.output.LayerNorm": "attn_output_norm",
         "intermediate.dense": "ffn_up", "output.dense": "ffn_down", "output.LayerNorm": "layer_output_norm"}


def tensors(checkpoint):
    """Name in GGUF and values of each tensor; the pooler is not used for embeddings."""
    raw = (checkpoint / "model.safetensors").read_bytes()
    size = struct.unpack("<Q", raw[:8])[0]
    for name, entry in json.loads(raw[8:8 + size]).items():
        stem, _, kind = name.rpartition(".")
        parts = stem.split(".")
        if stem in NAMES:
            ours = NAMES[stem]
        elif parts[:2] == ["encoder", "layer"]:
            ours = f"blk.{parts[2]}.{BLOCK['.'.join(parts[3:])]}"
        else:
            continue
        begin, end = entry["data_offsets"]
        values = np.frombuffer(raw[8 + size + begin:8 + size + end], np.float32).reshape(entry["shape"])
        yield f"{ours}.{kind}", values


def write_gguf(checkpoint, out):
    import gguf
    config = json.loads((checkpoint / "config.json").read_text())
    writer = gguf.GGUFWriter(out, "bert")
    writer.add_name("all-MiniLM-L6-v2")
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_layer_norm_eps(config["layer_norm_eps"])
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType.MEAN)
    writer.add_token_type_count(config["type_vocab_size"])
    words = (checkpoint / "vocab.txt").read_text(encoding="utf-8").splitlines()
    is_control = [word.startswith("[") and word.endswith("]") and len(word) > 2 for word in words]
    # A word's beginning is marked and its continuation is not, the other way round than in the checkpoint.
    tokens = [word if control else word[2:] if word.startswith("##") else "\u2581" + word
              for word, control in zip(words, is_control)]
    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_types([3 if control else 1 for control in is_control])
    for key, word in (("unk", "[UNK]"), ("sep", "[SEP]"), ("pad", "[PAD]"), ("bos", "[CLS]"), ("mask", "[MASK]")):
        getattr(writer, f"add_{key}_token_id")(words.index(word))
    for name, values in tensors(checkpoint):
        writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


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
    parser.add_argument("--gguf")
    parser.add_argument("--golden", action="store_true")
    arguments = parser.parse_args()
    if arguments.gguf:
        write_gguf(arguments.checkpoint, arguments.gguf)
    if arguments.golden:
        write_golden(arguments.checkpoint)


if __name__ == "__main__":
    main()
