#!/usr/bin/env python3
"""`thimble merge` as a program, on tiny models: adapters of either form, what runs like --lora, quantized bases, bad input.

THIMBLE_BIN: the program; THIMBLE_TINY_MODELS: the program write_tiny_models.
"""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

THIMBLE = os.environ["THIMBLE_BIN"]


class Merge(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp())
        subprocess.run([os.environ["THIMBLE_TINY_MODELS"], cls.folder], check=True, stdout=subprocess.DEVNULL)
        lines = [{"messages": [{"role": "user", "content": f"say {i}"}, {"role": "assistant", "content": "this is it" * 3}]}
                 for i in range(12)]
        (cls.folder / "data.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        for family in ("llama", "phi3", "qwen3"):
            cls.run_thimble("tune", "-m", cls.folder / f"{family}.gguf", "--data", cls.folder / "data.jsonl", "-o",
                            cls.folder / f"{family}-lora.gguf", "--peft-out", cls.folder / f"{family}-peft", "--steps", 6,
                            "--lr", 0.01, "--rank", 4, "-t", 1)
        cls.model, cls.adapter = cls.folder / "llama.gguf", cls.folder / "llama-lora.gguf"

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def setUp(self):
        self.work = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        self.out = self.work / "out.gguf"

    @staticmethod
    def run_thimble(*arguments, code=0):
        result = subprocess.run([THIMBLE, *map(str, arguments)], capture_output=True, text=True, timeout=120)
        assert result.returncode == code, (result.returncode, result.stderr)
        return result

    def merge(self, *more, model=None, adapter=None, out=None, code=0):
        result = self.run_thimble("merge", "-m", model or self.model, "--lora", adapter or self.adapter, "-o",
                                  out or self.out, *more, code=code)
        if code:
            self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
            self.assertFalse(self.out.exists())
            self.assertEqual(list(self.work.glob("out.gguf*")), [])
        return result

    def tokens(self, model, *more):
        found = self.run_thimble("generate", "-m", model, "-p", "say", "-n", 24, "--temp", 0, "--json", "-t", 1, *more)
        return json.loads(found.stdout)["tokens"]

    def test_folder_and_file_give_the_same_bytes(self):
        for family in ("llama", "phi3", "qwen3"):
            model = self.folder / f"{family}.gguf"
            self.merge(model=model, adapter=self.folder / f"{family}-lora.gguf")
            self.merge(model=model, adapter=self.folder / f"{family}-peft", out=self.work / "other.gguf")
            self.assertEqual(self.out.read_bytes(), (self.work / "other.gguf").read_bytes())
            self.assertNotEqual(self.out.read_bytes(), model.read_bytes())

    def test_the_merged_model_says_what_the_adapter_says(self):
        self.merge()
        self.assertEqual(self.tokens(self.out), self.tokens(self.model, "--lora", self.adapter))
        self.assertNotEqual(self.tokens(self.out), self.tokens(self.model))
        self.merge("--lora", f"{self.adapter}:-1", out=self.work / "none.gguf")
        self.assertEqual((self.work / "none.gguf").read_bytes(), self.model.read_bytes())

    def test_a_dry_run_says_it_first(self):
        dry = json.loads(self.merge("--dry-run", "--json", "--outtype", "f16").stdout)
        self.assertFalse(self.out.exists())
        wet = json.loads(self.merge("--json", "--outtype", "f16").stdout)
        self.assertEqual((dry["bytes"], dry["merged"], dry["copied"]), (wet["bytes"], wet["merged"], wet["copied"]))
        self.assertNotIn("error", dry["types"]["F16"])
        self.assertLess(0, wet["types"]["F16"]["error"])
        self.assertLess(wet["types"]["F16"]["error"], 2 ** -11)
        self.assertEqual([row["type"] for row in wet["tensors"]], ["F16"] * wet["merged"])

    def test_into_a_quantized_model(self):
        quantized = self.work / "q4.gguf"
        self.run_thimble("quantize", self.model, quantized, "Q4_0")
        twice = self.merge("--json", model=quantized)
        self.assertIn("were rounded again", twice.stderr)
        self.assertTrue(json.loads(twice.stdout)["is_rounded_twice"])
        once = self.merge("--json", "--original", self.model, model=quantized)
        self.assertEqual(once.stderr, "")
        self.assertFalse(json.loads(once.stdout)["is_rounded_twice"])
        self.assertIn("Q4_0", json.loads(once.stdout)["types"])
        self.assertEqual(self.out.stat().st_size, quantized.stat().st_size)
        imatrix, text = self.work / "imatrix.gguf", self.work / "text.txt"
        text.write_text("".join(chr(97 + i * i % 23) for i in range(9 * 512)), encoding="utf-8")
        self.run_thimble("imatrix", "-m", self.model, "-f", text, "-o", imatrix, "-c", 128, "--chunks", 4)
        plain = self.out.read_bytes()
        self.merge("--original", self.model, "--imatrix", imatrix, model=quantized)
        self.assertNotEqual(self.out.read_bytes(), plain)

    def test_rounding_by_measured_loss_is_closer(self):
        quantized, text = self.work / "q4.gguf", self.work / "text.txt"
        self.run_thimble("quantize", self.model, quantized, "Q4_0")
        text.write_text("".join(chr(97 + i * i % 23) for i in range(9 * 512)), encoding="utf-8")
        self.merge(out=self.work / "exact.gguf")
        best = json.loads(self.merge("--original", self.model, "--calibration", text, "--json", "-t", 1,
                                     model=quantized).stdout)
        self.assertGreater(best["kld"], 0)
        self.assertEqual(self.out.stat().st_size, quantized.stat().st_size)
        self.assertFalse((self.work / "out.gguf.statistics").exists())
        plain = self.work / "plain.gguf"
        self.merge("--original", self.model, model=quantized, out=plain)
        kld = [json.loads(self.run_thimble("eval", "kld", "-m", model, "--reference", self.work / "exact.gguf", "-f", text,
                                           "-c", 256, "-ctk", "f32", "-ctv", "f32", "--json").stdout)["kld_mean"]
               for model in (self.out, plain)]
        self.assertLess(kld[0], kld[1])

    def test_bad_input(self):
        self.run_thimble("merge", "-m", self.model, "-o", self.out, code=2)
        other = self.folder / "qwen3-lora.gguf"
        self.assertIn("made for the architecture", self.merge(adapter=other, code=4).stderr)
        self.assertIn("expected an adapter", self.merge(adapter=self.model, code=4).stderr)
        self.assertIn("none of the adapted", self.merge("--calibration", self.model, code=2).stderr)
        for bad_output in (self.model, self.adapter):
            before = bad_output.read_bytes()
            self.merge(out=bad_output, code=2)
            self.assertEqual(bad_output.read_bytes(), before)
        self.merge(out=self.work / "no/such/out.gguf", code=1)
        (self.work / "cut.gguf").write_bytes(self.adapter.read_bytes()[:-100])
        self.merge(adapter=self.work / "cut.gguf", code=4)
        self.assertIn("o_proj.lora_A.weight: expected floats of [4, 128], found F32 of [4, 64]",
                      self.merge(adapter=self.folder / "phi3-peft", code=4).stderr)


if __name__ == "__main__":
    unittest.main()
