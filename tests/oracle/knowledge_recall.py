#!/usr/bin/env python3
"""Recall of retrieval on task files: the share of questions for which the first K chunks hold all their sections, or one of `also`.

Scored as docs/task-files.md says, without the program's own evaluator. Indexes the files' `documents` into a temporary folder. Needs Python
alone:

    tests/oracle/knowledge_recall.py --thimble build/release/bin/thimble --embed-model minilm-q8_0.gguf \
        examples/fieldops/tasks/questions.train.jsonl examples/fieldops/tasks/questions.validation.jsonl
"""
import argparse
import json
import subprocess
import tempfile
from pathlib import Path


def squeeze(text):
    return " ".join(text.casefold().split())


def is_right(case, chunks):
    found = {(chunk["path"], squeeze(chunk["section"])) for chunk in chunks}

    def has(section):
        return (section["path"], squeeze(section["section"])) in found
    return all(map(has, case["sections"])) or any(map(has, case.get("also", [])))


def question_of(case):
    return case["prompt"] if "prompt" in case else case["messages"][-1]["content"]


def retrieve(args, base, how, questions, count):
    command = [args.thimble, "ask", "--kb", base, "--retrieve-only", "--retrieval", how, "-k", str(count), "-f", "-", "--jsonl"]
    if args.embed_model and how != "lexical":
        command += ["--embed-model", args.embed_model]
    lines = "".join(json.dumps({"prompt": question}) + "\n" for question in questions)
    out = subprocess.run(command, input=lines, capture_output=True, text=True, check=True).stdout
    return [json.loads(line)["retrieved"] for line in out.splitlines()]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--thimble", required=True)
    parser.add_argument("--embed-model")
    parser.add_argument("--at", type=int, nargs="+", default=[1, 3, 5])
    parser.add_argument("--misses", action="store_true", help="name the questions that are missed at 3, hybrid")
    parser.add_argument("files", type=Path, nargs="+")
    args = parser.parse_args()
    hows = ["lexical", "vector", "hybrid"] if args.embed_model else ["lexical"]
    for path in args.files:
        cases = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
        cases = [case for case in cases if case.get("sections")]
        with tempfile.TemporaryDirectory() as folder:
            base = f"{folder}/kb.db"
            command = [args.thimble, "index", str(path.parent / cases[0]["documents"]), "-o", base]
            subprocess.run(command + (["--embed-model", args.embed_model] if args.embed_model else []), check=True, capture_output=True)
            for how in hows:
                answers = retrieve(args, base, how, [question_of(case) for case in cases], max(args.at + [10]))
                for at in args.at:
                    right = sum(is_right(case, chunks[:at]) for case, chunks in zip(cases, answers))
                    print(f"{path.name}\t{how}\trecall@{at}\t{right}/{len(cases)}\t{right / len(cases):.3f}")
                if args.misses and how == hows[-1]:
                    for case, chunks in zip(cases, answers):
                        if not is_right(case, chunks[:3]):
                            print("missed:", question_of(case), [s["section"] for s in case["sections"]], "found:",
                                  [(chunk["path"][:5], chunk["section"]) for chunk in chunks[:4]])


if __name__ == "__main__":
    main()
