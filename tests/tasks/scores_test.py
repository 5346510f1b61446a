"""`thimble eval task --from-answers` against tests/oracle/task_scores.py: the golden answers, and thousands of random ones to the FieldOps
task files and to made-up cases of every metric. Needs THIMBLE_BIN. A seed may be given as the first argument."""
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import unittest

TESTS = pathlib.Path(__file__).resolve().parents[1]
TASKS = TESTS.parent / "examples" / "fieldops" / "tasks"
sys.path.insert(0, str(TESTS / "oracle"))

import task_scores  # noqa: E402

SEED = 7
PIECES = ["5 bar", "5bar", "2,950 rpm", "2950", "1,23", "12,345,678", "104 degrees Celsius", "3 degree f", "9 degrees cx", "90 %", "90%", "½ inch",
          "m³/h", "ﬁlter", "Straße", "STRASSE", "ſ", "Kelvin", "K", "İ", "ΑΣ", "ας", "é", "e\u0301", "\u00a0", "\u2003", "\u0085", "\x1c", "_",
          "pump", "Pump", "heat pump", "PUMP2", "pump_", "-pump-", "generator", "don't say", "Don\u2019t say", "not  mentioned", "cannot answer",
          "٣,٤٥٦", "٣ bar", "１２ kW", "²", "Ⅷ", "x.", ".5", "5.", "5.5", ",5", "a,b", "日本 語", "👍🏽", "\n", "\t", "it", "is", "the", "oil", "A"]


def run(tasks, answers, *more):
    """What eval task says of answers (lists of objects): its JSON."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = []
        for i, own in enumerate(answers):
            path = pathlib.Path(folder) / ("answers-%d.jsonl" % i)
            path.write_text("".join(json.dumps(answer, ensure_ascii=i == 0) + "\n" for answer in own), encoding="utf-8")
            arguments += ["--from-answers", str(path)]
        command = [os.environ["THIMBLE_BIN"], "eval", "task", str(tasks), "--json", *arguments, *more]
        return json.loads(subprocess.run(command, check=True, capture_output=True, timeout=120).stdout)


def text(random_, most=8):
    return "".join(random_.choice(PIECES) + random_.choice(["", " ", " ", "  "]) for _ in range(random_.randrange(most)))


def spoilt(random_, value):
    """A JSON value that is near to `value`, or it."""
    if random_.random() < 0.4:
        return value
    if isinstance(value, bool) or value is None:
        return random_.choice([True, False, None, 1, 0])
    if isinstance(value, (int, float)):
        return random_.choice([value, float(value), value + 1, -value, str(value), value + 0.5, value == 1, 2 ** 53 + 1, 1e300, [value]])
    if isinstance(value, str):
        return random_.choice([value, value.upper(), value + " ", "", None, [value], {"a": value}])
    if isinstance(value, list):
        return [spoilt(random_, item) for item in value] + random_.choice([[], [1], [{}]])
    changed = {key: spoilt(random_, item) for key, item in value.items() if random_.random() < 0.9}
    if random_.random() < 0.2:
        changed[random_.choice(["extra", "name", "machine"])] = random_.choice([1, "x", None, {}, []])
    items = list(changed.items())
    random_.shuffle(items)
    return dict(items)


def call_answer(random_, expected):
    call = spoilt(random_, expected)
    if isinstance(call, dict) and random_.random() < 0.2:
        call["arguments"] = random_.choice([None, [], "", 0, False, True, 3, ["x"], {}])
    if random_.random() < 0.5:
        return json.dumps(call) if random_.random() < 0.9 else json.dumps(call)[:-1]
    return call if isinstance(call, dict) else {"name": None}


def events_answer(random_, expected):
    events = []
    for event in expected["events"] * random_.randrange(3):
        near = dict(event, first_line=max(1, event["first_line"] + random_.randrange(-8, 8)))
        near["last_line"] = near["first_line"] + random_.randrange(12)
        if random_.random() < 0.5:
            near["severity"] = random_.choice(["info", "warning", "error", "critical", 3, None])
        events.append(near)
    for _ in range(random_.randrange(3)):
        first = random_.randrange(1, 400)
        events.append({"first_line": first, "last_line": first + random_.randrange(40)})
    random_.shuffle(events)
    words = expected["summary"].split()
    random_.shuffle(words)
    return {"events": events, "summary": " ".join(words[:random_.randrange(len(words) + 1)])}


def answer_to(random_, case):
    answer, expected, metric = {"id": case["id"]}, case["expected"], case["metric"]
    if random_.random() < 0.15 and metric != "events":
        answer["refused"] = random_.random() < 0.5
    if metric == "json_slots":
        answer["answer"] = call_answer(random_, expected)
    elif metric == "events":
        answer.update(events_answer(random_, expected))
    elif metric == "contains":
        parts = [random_.choice(group) for group in expected["all_of"] if random_.random() < 0.8]
        answer["answer"] = random_.choice(["", " ", "x", "1", "-"]).join(random_.choice([part, part.upper(), text(random_, 3)]) for part in parts)
        answer["answer"] = text(random_, 3) + answer["answer"] + random_.choice(["", ".", ".5", ",5 x", text(random_, 3)])
    elif metric == "rouge_l":
        words = random_.choice(expected["references"]).split(" ")
        answer["answer"] = " ".join(random_.choice([word, word.upper(), random_.choice(PIECES)]) for word in words)
    else:
        answer["answer"] = text(random_)
    return answer


def made_cases(random_, count):
    """Cases of the metrics that FieldOps does not have, and odd ones of those that it has."""
    def phrase():
        return text(random_, 4).strip() or "pump"

    cases = []
    for i in range(count):
        metric = random_.choice(["exact", "choice", "contains", "refusal", "rouge_l", "json_slots"])
        case = {"id": "made-%d" % i, "task": "text", "category": "c%d" % (i % 7), "prompt": "?", "metric": metric}
        if metric == "choice":
            case["choices"] = [random_.choice(PIECES) or "x" for _ in range(random_.randrange(1, 5))]
        case["expected"] = {"exact": lambda: " ".join(text(random_, 3).split()), "choice": lambda: random_.choice(case["choices"]),
                            "contains": lambda: {"all_of": [[phrase() for _ in range(random_.randrange(1, 3))] for _ in range(random_.randrange(1, 3))]},
                            "refusal": lambda: {"refused": random_.random() < 0.5},
                            "rouge_l": lambda: {"references": [phrase() for _ in range(random_.randrange(1, 3))]},
                            "json_slots": lambda: {"name": random_.choice([None, "f"]), "arguments": {}}}[metric]()
        if metric == "json_slots" and case["expected"]["name"]:
            case["expected"]["arguments"] = {"a": random_.choice([1, 2.5, "x", [1, 2], {"b": None}, True, 10 ** 17]), "b": random_.choice([0, -3, 1e20])}
        cases.append(case)
    return cases


class Scores(unittest.TestCase):
    def assert_near(self, found, wanted, where):
        if isinstance(wanted, dict):
            for key, value in wanted.items():
                self.assertIn(key, found, where)
                self.assert_near(found[key], value, where + "/" + key)
        elif isinstance(wanted, list):
            self.assertEqual(len(found), len(wanted), where)
            for one, other in zip(found, wanted):
                self.assert_near(one, other, where)
        else:
            # Sums are taken in another order; a count is exact.
            self.assertAlmostEqual(found, wanted, delta=1e-9 if isinstance(wanted, float) else 0, msg=where)

    def check(self, tasks, answers):
        cases = task_scores.read(tasks)
        found = run(tasks, answers)
        read = [{answer["id"]: answer for answer in own} for own in answers]
        for own, model in zip(read, found["models"]):
            wanted = task_scores.report(cases, own)
            for case in cases:
                self.assert_near(model["cases"][case["id"]], wanted["cases"][case["id"]], "%s: %s to %s" % (case["id"], own.get(case["id"]), case))
            self.assert_near(model, wanted, str(tasks))
        paired = task_scores.report(cases, read[0], read[1])["paired"]
        self.assert_near(found["paired"][0], paired, str(tasks))
        return len(cases)

    def test_the_golden_answers_have_the_golden_scores(self):
        data = TESTS / "data" / "tasks"
        found = run(data / "cases.jsonl", [task_scores.read(data / "answers.jsonl"), task_scores.read(data / "other_answers.jsonl")])
        wanted = json.loads((data / "scores.json").read_text(encoding="utf-8"))
        self.assert_near(found["paired"][0], wanted.pop("paired"), "paired")
        self.assert_near(found["models"][0], wanted, "golden")

    def test_random_answers_to_the_fieldops_cases_score_alike(self):
        for path in sorted(TASKS.glob("*.jsonl")):
            random_ = random.Random("%s %s" % (SEED, path.name))
            cases = task_scores.read(path)
            self.check(path, [[answer_to(random_, case) for case in cases if random_.random() < 0.95] for _ in range(2)])

    def test_random_answers_to_made_up_cases_score_alike(self):
        random_ = random.Random(SEED)
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "made.jsonl"
            cases = made_cases(random_, 3000)
            path.write_text("".join(json.dumps(case, ensure_ascii=False) + "\n" for case in cases), encoding="utf-8")
            self.check(path, [[answer_to(random_, case) for case in cases] for _ in range(2)])


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1].isdigit():
        SEED = int(sys.argv.pop(1))
    unittest.main()
