"""examples/fieldops: what is committed is what its generator writes, it is sound, and each check finds what it is for."""
import copy
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2] / "examples" / "fieldops"
sys.path.insert(0, str(ROOT))

import make  # noqa: E402
from fieldops import answers, check_commands, check_summaries, commands, manuals, questions, schema  # noqa: E402


class FieldOps(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = commands.World(ROOT)
        cls.files, cls.tasks, cls.logs = make.make(cls.world)

    def problems(self, check, task, change):
        """The problems that `check` sees after `change` has been made to a copy of the task's cases."""
        by_split = copy.deepcopy(self.tasks[task])
        change(by_split)
        return "\n".join(check(by_split))

    def test_what_is_committed_is_what_is_made_and_is_sound(self):
        self.assertEqual(list(make.check(self.world, self.files, self.tasks, self.logs)), [])

    def test_a_changed_file_is_seen(self):
        files = dict(self.files, **{"tools.json": "changed"})
        self.assertIn("tools.json is not what make.py writes", make.check(self.world, files, self.tasks, self.logs))

    def commands_check(self, by_split):
        return check_commands.check(self.world, by_split)

    def test_a_test_utterance_near_to_a_training_one_is_seen(self):
        def leak(by_split):
            case = next(c for c in by_split["train"] if c["category"] == "set_alarm_limit" and "corrected" not in c["tags"])
            by_split["test"].append(dict(case, id="leak", prompt="uh " + case["prompt"].replace("pump", "belt")))

        self.assertIn("leak are alike", self.problems(self.commands_check, "commands", leak))

    def test_a_wrong_label_is_seen(self):
        def break_label(by_split):
            case = next(c for c in by_split["test"] if c["category"] == "order_part")
            case["expected"]["arguments"]["quantity"] = 0
            case["id"] = "wrong"

        self.assertIn("wrong: arguments.quantity", self.problems(self.commands_check, "commands", break_label))

    def test_a_test_machine_in_training_is_seen(self):
        def name_it(by_split):
            by_split["train"].append(dict(by_split["train"][0], id="early", prompt="what about the chiller"))

        self.assertIn("early: speaks of the chiller", self.problems(self.commands_check, "commands", name_it))

    def test_text_that_nobody_said_is_seen(self):
        def invent(by_split):
            case = next(c for c in by_split["test"] if c["category"] == "send_message")
            case["expected"]["arguments"]["text"] = "something else"

        self.assertIn("the text is not in the prompt", self.problems(self.commands_check, "commands", invent))

    def questions_check(self, by_split):
        return questions.check(self.world, by_split)

    def test_an_answer_that_is_not_in_its_section_is_seen(self):
        def invent(by_split):
            case = next(c for c in by_split["test"] if c["metric"] == "contains")
            case["evidence"] = ["97 elephants"]

        self.assertIn("'97 elephants' is in none of its sections", self.problems(self.questions_check, "questions", invent))

    def test_a_question_about_a_known_code_is_not_unanswerable(self):
        def ask(by_split):
            by_split["test"].append({"id": "known", "category": "unanswerable", "metric": "refusal",
                                     "prompt": "HX-200, E07?", "machines": ["chiller"]})

        self.assertIn("known: E07 is in the manual", self.problems(self.questions_check, "questions", ask))

    def test_a_window_that_cuts_an_event_is_seen(self):
        def cut(by_split):
            case = next(c for c in by_split["test"] if c["category"] == "sensor_drift")
            case["log"]["last_line"] = case["expected"]["events"][0]["last_line"] - 1

        self.assertIn("cuts the event", self.problems(lambda by_split: check_summaries.check(self.world, self.logs, by_split), "summaries", cut))

    def test_words_of_answers_stand_alone(self):
        self.assertTrue(answers.holds("wait for 90 seconds.", "90 seconds"))
        self.assertTrue(answers.holds("about 2,950rpm", "2950 rpm"))
        self.assertTrue(answers.holds("at 104 degrees Celsius", "104 °C"))
        self.assertFalse(answers.holds("15 bar", "5 bar"))
        self.assertFalse(answers.holds("2.5 bar", "5 bar"))
        self.assertFalse(answers.holds("E071", "E07"))

    def test_schema_keywords_that_are_not_understood_are_an_error(self):
        with self.assertRaises(ValueError):
            schema.problems({"type": "string", "format": "date"}, "x")

    def test_the_read_me_counts_right(self):
        text = (ROOT / "README.md").read_text(encoding="utf-8")
        count = {task: [len(by_split[split]) for split in make.SPLITS] for task, by_split in self.tasks.items()}
        phrasings = [len({case["phrasing"] for case in self.tasks["commands"][split] if case["expected"]["name"]}) for split in make.SPLITS]
        lines = sum(log["text"].count("\n") for log in self.logs.values())
        events = sum(len(log["events"]) for log in self.logs.values())
        refused = sum(case["category"] == "unanswerable" for cases in self.tasks["questions"].values() for case in cases)
        for line in ("{:,} train, {:,} validation, {:,} test".format(*count["commands"]),
                     "{}, {}, {} ({} unanswerable in all)".format(*count["questions"], refused), "{}, {}, {} (some".format(*count["summaries"]),
                     "{} training phrasings, {} for validation, {} for the test".format(*phrasings),
                     "9 files, {:,} lines, {} events".format(lines, events)):
            self.assertIn(line, text)

    def test_every_case_can_be_told_from_the_others(self):
        ids = [case["id"] for by_split in self.tasks.values() for cases in by_split.values() for case in cases]
        self.assertEqual(len(ids), len(set(ids)))

    def test_manuals_are_long_enough_and_named_by_the_machines(self):
        read = manuals.read_manuals(ROOT)
        self.assertEqual(sorted(read), sorted(machine["manual"] for machine in self.world.machines.values()))
        for name, sections in read.items():
            words = sum(len(text.split()) for text in sections.values())
            self.assertTrue(1500 <= words <= 3500, "%s: %d words" % (name, words))

    @unittest.skipUnless(shutil.which("pdftotext"), "pdftotext (poppler-utils) is not here")
    def test_the_pdf_holds_the_words_of_its_source(self):
        pdf = ROOT / "manuals" / "chiller-hx200.pdf"
        text = subprocess.run(["pdftotext", "-layout", str(pdf), "-"], check=True, capture_output=True).stdout.decode("utf-8")
        source = (ROOT / "sources" / "chiller-hx200.md").read_text(encoding="utf-8")
        missing = set(re.findall(r"[\w.-]*\w", source)) - set(re.findall(r"[\w.-]*\w", text))
        self.assertEqual(missing - {"1.", "---"}, set())
        self.assertLess(pdf.stat().st_size, 150 * 1024)


if __name__ == "__main__":
    unittest.main()
