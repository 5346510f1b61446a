#!/usr/bin/env python3
"""Write tests/data/tune/<case>-training.npy: 30 steps of AdamW on tiny_gradients.py's models and adapter, by peft, PyTorch and
transformers in float32: the losses, then every 29th value of the factors in the end, in the order of tiny_gradients.py.

    python3 tests/oracle/tiny_training.py [CASE...]

Needs: pip install numpy torch transformers peft. 24 examples of 20 to 44 tokens in order, two batches of two a step (padded here,
which no loss sees), a warm-up of 3 steps and a cosine, gradients clipped at 1: tests/tune/trainer_test.cpp does the same.
"""
import pathlib
import sys

import numpy as np
import torch
import transformers

import tiny_gradients as tiny

STEPS, EXAMPLES, BATCH, ACCUMULATED, RATE, DECAY = 30, 24, 2, 2, 2e-3, 0.1
CASES = ("llama", "qwen2", "gemma3")


def example(i):
    ids = [(i * 13 + j * 7 + j * j % 11) % 320 for j in range(20 + i)]
    return ids, [id if j >= 5 and (i + j) % 4 else -100 for j, id in enumerate(ids)]


def batch(examples):
    length = max(len(ids) for ids, _ in examples)
    pad = [([*ids, *[0] * (length - len(ids))], [*labels, *[-100] * (length - len(ids))], len(ids))
           for ids, labels in examples]
    return {"input_ids": torch.tensor([ids for ids, _, _ in pad]), "labels": torch.tensor([labels for _, labels, _ in pad]),
            "attention_mask": torch.tensor([[1] * n + [0] * (length - n) for _, _, n in pad])}


def train(model, layers):
    parameters = [w for layer in layers.values() for w in (layer.lora_A["default"].weight, layer.lora_B["default"].weight)]
    optimizer = torch.optim.AdamW(parameters, lr=RATE, weight_decay=DECAY)
    schedule = transformers.get_cosine_schedule_with_warmup(optimizer, 3, STEPS)
    together = BATCH * ACCUMULATED
    losses = []
    for step in range(STEPS):
        begin = step * together % EXAMPLES
        chosen = [example(i) for i in range(begin, begin + together)]
        scored = sum(label != -100 for _, labels in chosen for label in labels[1:])
        total = 0
        for at in range(0, together, BATCH):
            inputs = batch(chosen[at:at + BATCH])
            loss = model(**inputs, num_items_in_batch=scored).loss
            loss.backward()
            total += loss.item()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        losses.append(total)
    return losses


def main():
    for case in sys.argv[1:] or CASES:
        model, layers = tiny.adapted(case)
        losses = train(model, layers)
        values = []
        for name, layer in layers.items():
            b = layer.lora_B["default"].weight.detach()
            if heads := tiny.permuted_heads(case, name):
                b = tiny.neighbours(b, heads)
            values += [layer.lora_A["default"].weight.detach().flatten(), b.flatten()]
        kept = torch.cat(values)[::tiny.STEP].numpy()
        folder = pathlib.Path(__file__).parent.parent / "data" / "tune"
        folder.mkdir(exist_ok=True)
        np.save(folder / f"{case}-training.npy", np.concatenate([np.float32(losses), kept]))
        print(case, losses[0], losses[-1], kept.shape)


if __name__ == "__main__":
    main()
