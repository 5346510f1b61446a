#!/usr/bin/env python3
"""Checkpoints of tiny_logits.py's models, converted, run by Thimble, against transformers; and exported, run by transformers.

    python3 tests/oracle/tiny_converted.py --thimble build/release/bin/thimble [--llama-cpp SOURCES] [CASE...]

Needs: pip install numpy torch transformers tokenizers sentencepiece. Prints the largest difference of any logit, or of a vector for
EmbeddingGemma, from the checkpoint's own: of the converted file, and of what `thimble export` makes of that; fails above 2e-4, or 1e-6
for the export, whose weights are the same. With --llama-cpp (sources: convert_hf_to_gguf.py with its folder conversion/, and pip install
gguf) the file is what llama.cpp's converter makes. A small tokenizer is trained for each; that converter takes it for GPT-2's, whose hash
it would not find.
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
import transformers

import tiny_logits as tiny

VOCABULARY = 600  # more than the 320 of the golden files: 256 bytes and some merges
IDS = [(i * 37 + 11) % VOCABULARY for i in range(40)]
TOLERANCE = 2e-4
EXPORT_TOLERANCE = 1e-6  # Gemma's norms lose their last bit to the 1 that is added
SENTENCE_PIECE = ("llama-biases", "llama-linear", "gemma", "gemma2", "gemma3", "phi3", "phi3-long", "ernie4_5")
BYTE_LEVEL = ("llama", "llama-yarn", "qwen2", "qwen3", "smollm3", "stablelm")
# llama.cpp's converter loses what these have: widths of heads and feed-forward, norms of single heads.
THIMBLE_ALONE = ("granite", "phi2", "stablelm-parallel")
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
    if arguments.llama_cpp is None:
        thimble(arguments, "convert", str(folder), "--outfile", out, "--outtype", "f32")
        return out
    script = CONVERT.format(sources=str(arguments.llama_cpp), folder=str(folder), out=out)
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
    return out


def thimble(arguments, *words):
    return subprocess.run([arguments.thimble, *words], check=True, capture_output=True, text=True).stdout


@torch.no_grad()
def exported_difference(arguments, gguf, expected):
    """Of what transformers makes of the exported folder."""
    folder = gguf + ".exported"
    thimble(arguments, "export", gguf, folder)
    model, report = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager",
                                                                      output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"] and not report["mismatched_keys"], report
    return float((model(torch.tensor([IDS])).logits[0] - expected).abs().max())


@torch.no_grad()
def decoder_differences(arguments, folder, model, write_tokenizer):
    model.save_pretrained(folder)
    write_tokenizer(folder)
    gguf, out = convert(arguments, folder), str(folder) + ".npy"
    thimble(arguments, "logits", "-m", gguf, "--ids", ",".join(map(str, IDS)), "--out", out, "-c", "64", "-ctk", "f32", "-ctv", "f32")
    expected = model(torch.tensor([IDS])).logits[0]
    return float(np.abs(np.load(out) - expected.numpy()).max()), exported_difference(arguments, gguf, expected)


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
    parser.add_argument("--llama-cpp", type=lambda path: pathlib.Path(path).absolute())
    parser.add_argument("--thimble", required=True)
    parser.add_argument("cases", nargs="*")
    arguments = parser.parse_args()
    arguments.thimble = os.path.abspath(arguments.thimble)
    tiny.VOCABULARY = tiny.COMMON["vocab_size"] = VOCABULARY
    cases = {name: (tiny.DECODERS[name], write_sentence_piece) for name in SENTENCE_PIECE}
    cases.update({name: (tiny.DECODERS[name], write_byte_level) for name in BYTE_LEVEL})
    cases.update({name: (tiny.DECODERS[name], write_byte_level) for name in THIMBLE_ALONE if arguments.llama_cpp is None})
    cases["llama-rope-llama3"] = (lambda: tiny.llama(LLAMA3), write_byte_level)
    failed = False
    with tempfile.TemporaryDirectory() as work:
        for name in arguments.cases or [*cases, "gemma-embedding"]:
            folder = pathlib.Path(work) / name
            folder.mkdir()
            if name == "gemma-embedding":
                difference, exported = embedding_difference(arguments, folder), 0.0
            else:
                build, write_tokenizer = cases[name]
                difference, exported = decoder_differences(arguments, folder, tiny.load(build()), write_tokenizer)
            print(f"{name:20} {difference:.1e} {exported:.1e}", flush=True)
            failed = failed or difference > TOLERANCE or exported > EXPORT_TOLERANCE
    sys.exit(failed)


if __name__ == "__main__":
    main()
