#!/usr/bin/env python3
"""Scores `thimble summarize` on windows of logs, as docs/task-files.md has it for the metric `events`.

usage: log_summaries.py THIMBLE TASKS.jsonl... [--whole] [--show] [--require RECALL INVENTED] [-- OPTION...]

Prints a line for each file: windows all right, recall of events, invented and repeated events, agreement of severities, ROUGE-L of the
summaries. --whole: whole logs instead of windows, against the file events.json beside each. --show: what is missed or invented. --require:
fails where a file's recall is lower, or more is invented. What follows -- goes to thimble, such as -m MODEL.
"""
import argparse
import json
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import task_scores  # noqa: E402


def summarize(thimble, path, options, window=None):
    command = [thimble, "summarize", "-f", str(path), "--json", *options]
    if window:
        command += ["--lines", "%d-%d" % window]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def window_cases(tasks):
    for line in tasks.read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        log = case["log"]
        yield case, tasks.parent / log["path"], (log["first_line"], log["last_line"])


def whole_cases(tasks):
    paths = sorted({path.resolve() for _, path, _ in window_cases(tasks)})
    for path in paths:
        known = json.loads((path.parent / "events.json").read_text(encoding="utf-8"))
        yield {"id": path.name, "metric": "events", "expected": {"events": known[path.name], "summary": ""}}, path, None


def show(case, answer):
    expected, given = case["expected"]["events"], answer["events"]
    matched = task_scores.matching(expected, given)
    for i, event in enumerate(expected):
        if i not in matched:
            print("  missed  ", case["id"], event)
        elif event["severity"] != given[matched[i]]["severity"]:
            print("  severity", case["id"], event["severity"], given[matched[i]])
    for event in given:
        if not any(task_scores.overlap(event, one) for one in expected):
            print("  invented", case["id"], event)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("thimble")
    parser.add_argument("tasks", nargs="+", type=pathlib.Path)
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--show", action="store_true")
    parser.add_argument("--require", nargs=2, type=float, default=(0, float("inf")))
    arguments = sys.argv[1:]
    options = []
    if "--" in arguments:
        options = arguments[arguments.index("--") + 1:]
        arguments = arguments[:arguments.index("--")]
    args = parser.parse_args(arguments)
    failed = False
    for tasks in args.tasks:
        results = []
        for case, path, window in (whole_cases if args.whole else window_cases)(tasks):
            answer = summarize(args.thimble, path, options, window)
            results.append(task_scores.score(case, answer))
            if args.show:
                show(case, answer)
        total = task_scores.summary(results)
        print("%s: %d of %d right, recall %.3f, invented %d, repeated %d, severity %.3f, ROUGE-L %.3f" % (
            tasks.name, sum(result["score"] == 1 for result in results), total["cases"], total["event_recall"], total["invented"],
            total["repeated"], total["severity_accuracy"], total["rouge_l"]))
        failed |= total["event_recall"] < args.require[0] or total["invented"] > args.require[1]
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
