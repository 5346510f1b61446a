"""tests/oracle/task_scores.py against scores worked out by hand, and the golden file that it made for `eval task`."""
import json
import pathlib
import sys
import unittest

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS / "oracle"))

import task_scores  # noqa: E402

DATA = TESTS / "data" / "tasks"
# By hand, from docs/task-files.md: the score of every case of cases.jsonl with answers.jsonl.
BY_HAND = [1, 0, 1, 0, 1, 1, 0, 1, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0, 0, 0.75, 1, 0, 1, 1]


def answers(name):
    return {answer["id"]: answer for answer in task_scores.read(DATA / name)}


class TaskScores(unittest.TestCase):
    def setUp(self):
        self.cases = task_scores.read(DATA / "cases.jsonl")
        self.report = task_scores.report(self.cases, answers("answers.jsonl"), answers("other_answers.jsonl"))

    def test_scores_are_those_worked_out_by_hand(self):
        self.assertEqual([self.report["cases"][case["id"]]["score"] for case in self.cases], BY_HAND)

    def test_slots_are_counted(self):
        # Shared 5 + 3, answered 5 + 4 + 2, expected 5 + 5 + 2 + 2: F1 is 16 / 25.
        self.assertAlmostEqual(self.report["categories"]["command"]["slot_f1"], 16 / 25)

    def test_events_are_matched_one_to_one(self):
        one = self.report["cases"]["case-21"]
        self.assertEqual(one["events"], [2, 2, 0, 0, 2])  # the long event gives way to the one that only the first can have
        self.assertEqual(self.report["cases"]["case-22"]["events"], [1, 1, 1, 0, 1])
        self.assertEqual(self.report["cases"]["case-24"]["events"], [1, 1, 0, 1, 0])
        self.assertEqual(self.report["categories"]["events"]["invented"], 1)

    def test_the_interval_is_wilsons(self):
        low, high = task_scores.wilson(0.5, 10)
        self.assertAlmostEqual(low, 0.2366, places=4)
        self.assertAlmostEqual(high, 0.7634, places=4)

    def test_paired_answers(self):
        self.assertEqual(self.report["paired"], {"only_first": 3, "only_second": 1, "p": 0.625})
        right, wrong = [{"score": 1.0}] * 6, [{"score": 0.0}] * 6
        self.assertAlmostEqual(task_scores.mcnemar(right, wrong)["p"], 2 / 64)

    def test_numbers_are_equal_by_value_and_true_is_no_number(self):
        self.assertTrue(task_scores.same({"a": [1, 2.0]}, {"a": [1.0, 2]}))
        self.assertFalse(task_scores.same(True, 1))
        self.assertFalse(task_scores.same({"a": None}, {}))

    def test_the_golden_file_is_what_the_script_writes(self):
        self.assertEqual(json.loads((DATA / "scores.json").read_text(encoding="utf-8")), json.loads(json.dumps(self.report)))

    def test_a_right_answer_to_every_fieldops_case_scores_one(self):
        tasks = TESTS.parent / "examples" / "fieldops" / "tasks"
        for path in sorted(tasks.glob("*.jsonl")):
            for case in task_scores.read(path):
                expected = case["expected"]
                answer = {"json_slots": lambda: {"answer": expected}, "contains": lambda: {"answer": expected["answer"]},
                          "choice": lambda: {"answer": expected}, "refusal": lambda: {"answer": "The manuals do not say.", "refused": True},
                          "events": lambda: expected}[case["metric"]]()
                self.assertEqual(task_scores.score(case, answer)["score"], 1.0, case["id"])


if __name__ == "__main__":
    unittest.main()
