#!/usr/bin/env python3
"""Checkpoints of tiny_logits.py's models, converted by llama.cpp's own script, run by Thimble, against transformers.

    python3 tests/oracle/tiny_converted.py --llama-cpp SOURCES --thimble build/release/bin/thimble [CASE...]

Needs: pip install numpy torch transformers tokenizers sentencepiece gguf, and llama.cpp's sources (convert_hf_to_gguf.py with its folder
conversion/). Prints the largest difference of any logit, or cosine for EmbeddingGemma; fails above 2e-4. A small tokenizer is trained for
each; the converter takes it for GPT-2's, whose hash it would not find.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import sentencepiece
import tokenizers
import torch

import tiny_logits as tiny

VOCABULARY = 600  # more than the 320 of the golden files: 256 bytes and some merges
IDS = [(i * 37 + 11) % VOCABULARY for i in range(40)]
TOLERANCE = 2e-4
SENTENCE_PIECE = ("llama-biases", "llama-linear", "gemma", "gemma2", "gemma3", "phi3", "phi3-long", "ernie4_5")
BYTE_LEVEL = ("llama", "llama-yarn", "qwen2", "qwen3", "smollm3", "stablelm")
LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 64}
TEXT = " ".join(f"valve {i} opens at {i * 7 % 90} bar and the pump {i * 3 % 50} stops; check seal {i % 9}, then report." for i in range(2000))

CONVERT = """
import runpy, sys
sys.path[:0] = [{sources!r}, {sources!r} + "/gguf-py"]
sys.argv = ["convert", {folder!r}, "--outfile", {out!r}, "--outtype", "f32"]
import conversion.base
conversion.base.TextModel.get_vocab_base_pre = lambda self, tokenizer: "gpt-2"
runpy.run_path({sources!r} + "/convert_hf_to_gguf.py", run_name="__main__")
"""


def write_byte_level(folder):
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    trainer = tokenizers.trainers.BpeTrainer(vocab_size=VOCABULARY, special_tokens=special, show_progress=False,
                                             initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator([TEXT], trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps(
        {"tokenizer_class": "GPT2Tokenizer", "bos_token": special[0], "eos_token": special[2]}))


def write_sentence_piece(folder):
    (folder / "text").write_text(TEXT.replace("report. ", "report.\n"))
    sentencepiece.SentencePieceTrainer.train(input=str(folder / "text"), model_prefix=str(folder / "tokenizer"), model_type="bpe",
                                             vocab_size=VOCABULARY, byte_fallback=True, hard_vocab_limit=False, minloglevel=2)
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "LlamaTokenizer"}))


def convert(arguments, folder):
    out = str(folder) + ".gguf"
    script = CONVERT.format(sources=str(arguments.llama_cpp), folder=str(folder), out=out)
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
    return out


def thimble(arguments, *words):
    return subprocess.run([arguments.thimble, *words], check=True, capture_output=True, text=True).stdout


@torch.no_grad()
def decoder_difference(arguments, folder, model, write_tokenizer):
    model.save_pretrained(folder)
    write_tokenizer(folder)
    out = str(folder) + ".npy"
    thimble(arguments, "logits", "-m", convert(arguments, folder), "--ids", ",".join(map(str, IDS)), "--out", out, "-c", "64",
            "-ctk", "f32", "-ctv", "f32")
    return float(np.abs(np.load(out) - model(torch.tensor([IDS])).logits[0].numpy()).max())


@torch.no_grad()
def embedding_difference(arguments, folder):
    """EmbeddingGemma: folders of sentence-transformers name the pooling."""
    model = tiny.load(tiny.gemma_embedding())
    model.save_pretrained(folder)
    write_sentence_piece(folder)
    config = json.loads((folder / "config.json").read_text())
    config.update(architectures=["Gemma3TextModel"], sliding_window=tiny.WINDOW)
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode_mean_tokens": True}))
    (folder / "modules.json").write_text(json.dumps([{"idx": 1, "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}]))
    gguf, out, text = convert(arguments, folder), str(folder) + ".npy", TEXT[:150]
    ids = [int(word) for word in thimble(arguments, "tokenize", "-m", gguf, "--ids", text).split()]
    expected = model(torch.tensor([ids])).last_hidden_state[0].mean(0).numpy()
    thimble(arguments, "embed", "-m", gguf, text, "--out", out)
    return float(np.abs(np.load(out)[0] - expected / np.linalg.norm(expected)).max())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--llama-cpp", required=True, type=pathlib.Path)
    parser.add_argument("--thimble", required=True)
    parser.add_argument("cases", nargs="*")
    arguments = parser.parse_args()
    arguments.llama_cpp, arguments.thimble = arguments.llama_cpp.absolute(), os.path.abspath(arguments.thimble)
    tiny.VOCABULARY = tiny.COMMON["vocab_size"] = VOCABULARY
    cases = {name: (tiny.DECODERS[name], write_sentence_piece) for name in SENTENCE_PIECE}
    cases.update({name: (tiny.DECODERS[name], write_byte_level) for name in BYTE_LEVEL})
    cases["llama-rope-llama3"] = (lambda: tiny.llama(LLAMA3), write_byte_level)
    worst = 0.0
    with tempfile.TemporaryDirectory() as work:
        for name in arguments.cases or [*cases, "gemma-embedding"]:
            folder = pathlib.Path(work) / name
            folder.mkdir()
            if name == "gemma-embedding":
                difference = embedding_difference(arguments, folder)
            else:
                build, write_tokenizer = cases[name]
                difference = decoder_difference(arguments, folder, tiny.load(build()), write_tokenizer)
            print(f"{name:20} {difference:.1e}", flush=True)
            worst = max(worst, difference)
    sys.exit(worst > TOLERANCE)


if __name__ == "__main__":
    main()
