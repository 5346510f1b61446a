#!/usr/bin/env python3
"""Hold `thimble tune` against peft and PyTorch on a real model: the same first adapter, examples and settings, then each step's loss,
the factors in the end, tokens a second, and peak memory.

    python3 tests/oracle/peft_training.py MODEL.gguf --thimble build/release/bin/thimble [--steps 30] [--tokens 128] [--rounds 1]
        [--types float32,bfloat16] [--rank 16] [--work DIR] [--base BASE.gguf]
        [--precision bf16]

Needs: pip install numpy torch transformers peft safetensors. PyTorch trains what `thimble export MODEL.gguf` gives, in each of the
types; Thimble trains MODEL.gguf, or BASE.gguf (the same model quantized) for the figures of speed alone. Random tokens, so that the
text is nobody's; the second half of each example is scored. Each runs in a process of its own, in turn.
"""
import argparse
import json
import os
import pathlib
import resource
import subprocess
import sys
import time

RATE, WARMUP = 1e-3, 3


def examples(vocabulary, steps, tokens):
    import numpy as np
    random = np.random.default_rng(1)
    for _ in range(steps):
        run = random.integers(0, vocabulary, 1 + tokens // 4).tolist()
        ids = (run * 5)[:tokens + 1]  # what repeats can be learned
        yield ids, [-100] * (len(ids) // 2) + ids[len(ids) // 2:]


def train(folder, data, kind, rank, out):
    """In a process of its own: prints a JSON object a step."""
    import peft
    import torch
    import transformers
    torch.manual_seed(1)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, kind))
    if out.exists():
        model = peft.PeftModel.from_pretrained(model, out, is_trainable=True)
    else:
        config = peft.LoraConfig(r=rank, lora_alpha=2 * rank, lora_dropout=0.0, target_modules="all-linear",
                                 task_type="CAUSAL_LM")
        model = peft.get_peft_model(model, config)
        model.save_pretrained(out)
    model.train()
    lines = [json.loads(line) for line in open(data, encoding="utf-8")]
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=RATE, weight_decay=0.0)
    schedule = transformers.get_cosine_schedule_with_warmup(optimizer, WARMUP, len(lines))
    for number, line in enumerate(lines):
        start, used = time.time(), time.process_time()
        loss = model(input_ids=torch.tensor([line["ids"]]), labels=torch.tensor([line["labels"]])).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        print(json.dumps({"step": number + 1, "loss": loss.item(), "tps": (len(line["ids"]) - 1) / (time.time() - start),
                          "cpu": time.process_time() - used}),
              flush=True)
    model.save_pretrained(str(out) + ".trained")
    print(json.dumps({"peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}), flush=True)


def run_peft(a, kind, out):
    result = subprocess.run([sys.executable, __file__, "--child", kind, str(a.work / "hf"), str(a.work / "data.jsonl"),
                             str(a.rank), str(out)], check=True, capture_output=True, text=True)
    lines = [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]
    return [line for line in lines if "step" in line], lines[-1]["peak"]


def run_thimble(a, model, init):
    log = a.work / "log.jsonl"
    command = [a.thimble, "tune", "-m", model, "--data", a.work / "data.jsonl", "-o", a.work / "out.gguf", "--init", init,
               "--peft-out", a.work / "out", "--lr", RATE, "--warmup", WARMUP, "--steps", a.steps, "--no-shuffle",
               "--max-length", a.tokens, "--log", log, "-t", os.cpu_count(),
               "--precision", a.precision]
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, status
    print(f"thimble: {usage.ru_utime + usage.ru_stime:.1f} s of processor time")
    return [json.loads(line) for line in open(log, encoding="utf-8")], usage.ru_maxrss * 1024


def factors(folder):
    import numpy as np
    import safetensors.numpy
    tensors = safetensors.numpy.load_file(folder / "adapter_model.safetensors")
    return {name: np.asarray(value, dtype=np.float64).ravel() for name, value in tensors.items()}


def cosine(a, b):
    import numpy as np
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def compare(a, ours, theirs, init):
    import numpy as np
    worst = max(abs(o["loss"] / t["loss"] - 1) for o, t in zip(ours, theirs))
    first, mine, peft = factors(init), factors(a.work / "out"), factors(pathlib.Path(str(init) + ".trained"))
    assert first.keys() == mine.keys() == peft.keys()
    join = lambda tensors: np.concatenate([tensors[name] for name in sorted(tensors)])
    single = min(cosine(mine[name], peft[name]) for name in mine)
    print(f"loss {ours[0]['loss']:.4f} -> {ours[-1]['loss']:.4f}; the largest difference of a step's loss is {worst:.2e}")
    print(f"final factors: cosine {cosine(join(mine), join(peft)):.6f}, the least of a tensor {single:.6f}; "
          f"of the change {cosine(join(mine) - join(first), join(peft) - join(first)):.6f}")


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("model")
    ap.add_argument("--thimble", required=True)
    ap.add_argument("--steps", type=int, default=30)
    ap.add_argument("--tokens", type=int, default=128)
    ap.add_argument("--rank", type=int, default=16)
    ap.add_argument("--rounds", type=int, default=1)
    ap.add_argument("--types", default="float32")
    ap.add_argument("--base")
    ap.add_argument("--precision", default="f32", help="of thimble tune")
    ap.add_argument("--work", type=pathlib.Path, default=pathlib.Path("peft_training"))
    a = ap.parse_args()
    a.work.mkdir(exist_ok=True)
    if not (a.work / "hf").exists():
        subprocess.run([a.thimble, "export", a.model, a.work / "hf"], check=True, stdout=subprocess.DEVNULL)
    config = json.loads((a.work / "hf/config.json").read_text())
    with open(a.work / "data.jsonl", "w", encoding="utf-8") as out:
        for ids, labels in examples(config["vocab_size"], a.steps, a.tokens):
            out.write(json.dumps({"ids": ids, "labels": labels}) + "\n")
    for _ in range(a.rounds):
        for kind in a.types.split(","):
            init = a.work / f"adapter-{kind}"
            theirs, their_peak = run_peft(a, kind, init)
            ours, our_peak = run_thimble(a, a.base or a.model, init)
            cpu = sorted(line["cpu"] for line in theirs)[len(theirs) // 2]
            print(f"peft {kind}: {cpu:.1f} s of processor time a step")
            speed = lambda lines: sorted(line["tps"] for line in lines)[len(lines) // 2]
            print(f"{kind}: peft {speed(theirs):.1f} tokens/s, {their_peak / 1e6:.0f} MB; "
                  f"thimble {speed(ours):.1f} tokens/s, {our_peak / 1e6:.0f} MB; "
                  f"{speed(ours) / speed(theirs):.2f} times the speed at {our_peak / their_peak:.2f} of the memory")
            compare(a, ours, theirs, init)


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1] == "--child":
        train(sys.argv[3], sys.argv[4], sys.argv[2], int(sys.argv[5]), pathlib.Path(sys.argv[6]))
    else:
        main()
