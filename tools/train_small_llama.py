#!/usr/bin/env python3
"""Trains a small llama from nothing, for comparing quantizers: its rows are multiples of 256, and it never was quantized.

    python3 train_small_llama.py OUT TEXT[=WEIGHT]... [--steps 2400] [--seed 1]

OUT becomes a Hugging Face folder (config.json, model.safetensors in float16, tokenizer.json) that `convert` turns into a GGUF.
Each TEXT is a UTF-8 file; WEIGHT is its share of the training windows (1 unless given). The recipe of docs/quantization.md:

    python3 tools/fetch_model.py handbook          # handbook/train.txt in the cache
    python3 tools/python_text.py FOLDER            # FOLDER/python_train.txt
    python3 tools/train_small_llama.py OUT handbook/train.txt=1 FOLDER/python_train.txt=2

The tokenizer is a byte-level BPE of 8,192 tokens with the splitting rule of Llama 3, trained on the same texts. The model:
{layers} layers, width {width}, feed-forward {feed_forward}, {heads} heads of 64 ({kv_heads} for keys and values), head and embedding apart. AdamW on
windows of 512 tokens that begin with the beginning-of-text token, {tokens_a_step} tokens a step, a cosine schedule over the steps.
The folder is rewritten every few minutes. About 0.4 s of one core a step where the processor has bfloat16 products; with
OMP_WAIT_POLICY=passive in the environment a busy machine's time is not spent on waiting.
Needs: pip install torch transformers tokenizers numpy.
"""
import argparse
import math
import sys
import time
from pathlib import Path

import numpy as np
import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

SHAPE = {"layers": 6, "width": 256, "feed_forward": 1024, "heads": 4, "kv_heads": 2}
VOCABULARY = 8192
WINDOW = 512
WINDOWS_A_STEP = 2
PEAK_RATE = 2e-3
WARMUP_SHARE = 0.05
SAVE_SECONDS = 240
BEGIN, END = "<|begin_of_text|>", "<|end_of_text|>"
# Llama 3's splitting rule, as its tokenizer.json has it.
SPLIT = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
         r"|\s*[\r\n]+|\s+(?!\S)|\s+")


def train_tokenizer(texts):
    tokenizer = Tokenizer(models.BPE(ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(SPLIT), behavior="isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=VOCABULARY - 2, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
                                  show_progress=False)
    tokenizer.train_from_iterator((text[i:i + 100_000] for text in texts for i in range(0, len(text), 100_000)), trainer)
    tokenizer.add_special_tokens([BEGIN, END])
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BEGIN} $A", special_tokens=[(BEGIN, tokenizer.token_to_id(BEGIN))])
    return tokenizer


def make_model(tokenizer):
    return LlamaForCausalLM(LlamaConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=SHAPE["width"], intermediate_size=SHAPE["feed_forward"],
        num_hidden_layers=SHAPE["layers"], num_attention_heads=SHAPE["heads"], num_key_value_heads=SHAPE["kv_heads"],
        max_position_embeddings=2048, rms_norm_eps=1e-5, rope_theta=10000.0, tie_word_embeddings=False,
        bos_token_id=tokenizer.token_to_id(BEGIN), eos_token_id=tokenizer.token_to_id(END)))


def next_windows(streams, shares, begin, random):
    """[WINDOWS_A_STEP, WINDOW] token ids, each row from a place of its own in one of the texts."""
    rows = []
    for stream in random.choice(len(streams), WINDOWS_A_STEP, p=shares):
        tokens = streams[stream]
        start = random.integers(0, len(tokens) - WINDOW)
        row = tokens[start:start + WINDOW].copy()
        row[0] = begin
        rows.append(row)
    return torch.from_numpy(np.stack(rows))


def save(model, tokenizer, folder):
    """The folder as published models have it; the weights in float16."""
    half = LlamaForCausalLM(model.config).half()
    half.load_state_dict({name: value.half() for name, value in model.state_dict().items()})
    half.save_pretrained(folder)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=BEGIN, eos_token=END).save_pretrained(folder)


def rate_at(share):
    """Learning rate when `share` of the steps is over: a linear rise, then a cosine down to nothing."""
    if share < WARMUP_SHARE:
        return PEAK_RATE * max(share / WARMUP_SHARE, 0.01)
    return PEAK_RATE * 0.5 * (1 + math.cos(math.pi * min(1.0, (share - WARMUP_SHARE) / (1 - WARMUP_SHARE))))


def train(model, streams, shares, arguments, on_save):
    random = np.random.default_rng(arguments.seed)
    begin = model.config.bos_token_id
    decayed = [value for value in model.parameters() if value.dim() > 1]
    others = [value for value in model.parameters() if value.dim() == 1]
    optimizer = torch.optim.AdamW([{"params": decayed, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}],
                                  lr=PEAK_RATE, betas=(0.9, 0.95))
    started = saved = time.monotonic()
    smooth = None
    for step in range(1, arguments.steps + 1):
        for group in optimizer.param_groups:
            group["lr"] = rate_at(step / arguments.steps)
        tokens = next_windows(streams, shares, begin, random)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=not arguments.float32):
            logits = model(input_ids=tokens).logits[:, :-1]
        loss = torch.nn.functional.cross_entropy(logits.reshape(-1, logits.shape[-1]).float(), tokens[:, 1:].reshape(-1))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        smooth = loss.item() if smooth is None else 0.98 * smooth + 0.02 * loss.item()
        now = time.monotonic()
        if step % 50 == 0:
            trained = step * WINDOWS_A_STEP * WINDOW
            print(f"step {step}: loss {smooth:.3f}, {trained} tokens, {trained / (now - started):.0f} tokens/s",
                  file=sys.stderr)
        if now - saved > SAVE_SECONDS:
            on_save()
            saved = now
    on_save()


def main():
    description = __doc__.format(**SHAPE, tokens_a_step=WINDOWS_A_STEP * WINDOW)
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("texts", nargs="+", metavar="TEXT[=WEIGHT]")
    parser.add_argument("--steps", type=int, default=2400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--float32", action="store_true", help="no bfloat16 products (slower where the processor has them)")
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(arguments.threads)
    names, weights = zip(*((name, float(weight or 1)) for name, _, weight in (text.partition("=") for text in arguments.texts)))
    texts = [Path(name).read_text(encoding="utf-8") for name in names]
    tokenizer = train_tokenizer(texts)
    streams = [np.array(tokenizer.encode(text, add_special_tokens=False).ids, dtype=np.int64) for text in texts]
    model = make_model(tokenizer)
    print(f"{sum(value.numel() for value in model.parameters())} parameters, "
          + ", ".join(f"{name}: {len(stream)} tokens" for name, stream in zip(names, streams)), file=sys.stderr)
    shares = np.array(weights) / sum(weights)
    train(model, streams, shares, arguments, lambda: save(model, tokenizer, arguments.out))


if __name__ == "__main__":
    main()
