"""Summary cases: windows of the logs, each whole in the events it shows."""
from .draw import Draw

QUIET = ("Routine operation only; every reading stays within its usual range.", "Nothing happened but routine messages and steady readings.",
         "No event: the readings are steady and the messages routine.")
SHORTEST, LONGEST, QUIET_WINDOWS = 24, 60, 2


def shrink(first, last, events):
    """The window [first, last] without the events that it would cut, whose traces in the telemetry included."""
    for event in events:
        begin, end = event["touched"]
        if begin < first <= end:
            first = end + 1
        if begin <= last < end:
            last = begin - 1
    return first, last


def windows_of(total, header, events, draw):
    """[(first, last)]: one around each event, not two around the same, and some without any."""
    result = []
    for event in events:
        begin, end = event["touched"]
        if any(first <= begin and end <= last for first, last in result):
            continue
        length = max(draw.between(SHORTEST + 6, LONGEST), end - begin + 9)
        first = max(header + 1, begin - draw.between(3, length - (end - begin + 1) - 3))
        result.append(shrink(first, min(total, first + length - 1), [other for other in events if other is not event]))
    quiet = 0
    for _ in range(3000):
        first = draw.between(header + 1, total - LONGEST)
        last = first + draw.between(SHORTEST, LONGEST) - 1
        apart = all(last < event["touched"][0] or event["touched"][1] < first for event in events)
        if apart and all(last < other[0] or other[1] < first for other in result):
            result.append((first, last))
            quiet += 1
            if quiet == QUIET_WINDOWS:
                break
    return sorted(result)


def inside(event, window):
    return window[0] <= event["touched"][0] and event["touched"][1] <= window[1]


def build(logs, split):
    cases = []
    for name, log in logs.items():
        if log["split"] != split:
            continue
        events, draw = log["events"], Draw("windows", name)
        for window in windows_of(log["text"].count("\n"), log["header"], events, draw):
            shown = [event for event in events if inside(event, window)]
            summary = " ".join(event["summary"] for event in shown) or draw.pick(QUIET)
            kinds = sorted({event["kind"] for event in shown})
            category = kinds[0] if len(kinds) == 1 else ("several" if kinds else "none")
            expected = [{key: value for key, value in event.items() if key not in ("summary", "touched")} for event in shown]
            cases.append({"id": "", "task": "summary", "category": category, "machine": log["machine"],
                          "log": {"path": "../logs/" + name, "first_line": window[0], "last_line": window[1]},
                          "expected": {"events": expected, "summary": summary}, "metric": "events"})
    for number, case in enumerate(cases):
        case["id"] = "summary-%s-%03d" % (split, number + 1)
    return cases
