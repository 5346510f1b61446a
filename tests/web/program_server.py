"""`thimble serve` as a process of the tests' own, on a port that is free, with the manuals and tools of FieldOps."""
import pathlib
import re
import subprocess
import tempfile

FIELDOPS = pathlib.Path(__file__).resolve().parents[2] / "examples/fieldops"


class ProgramServer:
    def __init__(self, thimble, model, *more, tools=FIELDOPS / "tools.json"):
        self.folder = tempfile.TemporaryDirectory()
        base = pathlib.Path(self.folder.name) / "kb.db"
        subprocess.run([thimble, "index", "-o", base, FIELDOPS / "manuals"], check=True, capture_output=True)
        self.command = [thimble, "serve", "-m", model, "--kb", base, "--tools", tools, "-np", "2", "-c", "2048", *more]
        self.port = 0
        self.process = None

    @property
    def address(self):
        return f"http://127.0.0.1:{self.port}/"

    def start(self):
        """On the port it had before, if it ran before; nothing where it runs."""
        if self.process and self.process.poll() is None:
            return self
        self.process = subprocess.Popen([*self.command, "--port", str(self.port)], stderr=subprocess.PIPE, text=True)
        said = self.process.stderr.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)", said)
        if not found:
            raise RuntimeError(f"thimble serve said: {said}{self.process.stderr.read()}")
        self.port = int(found.group(1))
        return self

    def kill(self):
        """Without a farewell to anybody."""
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()

    def close(self):
        self.kill()
        self.folder.cleanup()
