"""What the tests of `thimble pull` share: a server, a folder of their own, and the program run in it."""
import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from fault_server import FaultServer

THIMBLE = os.environ["THIMBLE_BIN"]
QUICK = ("--retry-wait", "0.01", "--retries", "3", "--timeout", "1")


class PullCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="thimble-fetch-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.models = self.folder / "cache/thimble/models"
        self.server = self.start_server()
        self.variables = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "XDG_CACHE_HOME": str(self.folder / "cache"),
                          "HF_ENDPOINT": self.server.url, "THIMBLE_MEMORY_LIMIT": "4GB"}
        for name in ("LD_LIBRARY_PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS"):
            if name in os.environ:
                self.variables[name] = os.environ[name]

    def start_server(self, certificate=None):
        server = FaultServer(certificate)
        self.addCleanup(server.close)
        return server

    def start(self, *arguments, **variables):
        return subprocess.Popen([THIMBLE, *arguments], env={**self.variables, **variables}, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run_thimble(self, *arguments, **variables):
        program = self.start(*arguments, **variables)
        out, error = program.communicate(timeout=50)
        return program.returncode, out, error

    def pull(self, *arguments, **variables):
        """A pull that must succeed: its report."""
        code, out, error = self.run_thimble("pull", *QUICK, "--json", *arguments, **variables)
        self.assertEqual(code, 0, error)
        return json.loads(out)

    def refuse(self, code, part, *arguments, **variables):
        """A pull that must fail with one last line that says why, leaving no model."""
        found, out, error = self.run_thimble("pull", *QUICK, *arguments, **variables)
        self.assertEqual(found, code, error)
        self.assertEqual(out, "")
        last = error.rstrip("\n").split("\n")[-1]
        self.assertTrue(last.startswith("thimble: "), error)
        self.assertIn(part, last)
        self.assertEqual(self.whole_models(), [])
        return error

    def files(self):
        return sorted(str(p.relative_to(self.models)) for p in self.models.rglob("*") if p.is_file()) if self.models.exists() else []

    def whole_models(self):
        return [name for name in self.files() if name.endswith(".gguf")]
