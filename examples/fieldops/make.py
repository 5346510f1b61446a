#!/usr/bin/env python3
"""Makes the FieldOps logs and task sets from sources/, and checks them. Only the standard library is needed.

usage: make.py            write logs/ and tasks/
       make.py --check    compare what is there with what would be written, byte for byte, and run all checks
       make.py --show N   print N random test cases of each task, to be read
"""
import argparse
import json
import pathlib
import sys

from fieldops import check_commands, check_summaries, commands, logs, questions, summaries
from fieldops.draw import Draw
from fieldops.manuals import read_manuals

ROOT = pathlib.Path(__file__).resolve().parent
SPLITS = ("train", "validation", "test")
LEAST = {"commands": {"train": 600, "validation": 100, "test": 220}, "questions": {"train": 100, "validation": 25, "test": 90},
         "summaries": {"train": 35, "validation": 8, "test": 30}}


def jsonl(cases):
    return "".join(json.dumps(case, ensure_ascii=False) + "\n" for case in cases)


def truth(all_logs):
    """logs/events.json: every known event of every log."""
    files = {name: [{key: value for key, value in event.items() if key != "touched"} for event in log["events"]] for name, log in all_logs.items()}
    lines = ["  %s: [\n%s\n  ]" % (json.dumps(name), ",\n".join("    " + json.dumps(event, ensure_ascii=False) for event in events))
             for name, events in files.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def make(world):
    """({path below ROOT: text}, {task: {split: cases}}, logs)"""
    all_logs = logs.build(ROOT)
    tasks = {"commands": {split: commands.build(world, split) for split in SPLITS},
             "questions": {split: questions.build(world, split) for split in SPLITS},
             "summaries": {split: summaries.build(all_logs, split) for split in SPLITS}}
    files = {"logs/" + name: log["text"] for name, log in all_logs.items()}
    files["logs/events.json"] = truth(all_logs)
    for task, by_split in tasks.items():
        for split, cases in by_split.items():
            files["tasks/%s.%s.jsonl" % (task, split)] = jsonl(cases)
    return files, tasks, all_logs


def check_names(world):
    """Fault codes and part numbers that commands speak of are in the manuals."""
    manuals = read_manuals(ROOT)
    text = {name: " ".join(manuals[machine["manual"]].values()) for name, machine in world.machines.items()}
    for name, machine in world.machines.items():
        for code in machine["fault_codes"]:
            if code not in text[name]:
                yield "machines.json: %s is not in the manual of the %s" % (code, name)
    for part in (part for parts in world.words["parts"].values() for part in parts):
        if not any(part in manual for manual in text.values()):
            yield "words.json: part %s is in no manual" % part


def check(world, files, tasks, all_logs):
    """What is wrong, a line each."""
    for name, text in files.items():
        path = ROOT / name
        if not path.exists() or path.read_bytes() != text.encode("utf-8"):
            yield "%s is not what make.py writes" % name
    for folder in ("logs", "tasks"):
        for path in (ROOT / folder).iterdir():
            if "%s/%s" % (folder, path.name) not in files:
                yield "%s/%s is not made by make.py" % (folder, path.name)
    for task, by_split in tasks.items():
        for split, cases in by_split.items():
            if len(cases) < LEAST[task][split]:
                yield "%s.%s: %d cases" % (task, split, len(cases))
    yield from check_names(world)
    yield from check_commands.check(world, tasks["commands"])
    yield from questions.check(world, tasks["questions"])
    yield from check_summaries.check(world, all_logs, tasks["summaries"])


def show(tasks, count):
    draw = Draw("show", count)
    for task, by_split in tasks.items():
        for _ in range(count):
            case = draw.pick(by_split["test"])
            print(json.dumps(case, ensure_ascii=False, indent=1) if task == "summaries" else
                  "%s: %s\n    -> %s" % (case["category"], case["prompt"], json.dumps(case["expected"], ensure_ascii=False)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--show", type=int, metavar="N")
    options = parser.parse_args()
    world = commands.World(ROOT)
    files, tasks, all_logs = make(world)
    if options.check:
        problems = list(check(world, files, tasks, all_logs))
        for problem in problems:
            print(problem, file=sys.stderr)
        count = sum(len(cases) for by_split in tasks.values() for cases in by_split.values())
        print("%d files, %d cases, %d problems" % (len(files), count, len(problems)))
        return 1 if problems else 0
    if options.show:
        show(tasks, options.show)
        return 0
    for name, text in files.items():
        (ROOT / name).parent.mkdir(exist_ok=True)
        (ROOT / name).write_bytes(text.encode("utf-8"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
