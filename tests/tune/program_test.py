#!/usr/bin/env python3
"""`thimble tune` as a program, on a tiny model: files written whole, runs killed and resumed, adapters there and back, bad input.

THIMBLE_BIN: the program; THIMBLE_TINY_MODELS: the program write_tiny_models.
"""
import csv
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
import xml.etree.ElementTree

THIMBLE = os.environ["THIMBLE_BIN"]


class Tune(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp())
        subprocess.run([os.environ["THIMBLE_TINY_MODELS"], cls.folder], check=True, stdout=subprocess.DEVNULL)
        cls.model = cls.folder / "llama.gguf"

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def setUp(self):
        self.work = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        self.data = self.work / "data.jsonl"
        self.write(self.data, [{"messages": [{"role": "user", "content": f"say {i}"},
                                             {"role": "assistant", "content": f"this is {i}" * 3}]} for i in range(12)])

    @staticmethod
    def write(path, lines):
        path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")

    def command(self, out, *more, model=None):
        return [str(part) for part in (THIMBLE, "tune", "-m", model or self.model, "--data", self.data, "-o",
                                       self.work / out, "-t", 1, "--lr", 0.002, *more)]

    def tune(self, out, *more, code=0, model=None):
        result = subprocess.run(self.command(out, *more, model=model), capture_output=True, text=True, timeout=120)
        self.assertEqual(result.returncode, code, result.stderr)
        if code:
            self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
            self.assertEqual(result.stdout, "")
        return result

    def test_loss_falls_and_the_adapter_runs(self):
        log = self.work / "log.jsonl"
        self.tune("a.gguf", "--epochs", 5, "--batch-size", 3, "--log", log)
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        self.assertEqual([line["step"] for line in lines], list(range(1, 21)))
        self.assertLess(lines[-1]["loss"], 0.7 * lines[0]["loss"])
        self.assertTrue({"step", "loss", "lr", "tokens", "tps"} <= lines[0].keys())
        plain, tuned = (subprocess.run([THIMBLE, "generate", "-m", self.model, "-p", "say", "-n", "16", "--temp", "0",
                                        "--json", *adapter], check=True, capture_output=True, text=True).stdout
                        for adapter in ([], ["--lora", str(self.work / "a.gguf")]))
        self.assertNotEqual(json.loads(plain)["tokens"], json.loads(tuned)["tokens"])
        self.assertFalse((self.work / "a.gguf.checkpoint").exists())

    def test_killed_and_resumed_gives_the_same_bytes(self):
        options = ("--steps", 40, "--save-every", 1, "--batch-size", 2, "--grad-accum", 2)
        self.tune("whole.gguf", *options)
        log = self.work / "log.jsonl"
        for kill_after in (2, 9, 17):
            process = subprocess.Popen(self.command("broken.gguf", *options, "--resume", "--log", log),
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            while process.poll() is None and (not log.exists() or len(log.read_text().splitlines()) < kill_after):
                time.sleep(0.01)
            process.send_signal(signal.SIGKILL)
            self.assertNotEqual(process.wait(), 0, "the run ended before it was killed")
            self.assertFalse((self.work / "broken.gguf").exists())
        self.tune("broken.gguf", *options, "--resume", "--log", log)
        self.assertEqual((self.work / "whole.gguf").read_bytes(), (self.work / "broken.gguf").read_bytes())
        self.assertEqual([json.loads(line)["step"] for line in log.read_text().splitlines()], list(range(1, 41)))

    def interrupt(self, out, *options):
        """A run ended by Ctrl-C, with its checkpoint."""
        log = self.work / "interrupted.jsonl"
        process = subprocess.Popen(self.command(out, *options, "--steps", 1000, "--log", log), stderr=subprocess.DEVNULL)
        while not log.exists() or not log.read_text():
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(), 130)
        self.assertTrue((self.work / (out + ".checkpoint")).exists())

    def test_what_a_checkpoint_does_not_belong_to_is_refused(self):
        self.interrupt("a.gguf")
        self.assertIn("--resume", self.tune("a.gguf", "--steps", 1000, code=2).stderr)
        self.assertIn("options changed", self.tune("a.gguf", "--steps", 999, "--resume", code=4).stderr)
        self.assertIn("the model changed", self.tune("a.gguf", "--steps", 1000, "--resume", code=4,
                                                     model=self.folder / "qwen3.gguf").stderr)
        with open(self.data, "a", encoding="utf-8") as data:
            data.write('{"text": "one more"}\n')
        self.assertIn("the data changed", self.tune("a.gguf", "--steps", 1000, "--resume", code=4).stderr)
        self.assertTrue((self.work / "a.gguf.checkpoint").exists())

    def test_adapters_there_and_back(self):
        for family in ("llama", "phi3", "gemma3"):
            model = self.folder / f"{family}.gguf"
            self.tune("a.gguf", "--steps", 3, "--rank", 4, "--peft-out", self.work / "peft", model=model)
            a = (self.work / "a.gguf").read_bytes()
            for init in (self.work / "peft", self.work / "a.gguf"):
                self.tune("b.gguf", "--steps", 1, "--lr", 0, "--rank", 4, "--init", init, model=model)
                self.assertEqual(a, (self.work / "b.gguf").read_bytes(), init)
            self.assertIn("b.gguf", self.tune("b.gguf", "--steps", 1, "--rank", 4, "--json", "--init", self.work / "peft",
                                              model=model).stdout)

    def test_validation_keeps_the_best(self):
        val = self.work / "val.jsonl"
        self.write(val, [{"messages": [{"role": "user", "content": "say 99"},
                                       {"role": "assistant", "content": "this is 99"}]}])
        log = self.work / "log.jsonl"
        self.tune("a.gguf", "--steps", 12, "--val", val, "--eval-every", 4, "--log", log)
        measured = [line["val_loss"] for line in map(json.loads, log.read_text().splitlines()) if "val_loss" in line]
        self.assertEqual(len(measured), 3)
        # Far too fast: what is kept is what the run had when the validation was best, and it ends before its time.
        wild = ("--schedule", "constant", "--lr", 0.05, "--seed", 3)
        self.tune("best.gguf", *wild, "--steps", 40, "--val", val, "--eval-every", 1, "--patience", 4, "--log", log)
        measured = [line["val_loss"] for line in map(json.loads, log.read_text().splitlines())]
        best = measured.index(min(measured)) + 1
        self.assertEqual(len(measured), best + 4)
        self.tune("until.gguf", *wild, "--steps", best)
        self.assertEqual((self.work / "best.gguf").read_bytes(), (self.work / "until.gguf").read_bytes())
        self.data.write_text(self.data.read_text() + val.read_text())
        self.assertIn("1 (13)", self.tune("a.gguf", "--val", val, code=4).stderr)

    def test_log_in_columns_goes_on_like_the_other(self):
        options = ("--steps", 12, "--save-every", 1, "--eval-every", 4, "--val", self.work / "val.jsonl")
        self.write(self.work / "val.jsonl", [{"prompt": "say 99", "completion": "this is 99"}])
        log = self.work / "log.csv"
        process = subprocess.Popen(self.command("a.gguf", *options, "--log", log), stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        while process.poll() is None and (not log.exists() or len(log.read_text().splitlines()) < 4):
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        self.assertNotEqual(process.wait(), 0, "the run ended before it was killed")
        self.tune("a.gguf", *options, "--log", log, "--resume")
        with open(log, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual([int(row["step"]) for row in rows], list(range(1, 13)))
        self.assertEqual([int(row["step"]) for row in rows if row["val_loss"]], [4, 8, 12])
        self.assertTrue(all(float(row["loss"]) > 0 and float(row["tps"]) > 0 for row in rows))

    def test_run_folder(self):
        folder, val = self.work / "run", self.work / "val.jsonl"
        self.write(val, [{"prompt": "say 99", "completion": "this is 99"}])
        options = ("--steps", 7, "--lr", 0.003, "--rank", 4, "--run-dir", folder, "--val", val, "--eval-every", 3)
        self.tune("a.gguf", *options)
        recipe = json.loads((folder / "recipe.json").read_text())
        self.assertEqual([recipe["options"][key] for key in ("rank", "lr", "steps", "precision")], [4, 0.003, 7, "f32"])
        self.assertEqual(recipe["data"], str(self.data))
        self.assertEqual([json.loads(line)["step"] for line in (folder / "log.jsonl").read_text().splitlines()],
                         list(range(1, 8)))
        plot = xml.etree.ElementTree.parse(folder / "loss.svg").getroot()
        space = "{http://www.w3.org/2000/svg}"
        self.assertEqual(len(plot.find(space + "polyline").get("points").split()), 7)
        self.assertEqual(len(plot.findall(space + "circle")), 3)  # after steps 3, 6 and 7
        with open(self.data, "a", encoding="utf-8") as data:
            data.write('{"text": "one more"}\n')
        self.tune("a.gguf", *options)
        other = json.loads((folder / "recipe.json").read_text())
        self.assertNotEqual(other["data_hash"], recipe["data_hash"])
        self.assertEqual(other["model_hash"], recipe["model_hash"])
        self.tune("b.gguf", "--steps", 1, "--run-dir", self.data / "under", code=1)

    def test_bfloat16_trains_too(self):
        losses = []
        for precision in ("f32", "bf16"):
            log = self.work / f"{precision}.jsonl"
            self.tune("a.gguf", "--steps", 20, "--batch-size", 3, "--precision", precision, "--log", log)
            losses.append([json.loads(line)["loss"] for line in log.read_text().splitlines()])
        self.assertNotEqual(losses[0], losses[1])
        for single, rounded in zip(*losses):
            self.assertLess(abs(rounded / single - 1), 0.05)

    def plan(self, *more, code=0):
        result = subprocess.run([THIMBLE, "plan", "-m", self.model, "--train", "--json", "-t", "1", *map(str, more)],
                                capture_output=True, text=True, timeout=60)
        self.assertEqual(result.returncode, code, result.stderr)
        return json.loads(result.stdout)

    def test_the_plan_is_what_tune_goes_by(self):
        size = ("--max-length", 256, "--rank", 32, "--batch-size", 4)
        plan = self.plan(*size)
        self.assertTrue(plan["fits"])
        self.assertEqual(plan["total_bytes"], sum(plan["parts"].values()))
        said = self.tune("a.gguf", *size, "--steps", 1, "-v").stderr
        self.assertAlmostEqual(int(said.split(" MB planned")[0].split()[-1]), plan["total_bytes"] / 1e6, delta=3)
        # Each remedy, alone, makes it fit, and tune names them too.
        limit = plan["total_bytes"] - plan["parts"]["activations"] // 2
        tight = self.plan(*size, "--budget", limit, code=3)
        self.assertFalse(tight["fits"])
        self.assertGreaterEqual(len(tight["remedies"]), 2)
        for remedy in tight["remedies"]:
            fitting = self.plan(*size, *remedy["change"].split(), "--budget", limit + 1_000_000)
            self.assertAlmostEqual(fitting["total_bytes"], remedy["total_bytes"], delta=1_000_000)
        self.assertIn("it fits with --batch-size", self.tune("b.gguf", *size, "--memory-limit", limit, code=3).stderr)
        # Where no one of them is enough, several at once.
        least = self.plan("--optimizer", "adamw8", "--max-length", 32, "--rank", 8)["total_bytes"] + 100_000
        several = self.plan(*size, "--budget", least, code=3)["remedies"]
        self.assertEqual(len(several), 1)
        self.assertIn("--batch-size 1 --max-length 32 --rank", several[0]["change"])
        self.assertLessEqual(several[0]["total_bytes"], least)
        self.assertEqual(self.plan("--budget", 1_000_000, code=3)["remedies"], [])

    def test_bad_input(self):
        self.assertIn("--targets", self.tune("a.gguf", "--targets", "q,x", code=2).stderr)
        self.assertIn("--rank", self.tune("a.gguf", "--rank", 100, code=2).stderr)
        self.assertIn("only decoders", self.tune("a.gguf", code=2, model=self.folder / "bert.gguf").stderr)
        self.tune("a.gguf", "--memory-limit", "1MB", code=3)
        self.tune("no/such/folder/a.gguf", code=1)
        other = self.folder / "qwen3.gguf"
        self.tune("a.gguf", "--steps", 1, "--peft-out", self.work / "peft", model=other)
        self.assertIn("made for the architecture", self.tune("b.gguf", "--init", self.work / "a.gguf", code=4).stderr)
        config = self.work / "peft/adapter_config.json"
        good = config.read_text()
        for change, fault in (({"use_dora": True}, "use_dora"), ({"peft_type": "IA3"}, "peft_type"), ({"r": 0}, "r:"),
                              ({"r": 0.5}, "r:"),
                              ({"rank_pattern": {"q_proj": 3}}, "rank_pattern"), ({"r": 8}, "expected floats of")):
            config.write_text(json.dumps({**json.loads(good), **change}))
            self.assertIn(fault, self.tune("b.gguf", "--init", self.work / "peft", code=4, model=other).stderr)
        config.write_text("{")
        self.tune("b.gguf", "--init", self.work / "peft", code=4, model=other)
        self.data.write_text("\n")
        self.assertIn("no examples", self.tune("b.gguf", code=4).stderr)


if __name__ == "__main__":
    unittest.main()
