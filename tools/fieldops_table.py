#!/usr/bin/env python3
"""The FieldOps table: every task with each model, and without each part of the assistant in turn, into docs/fieldops.md.

    python3 tools/fieldops_table.py THIMBLE NAME=MODEL.gguf... --embed-model E.gguf --work FOLDER [--split test] [--limit N]
        [--calibration NAME=FILE] [--only commands,questions,summaries] [--write docs/fieldops.md] [-t THREADS]

Runs `thimble eval task` for each row. Answers are kept in the work folder, so a run that was stopped goes on there, and a second one
only scores. Prints the table in Markdown; --write puts it between the marks <!-- table --> and <!-- /table --> of that file.
Needs no packages.
"""
import argparse
import json
import pathlib
import re
import subprocess
import sys

FIELDOPS = pathlib.Path(__file__).resolve().parents[1] / "examples" / "fieldops" / "tasks"
# Task, what is said of the row, options. The first of each task is the whole; the others lack one part.
ROWS = (
    ("commands", "grammar, 4 alike examples, votes", ["--examples", "{train}"]),
    ("commands", "without examples", []),
    ("commands", "examples by votes only", ["--examples", "{train}", "--shots", "0"]),
    ("commands", "without the grammar", ["--examples", "{train}", "--no-constraint"]),
    ("questions", "words and vectors", ["--embed-model", "{embed}"]),
    ("questions", "words alone", []),
    ("questions", "without the manuals", ["--no-retrieval"]),
    ("summaries", "analysis, sentences by the model", []),
)


def run(arguments, options, name, model, row, number):
    task, _, more = row
    places = {"train": FIELDOPS / "commands.train.jsonl", "embed": arguments.embed_model}
    command = [arguments.thimble, "eval", "task", FIELDOPS / f"{task}.{arguments.split}.jsonl", "-m", model, "--json",
               "--answers", arguments.work / f"{name}-{task}-{number}-{arguments.split}.jsonl", *options]
    command += [word.format(**places) for word in more]
    if task == "commands" and name in arguments.calibration and more:
        command += ["--calibration", arguments.calibration[name]]
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}: exit code {done.returncode}")
    return json.loads(done.stdout)["models"][0]


def interval(figures):
    low, high = figures["interval"]
    return f"{figures['score'] * 100:.1f}% [{low * 100:.0f}, {high * 100:.0f}]"


def details(task, report):
    """What a task is told by besides its score."""
    parts, out = report["parts"], []
    if task == "commands":
        out.append(f"slot F1 {report['all']['slot_f1']:.3f}")
        out += [f"{name} {interval(parts[name])}" for name in ("calls", "out of scope") if name in parts]
    elif task == "questions":
        if "retrieval_recall" in report:
            out.append(f"recall@3 {interval(report['retrieval_recall'])}")
        out += [f"{title} {interval(parts[name])}" for name, title in (("contains", "answers"), ("refusal", "refusals")) if name in parts]
    else:
        events = report["all"]
        out += [f"event recall {events['event_recall']:.3f}", f"{events['invented']} invented",
                f"severity {events['severity_accuracy']:.3f}", f"ROUGE-L {events['rouge_l']:.3f}"]
    return "; ".join(out)


def table(arguments, options):
    lines = ["| model | task | with | right | | first token p50 / p95 | peak memory |", "|---|---|---|---|---|---|---|"]
    for name, model in arguments.models.items():
        for number, row in enumerate(ROWS):
            if row[0] not in arguments.only:
                continue
            report = run(arguments, options, name, model, row, number)
            first = report.get("first_token_seconds")
            times = f"{first['p50'] * 1e3:.0f} / {first['p95'] * 1e3:.0f} ms" if first else "-"
            peak = f"{report['peak_rss_bytes'] / 1e6:.0f} MB" if "peak_rss_bytes" in report else "-"
            lines.append(f"| {name} | {row[0]} | {row[1]} | {interval(report['all'])} | {details(row[0], report)} | {times} | {peak} |")
            print(lines[-1], file=sys.stderr, flush=True)
    return "\n".join(lines) + "\n"


def pairs(words):
    return dict(word.split("=", 1) for word in words)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("thimble")
    parser.add_argument("models", nargs="+", metavar="NAME=MODEL.gguf")
    parser.add_argument("--embed-model", required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--split", default="test", choices=("train", "validation", "test"))
    parser.add_argument("--limit")
    parser.add_argument("--calibration", action="append", default=[], metavar="NAME=FILE")
    parser.add_argument("--only", default="commands,questions,summaries")
    parser.add_argument("--write", type=pathlib.Path)
    parser.add_argument("-t", "--threads")
    arguments = parser.parse_args()
    arguments.models, arguments.calibration = pairs(arguments.models), pairs(arguments.calibration)
    arguments.only = arguments.only.split(",")
    arguments.work.mkdir(parents=True, exist_ok=True)
    options = [word for flag, value in (("--limit", arguments.limit), ("-t", arguments.threads)) if value for word in (flag, value)]
    text = table(arguments, options)
    print(text, end="")
    if arguments.write:
        page = arguments.write.read_text(encoding="utf-8")
        marked = re.compile(r"(<!-- table -->\n).*?(<!-- /table -->)", re.S)
        if not marked.search(page):
            raise SystemExit(f"{arguments.write}: expected the marks <!-- table --> and <!-- /table -->")
        arguments.write.write_text(marked.sub(lambda match: match[1] + text + match[2], page), encoding="utf-8")


if __name__ == "__main__":
    main()
