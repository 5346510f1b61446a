"""`thimble convert` against llama.cpp's converter: the same tensors to the byte, the same metadata but for DIFFERENCES.

Golden files: tests/data/convert/, made by tests/oracle/convert_golden.py. Environment: THIMBLE_BIN. The tokenizers' keys have tests of their
own (tests/compress).
"""
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import checkpoints
import gguf_contents

DATA = pathlib.Path(__file__).resolve().parent.parent / "data" / "convert"
F32, UINT32, BOOL, STRING = 6, 4, 7, 8
BASE = [F32, 10000.0]
# Keys that only Thimble writes, with their values; docs/converting.md has the reasons.
ADDED = {
    "gemma": {"gemma.rope.freq_base": BASE},
    "gemma2": {"gemma2.rope.freq_base": BASE},
    "phi2": {"phi2.rope.freq_base": BASE},
    "stablelm": {"stablelm.rope.freq_base": BASE},
    "gemma-embedding": {"gemma-embedding.attention.causal": [BOOL, False]},
}


def run(*words):
    return subprocess.run([os.environ["THIMBLE_BIN"], *map(str, words)], capture_output=True, text=True, timeout=60)


class Golden(unittest.TestCase):
    maxDiff = None

    def check(self, name):
        golden = json.loads((DATA / f"{name}.json").read_text())
        with tempfile.TemporaryDirectory() as work:
            folder = checkpoints.write(name, work)
            for kind in ("f32", "f16", "bf16", "q8_0"):
                out = pathlib.Path(work) / "out.gguf"
                done = run("convert", folder, "--outfile", out, "--outtype", kind)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                values, tensors = gguf_contents.contents(out)
                found = {tensor: [shape, [number, gguf_contents.digest(data)]] for tensor, (number, shape, data) in tensors.items()}
                self.assertEqual(found, {tensor: [entry["shape"], entry[kind]] for tensor, entry in golden["tensors"].items()}, kind)
                if kind == "f16":
                    own = {key: value for key, value in values.items() if not key.startswith("tokenizer.")}
                    self.assertEqual(own, {**golden["metadata"], **ADDED.get(name, {})})


# The converter leaves StableLM's norms of single heads unprocessed and gives up.
for case in sorted(set(checkpoints.cases()) - {"stablelm-parallel"}):
    setattr(Golden, "test_" + case.replace("-", "_"), lambda self, name=case: self.check(name))

if __name__ == "__main__":
    unittest.main()
