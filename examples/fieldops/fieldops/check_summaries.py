"""Checks of the logs and the summary cases: lines exist, no window cuts an event, the test shows kinds that training never saw."""
import re

from .logs import KINDS, SEVERITIES
from .manuals import read_manuals


def check_logs(world, logs):
    manuals = read_manuals(world.root)
    for name, log in logs.items():
        total = log["text"].count("\n")
        for event in log["events"]:
            if not log["header"] < event["first_line"] <= event["last_line"] <= total:
                yield "%s: lines %d to %d" % (name, event["first_line"], event["last_line"])
            if event["kind"] not in KINDS or event["severity"] not in SEVERITIES or event["count"] < 1:
                yield "%s: %s" % (name, event["what"])
        if log["machine"] in world.machines:
            manual = " ".join(manuals[world.machines[log["machine"]]["manual"]].values())
            for code in set(re.findall(r"\b[AEF]\d\d\b", log["text"])):
                if code not in manual:
                    yield "%s: %s is not in the manual" % (name, code)


def check_windows(logs, cases):
    for case in cases:
        log = logs[case["log"]["path"].split("/")[-1]]
        first, last = case["log"]["first_line"], case["log"]["last_line"]
        if not 1 <= first < last <= log["text"].count("\n"):
            yield "%s: lines %d to %d" % (case["id"], first, last)
        wanted = []
        for event in log["events"]:
            begin, end = event["touched"]
            if first <= begin and end <= last:
                wanted.append((event["first_line"], event["last_line"]))
            elif begin <= last and first <= end:
                yield "%s: cuts the event at line %d" % (case["id"], begin)
        if wanted != [(event["first_line"], event["last_line"]) for event in case["expected"]["events"]]:
            yield "%s: its events are not those of the log" % case["id"]
        if not case["expected"]["summary"]:
            yield "%s: no summary" % case["id"]


def check(world, logs, by_split):
    yield from check_logs(world, logs)
    for cases in by_split.values():
        yield from check_windows(logs, cases)
    kinds = {split: {event["kind"] for case in cases for event in case["expected"]["events"]} for split, cases in by_split.items()}
    if not kinds["test"] - kinds["train"]:
        yield "summaries: the test has no kind of event that training does not have"
    files = {split: {case["log"]["path"] for case in cases} for split, cases in by_split.items()}
    if files["test"] & (files["train"] | files["validation"]):
        yield "summaries: a log is in the test and elsewhere"
    if not all(any(not case["expected"]["events"] for case in cases) for cases in by_split.values()):
        yield "summaries: a split has no window without events"
