#!/usr/bin/env python3
"""Scores answers to a task file as docs/task-files.md says: the reference for `thimble eval task`. Only the standard library is needed.

usage: task_scores.py TASKS.jsonl ANSWERS.jsonl [OTHER_ANSWERS.jsonl]

An answer is a line {"id", "answer"}: text, or for json_slots the object {"name", "arguments"} or its JSON as text; with "refused" where the
program says it, and {"id", "events", "summary"} for metric events. Prints {"all", "categories", "cases"}: for all cases and for each
category the number of cases, the mean score, its 95 % interval (Wilson's) and the figures of the metrics; with a second file of answers
also "paired": how often only the one or only the other is right, and the two-sided p of McNemar's exact test.
"""
import json
import math
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "examples" / "fieldops"))

from fieldops.answers import holds, normal  # noqa: E402

REFUSALS = ("do not say", "does not say", "don't say", "doesn't say", "not in the manual", "not mentioned", "no information", "cannot answer",
            "can't answer", "cannot find", "could not find", "not specified", "not provided")


def is_refusal(answer):
    text = normal(str(answer.get("answer", "")))
    return bool(answer.get("refused", any(words in text for words in REFUSALS)))


def exact(case, answer):
    return {"score": float(" ".join(answer["answer"].split()) == case["expected"])}


def choice(case, answer):
    places = {}
    for option in case["choices"]:
        match = re.search(r"(?<!\w)%s(?!\w)" % re.escape(option), answer["answer"], re.I)
        if match:
            places[option] = (match.start(), -len(option))
    return {"score": float(bool(places) and min(places, key=places.get) == case["expected"])}


def contains(case, answer):
    found = all(any(holds(answer["answer"], variant) for variant in group) for group in case["expected"]["all_of"])
    return {"score": float(found)}


def refusal(case, answer):
    return {"score": float(is_refusal(answer) == case["expected"]["refused"])}


def same(one, other):
    """JSON equality: numbers by value, and true is no 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


def slots(call):
    if not isinstance(call, dict) or call.get("name") is None:
        return {}
    arguments = call.get("arguments")
    return {**{"argument " + key: value for key, value in (arguments if isinstance(arguments, dict) else {}).items()}, "name": call["name"]}


def json_slots(case, answer):
    call = answer["answer"]
    if isinstance(call, str):
        try:
            call = json.loads(call)
        except ValueError:
            call = "no JSON"
    if isinstance(call, dict):
        call = {"name": call.get("name"), "arguments": call.get("arguments") or {}}
    wanted, given = slots(case["expected"]), slots(call)
    shared = sum(key in wanted and same(wanted[key], value) for key, value in given.items())
    return {"score": float(same(call, case["expected"])), "slots": [shared, len(given), len(wanted)]}


def words_of(text):
    return re.findall(r"[^\W_]+", text.casefold())


def rouge(answer, reference):
    one, other = words_of(answer), words_of(reference)
    row = [0] * (len(other) + 1)
    for word in one:
        previous = row
        row = [0]
        for i, candidate in enumerate(other):
            row.append(previous[i] + 1 if word == candidate else max(previous[i + 1], row[-1]))
    return 2.0 * row[-1] / (len(one) + len(other)) if one and other else 0.0


def rouge_l(case, answer):
    return {"score": max(rouge(answer["answer"], reference) for reference in case["expected"]["references"])}


def overlap(one, other):
    return one["first_line"] <= other["last_line"] and other["first_line"] <= one["last_line"]


def matching(expected, given):
    """The largest one-to-one matching of events that share a line: {index of expected: index of given}."""
    owner = {}  # index of given: index of expected

    def place(i, tried):
        for j, event in enumerate(given):
            if j not in tried and overlap(expected[i], event):
                tried.add(j)
                if j not in owner or place(owner[j], tried):
                    owner[j] = i
                    return True
        return False

    for i in range(len(expected)):
        place(i, set())
    return {i: j for j, i in owner.items()}


def events(case, answer):
    expected, given = case["expected"]["events"], answer.get("events", [])
    matched = matching(expected, given)
    severity = sum(expected[i]["severity"] == given[j].get("severity") for i, j in matched.items())
    invented = sum(not any(overlap(event, one) for one in expected) for event in given)
    repeated = len(given) - len(matched) - invented
    return {"score": float(len(matched) == len(expected) and not invented), "events": [len(matched), len(expected), invented, repeated, severity],
            "rouge_l": rouge(answer.get("summary", ""), case["expected"]["summary"])}


METRICS = {"exact": exact, "choice": choice, "contains": contains, "refusal": refusal, "json_slots": json_slots, "rouge_l": rouge_l, "events": events}


def score(case, answer):
    """{"score", ...} of one case; a missing answer scores 0, and so does a refusal where it was not asked for."""
    empty = {"answer": "", "refused": False}
    if answer is None:
        return METRICS[case["metric"]](case, empty) | {"score": 0.0}
    if case["metric"] in ("contains", "choice") and answer.get("refused"):
        return {"score": 0.0}
    return METRICS[case["metric"]](case, answer)


def wilson(mean, count, z=1.959963984540054):
    centre, width = mean + z * z / (2 * count), z * math.sqrt(mean * (1 - mean) / count + z * z / (4 * count * count))
    return [(centre - width) / (1 + z * z / count), (centre + width) / (1 + z * z / count)]


def summary(results):
    mean = sum(result["score"] for result in results) / len(results)
    out = {"cases": len(results), "score": mean, "interval": wilson(mean, len(results))}
    counted = [result["slots"] for result in results if "slots" in result]
    if counted:
        shared, given, wanted = map(sum, zip(*counted))
        out["slot_f1"] = 2.0 * shared / (given + wanted) if given + wanted else 1.0
    counted = [result["events"] for result in results if "events" in result]
    if counted:
        matched, expected, invented, repeated, severity = map(sum, zip(*counted))
        out.update(event_recall=matched / expected if expected else 1.0, invented=invented, repeated=repeated,
                   severity_accuracy=severity / matched if matched else 1.0,
                   rouge_l=sum(result["rouge_l"] for result in results if "rouge_l" in result) / len(counted))
    return out


def mcnemar(one, other):
    """Exact, two-sided, over cases of score 1 or less."""
    first = sum(a["score"] == 1 and b["score"] < 1 for a, b in zip(one, other))
    second = sum(a["score"] < 1 and b["score"] == 1 for a, b in zip(one, other))
    count = first + second
    tail = sum(math.comb(count, k) for k in range(min(first, second) + 1)) / 2 ** count
    return {"only_first": first, "only_second": second, "p": min(1.0, 2 * tail)}


def report(cases, answers, others=None):
    results = [score(case, answers.get(case["id"])) for case in cases]
    categories = sorted({case["category"] for case in cases})
    out = {"all": summary(results),
           "categories": {name: summary([r for case, r in zip(cases, results) if case["category"] == name]) for name in categories},
           "cases": {case["id"]: result for case, result in zip(cases, results)}}
    if others is not None:
        out["paired"] = mcnemar(results, [score(case, others.get(case["id"])) for case in cases])
    return out


def read(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    answers = [{answer["id"]: answer for answer in read(path)} for path in sys.argv[2:]]
    json.dump(report(read(sys.argv[1]), *answers), sys.stdout, ensure_ascii=False, indent=1)
    print()


if __name__ == "__main__":
    main()
