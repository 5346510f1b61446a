#!/usr/bin/env python3
"""lm-evaluation-harness against `thimble serve`, and against llama-server and Transformers on the same weights.

    python3 serve_lm_eval.py MODEL.gguf --thimble BINARY [--llama-server BINARY] [--transformers] [--cases 100]

Two tasks from local data (examples/fieldops, commands of the validation split), nothing is downloaded:
  fieldops_choice   which of four tools is meant, by the log-likelihood of each name (/v1/completions with echo and logprobs)
  fieldops_tool     the tool's name written behind six examples, exact match (/v1/completions)
llama-server has no echo, so it runs the second task only; --transformers runs both on the checkpoint that `thimble export` makes
of the model, whose tokenizer the harness needs in any case. Needs: pip install lm_eval[api] (and torch for --transformers).
"""
import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import serve_bench  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
TASKS = {
    "fieldops_choice": {"output_type": "multiple_choice", "doc_to_text": "Command: {{prompt}}\nTool:", "doc_to_target": "{{answer}}",
                        "doc_to_choice": "{{choices}}", "metric_list": [{"metric": "acc"}]},
    "fieldops_tool": {"output_type": "generate_until", "doc_to_text": "{{shots}}Command: {{prompt}}\nTool:", "doc_to_target": " {{name}}",
                      "generation_kwargs": {"until": ["\n"], "max_gen_toks": 12, "temperature": 0.0, "do_sample": False},
                      "metric_list": [{"metric": "exact_match", "regexes_to_ignore": ["\\s"]}]}}


def write_tasks(folder, count):
    dice = random.Random(1)
    tasks = ROOT / "examples" / "fieldops" / "tasks"
    read = lambda split: [json.loads(line) for line in (tasks / f"commands.{split}.jsonl").read_text(encoding="utf-8").splitlines()]  # noqa: E731
    named = lambda cases: [case for case in cases if (case["expected"] or {}).get("name")]  # noqa: E731
    train, cases = named(read("train")), named(read("validation"))
    names = sorted({case["expected"]["name"] for case in train})
    shots = "".join(f"Command: {case['prompt']}\nTool: {case['expected']['name']}\n" for case in dice.sample(train, 6))
    with (folder / "cases.jsonl").open("w", encoding="utf-8") as file:
        for case in dice.sample(cases, min(count, len(cases))):
            name = case["expected"]["name"]
            choices = dice.sample([other for other in names if other != name], 3) + [name]
            dice.shuffle(choices)
            json.dump({"prompt": case["prompt"], "name": name, "choices": choices, "answer": choices.index(name), "shots": shots}, file)
            file.write("\n")
    for name, task in TASKS.items():
        whole = {"task": name, "dataset_path": "json", "dataset_kwargs": {"data_files": {"test": str(folder / "cases.jsonl")}}, "test_split": "test", **task}
        (folder / f"{name}.yaml").write_text(json.dumps(whole), encoding="utf-8")  # JSON is YAML


def evaluate(folder, kind, arguments, tasks):
    """{task: score}, or what the harness says at its end."""
    out = folder / "out"
    result = subprocess.run([sys.executable, "-m", "lm_eval", "--model", kind, "--model_args", arguments, "--tasks", ",".join(tasks), "--include_path", str(folder),
                             "--output_path", str(out), "--batch_size", "8" if kind == "local-completions" else "1"],
                            capture_output=True, text=True, env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_DATASETS_CACHE": str(folder / "datasets"), "OPENAI_API_KEY": "none"})
    files = sorted(out.rglob("results_*.json"))
    if result.returncode or not files:
        return {task: "failed: " + (result.stdout + result.stderr).strip().splitlines()[-1][:160] for task in tasks}
    scores = json.loads(files[-1].read_text())["results"]
    files[-1].unlink()
    return {task: next(value for key, value in scores[task].items() if key.split(",")[0] in ("acc", "exact_match")) for task in tasks}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--thimble", required=True)
    parser.add_argument("--llama-server")
    parser.add_argument("--transformers", action="store_true")
    parser.add_argument("--cases", type=int, default=100)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_tasks(folder, options.cases)
        checkpoint = folder / "checkpoint"
        subprocess.run([options.thimble, "export", options.model, str(checkpoint)], check=True, capture_output=True)
        commands = {"thimble": [options.thimble, "serve", "-m", options.model, "-np", 1]}
        if options.llama_server:
            commands["llama-server"] = [options.llama_server, "-m", options.model, "-np", 1, "-c", 2048, "--no-webui"]
        print("| server | fieldops_choice | fieldops_tool |\n|---|---|---|")
        for server, command in commands.items():
            port = serve_bench.free_port()
            peer = serve_bench.Peer(server, [*command, "--port", port], port)
            arguments = f"model={Path(options.model).stem},base_url=http://127.0.0.1:{port}/v1/completions,tokenizer={checkpoint},num_concurrent=1"
            try:
                scores = {}
                for task in TASKS:
                    scores.update(evaluate(folder, "local-completions", arguments, [task]))
            finally:
                peer.stop()
            print(f"| {server} | {scores['fieldops_choice']} | {scores['fieldops_tool']} |", flush=True)
        if options.transformers:
            scores = evaluate(folder, "hf", f"pretrained={checkpoint},dtype=float32", list(TASKS))
            print(f"| Transformers, float32 | {scores['fieldops_choice']} | {scores['fieldops_tool']} |")


if __name__ == "__main__":
    main()
