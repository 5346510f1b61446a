"""`thimble pull hf:...` against a hub of ours, the caches, `list`, `rm`, and -m by a model's name."""
import json
import os
import subprocess
import unittest

from fault_server import file_route, in_turn, redirect_route, status_route
from model_bytes import digest, model
from pull_case import PullCase

MODEL = model()
OTHER = model(seed=2)
COMMIT = "c0ffee" + "0" * 34
SECOND = "beef" + "0" * 36


class Hub(PullCase):
    def repository(self, *paths, **more):
        """Every file another model, so that a wrong choice is seen."""
        self.data = {path: model(seed=number) for number, path in enumerate(paths)}
        self.server.add_repository("o/r", {path: (data, digest(data)) for path, data in self.data.items()}, **more)

    def expect(self, reference, path):
        report = self.pull(reference)
        self.assertEqual(report["sha256"], digest(self.data[path]), reference)
        self.assertEqual(report["source"], "hf:o/r/" + path)
        self.run_thimble("rm", "o--r")
        return report

    def test_the_default_is_q4_k_m_then_q4_0_then_the_first(self):
        self.repository("a-IQ2_XS.gguf", "a-Q4_0.gguf", "a-Q4_K_M.gguf", "a-Q4_K_S.gguf", "a-q8_0.gguf", "mmproj-Q4_K_M.gguf")
        self.expect("hf:o/r", "a-Q4_K_M.gguf")
        self.repository("a-IQ2_XS.gguf", "a-Q4_0_4_4.gguf", "a-Q4_0.gguf", "a-Q4_K_S.gguf", "a-q8_0.gguf")
        self.expect("hf:o/r", "a-Q4_0.gguf")
        self.repository("b-Q6_K.gguf", "a-Q8_0.gguf")
        self.expect("hf:o/r", "a-Q8_0.gguf")

    def test_a_quantization_or_a_file_that_is_named(self):
        self.repository("a-Q4_K_M.gguf", "a.Q4_K_S.gguf", "Q8_0/a.gguf", "a-UD-Q4_K_XL.gguf")
        self.expect("hf:o/r:Q4_K_S", "a.Q4_K_S.gguf")
        self.expect("hf:o/r:q8_0", "Q8_0/a.gguf")
        self.expect("hf:o/r:UD-Q4_K_XL", "a-UD-Q4_K_XL.gguf")
        self.expect("hf:o/r/Q8_0/a.gguf", "Q8_0/a.gguf")
        error = self.refuse(4, "nothing of this quantization", "hf:o/r:Q4_K")
        for path in self.data:
            self.assertIn(path, error)
        self.refuse(4, "no such file", "hf:o/r/missing.gguf")

    def test_an_ambiguous_reference_lists_what_there_is(self):
        self.repository("a-Q4_K_M.gguf", "b-Q4_K_M.gguf")
        error = self.refuse(2, "several files fit", "hf:o/r")
        self.assertIn("a-Q4_K_M.gguf", error)
        self.assertIn("b-Q4_K_M.gguf", error)

    def test_a_revision_is_pinned_to_its_commit(self):
        self.repository("a-Q4_0.gguf", revision="v1.0", commit=SECOND)
        report = self.pull("hf:o/r@v1.0")
        self.assertEqual(report["path"], str(self.models / "o--r@v1.0/a-Q4_0.gguf"))
        self.assertIn(f"/o/r/resolve/{SECOND}/a-Q4_0.gguf", [path for path, _ in self.server.requests])
        record = json.loads((self.models / "o--r@v1.0/a-Q4_0.gguf.json").read_text())
        self.assertEqual(record["commit"], SECOND)

    def test_a_list_of_several_pages(self):
        self.repository("a-Q8_0.gguf")
        first = f"/api/models/o/r/tree/{COMMIT}"
        last = self.server.routes[first]
        self.server.routes["/page2"] = last
        self.server.routes[first] = status_route(200, b"[]", Link='</page2?cursor=x>; rel="next"')
        self.expect("hf:o/r", "a-Q8_0.gguf")
        self.server.routes["/page2"] = status_route(200, b"[]", Link='</page2>; rel="next"')
        self.refuse(1, "has no end", "hf:o/r")

    def test_the_next_page_is_on_the_same_server(self):
        other = self.start_server()
        self.repository("a-Q8_0.gguf")
        self.server.routes[f"/api/models/o/r/tree/{COMMIT}"] = status_route(200, b"[]", Link=f'<{other.url}/page2>; rel="next"')
        self.refuse(4, "no GGUF file", "hf:o/r")
        self.assertEqual(other.requests, [])

    def test_a_split_model_is_fetched_whole(self):
        parts = {f"q/m-Q4_K_M-0000{n}-of-00003.gguf": b"GGUF part %d" % n for n in (3, 1, 2)}
        self.server.add_repository("o/r", {path: (data, digest(data)) for path, data in parts.items()})
        for reference in ("hf:o/r", "hf:o/r/q/m-Q4_K_M-00002-of-00003.gguf"):
            report = self.pull(reference)
            self.assertEqual([file["sha256"] for file in report["files"]], [digest(parts[path]) for path in sorted(parts)])
            self.assertEqual(report["path"], str(self.models / "o--r/q--m-Q4_K_M-00001-of-00003.gguf"))
            self.run_thimble("rm", "o--r")
        self.assertEqual(self.files(), [])
        self.refuse(3, "its files alone are", "hf:o/r", "--budget", "20")
        del parts["q/m-Q4_K_M-00002-of-00003.gguf"]
        self.server.add_repository("o/r", {path: (data, digest(data)) for path, data in parts.items()})
        self.refuse(4, "2 of the 00003 parts", "hf:o/r")

    def test_a_repository_of_safetensors(self):
        self.repository("model.safetensors", "config.json")
        self.refuse(4, "safetensors", "hf:o/r")

    def test_answers_that_make_no_sense(self):
        deep = b"[" * 200000
        tree = f"/api/models/o/r/tree/{COMMIT}"
        self.repository("a-Q4_0.gguf")
        for body in (b"", b"<html>", deep, b"{", b"\xff\xfe", b"[1,2"):
            self.server.routes[tree] = status_route(200, body)
            self.refuse(1, "not JSON", "hf:o/r")
        for body in (b"{}", b"null", b"7", b'"x"'):
            self.server.routes[tree] = status_route(200, body)
            self.refuse(1, "no list of files", "hf:o/r")
        self.server.routes[tree] = status_route(200, b"[" + b"1," * (9 << 20) + b"1]")
        self.refuse(1, "longer than 16 MB", "hf:o/r")
        for sha in (None, "", 5, "main", "../" * 14, "C0FFEE" + "0" * 34, "0" * 39):
            self.server.routes["/api/models/o/r/revision/main"] = status_route(200, json.dumps({"sha": sha}).encode())
            self.refuse(1, "names no commit", "hf:o/r")

    def test_names_and_sizes_that_make_no_sense_are_left_out(self):
        entry = {"type": "file", "path": "a-Q4_0.gguf", "size": len(MODEL), "oid": "1" * 40,
                 "lfs": {"oid": digest(MODEL), "size": len(MODEL)}}
        hostile = [{"path": path} for path in ("../a-Q4_0.gguf", "/etc/a.gguf", "x/../../a.gguf", "a\nb.gguf", "a\0.gguf", ".hidden.gguf",
                                               "x//a.gguf", "a\\b.gguf", "a" * 300 + ".gguf", "\x1b[2J.gguf", "", 5, None)]
        hostile += [{"size": size} for size in (-1, 1 << 60, 1e300, "5", None, 1.5)] + [{"type": "directory"}, {"lfs": {"oid": "../x"}}]
        tree = f"/api/models/o/r/tree/{COMMIT}"
        self.server.add_repository("o/r", {"a-Q4_0.gguf": (MODEL, digest(MODEL))})
        self.server.routes[tree] = status_route(200, json.dumps([{**entry, **change} for change in hostile] + [1, [], None]).encode())
        error = self.refuse(4, "no GGUF file", "hf:o/r")
        self.assertNotIn("\x1b", error)
        self.assertEqual(list(self.folder.rglob("*.gguf")), [])
        self.server.routes[tree] = status_route(200, json.dumps([{**entry, **change} for change in hostile] + [entry]).encode())
        self.pull("hf:o/r")

    def test_references_that_make_no_sense(self):
        for reference in ("hf:", "hf:o", "hf:o/", "hf:/r", "hf:../r", "hf:o/..", "hf:o/r@", "hf:o/r:", "hf:o/r/", "hf:o/r/../x.gguf",
                          "hf:o/r/x.bin", "hf:o/r@../..", "hf:o--x/r", "hf:o/r?x=y", "hf:o/r#x", "hf:o/r:a b", "hf:o/\x1b[2J",
                          "ftp://x/y.gguf", "file:///etc/passwd", "https://u:p@x/y.gguf", "https://", "hf:" + "a" * 200 + "/r"):
            code, out, error = self.run_thimble("pull", reference)
            self.assertEqual((code, out), (2, ""), error)
            self.assertNotIn("\x1b", error)
        self.assertEqual(self.server.requests, [])
        self.refuse(4, "hf:owner/repository", "o/r")

    def test_the_hub_needs_a_token(self):
        self.server.routes["/api/models/o/r/revision/main"] = status_route(401)
        self.refuse(1, "HF_TOKEN", "hf:o/r")

    def test_the_token_of_the_environment_or_of_the_hubs_file(self):
        self.repository("a-Q4_0.gguf")
        self.pull("hf:o/r", HF_TOKEN="hf_secret")
        self.assertEqual({headers.get("Authorization") for _, headers in self.server.requests}, {"Bearer hf_secret"})
        self.server.requests.clear()
        (self.folder / "home").mkdir()
        (self.folder / "home/token").write_text("hf_file\n")
        self.pull("hf:o/r", HF_HOME=str(self.folder / "home"))
        self.assertEqual({headers.get("Authorization") for _, headers in self.server.requests}, {"Bearer hf_file"})
        self.refuse_nothing_sent("hf:o/r", HF_TOKEN="bad\tname: value")

    def refuse_nothing_sent(self, reference, **variables):
        self.server.requests.clear()
        code, _, _ = self.run_thimble("pull", reference, **variables)
        self.assertEqual((code, self.server.requests), (2, []))


class Caches(PullCase):
    def setUp(self):
        super().setUp()
        self.server.add_repository("o/r", {"a-Q4_0.gguf": (MODEL, digest(MODEL)), "a-Q8_0.gguf": (OTHER, digest(OTHER))})

    def fill_hub_cache(self, folder, data=MODEL, commit=COMMIT):
        repository = folder / "models--o--r"
        for name in ("blobs", "refs", f"snapshots/{commit}"):
            (repository / name).mkdir(parents=True, exist_ok=True)
        (repository / "blobs" / digest(data)).write_bytes(data)
        (repository / "refs/main").write_text(commit)
        path = repository / "snapshots" / commit / "a-Q4_0.gguf"
        path.symlink_to(f"../../blobs/{digest(data)}")
        return path

    def bodies_sent(self):
        return sum("/resolve/" in path for path, _ in self.server.requests)

    def test_what_is_there_is_not_fetched_again(self):
        self.assertEqual(self.pull("hf:o/r")["origin"], "fetched")
        self.assertEqual(self.pull("hf:o/r")["origin"], "cache")
        self.assertEqual(self.bodies_sent(), 1)

    def test_a_newer_file_takes_the_place_of_the_old_one(self):
        self.pull("hf:o/r")
        self.server.add_repository("o/r", {"a-Q4_0.gguf": (OTHER, digest(OTHER))}, commit=SECOND)
        self.assertEqual(self.pull("hf:o/r")["origin"], "fetched")
        self.assertEqual((self.models / "o--r/a-Q4_0.gguf").read_bytes(), OTHER)

    def test_an_old_file_stays_while_the_new_one_cannot_be_fetched(self):
        self.pull("hf:o/r")
        self.server.add_repository("o/r", {"a-Q4_0.gguf": (OTHER, digest(OTHER))}, commit=SECOND,
                                   serve=lambda data: file_route(data, cut_after=5000))
        self.run_thimble("pull", "hf:o/r", "--retries", "0")
        self.assertEqual((self.models / "o--r/a-Q4_0.gguf").read_bytes(), MODEL)

    def test_a_file_without_a_record_is_known_by_its_digest(self):
        self.pull("hf:o/r")
        (self.models / "o--r/a-Q4_0.gguf.json").unlink()
        self.assertEqual(self.pull("hf:o/r")["origin"], "cache")
        (self.models / "o--r/a-Q4_0.gguf.json").unlink()
        (self.models / "o--r/a-Q4_0.gguf").write_bytes(bytes(len(MODEL)))
        self.assertEqual(self.pull("hf:o/r")["origin"], "fetched")
        self.assertEqual((self.models / "o--r/a-Q4_0.gguf").read_bytes(), MODEL)

    def test_the_hugging_face_cache_is_read_and_left_alone(self):
        for name, variables in (("plain", {"HF_HUB_CACHE": "plain"}), ("home/hub", {"HF_HOME": "home"}), ("cache/huggingface/hub", {})):
            with self.subTest(name):
                path = self.fill_hub_cache(self.folder / name)
                before = sorted(p.stat().st_mtime_ns for p in (self.folder / name).rglob("*"))
                variables = {key: str(self.folder / value) for key, value in variables.items()}
                report = self.pull("hf:o/r", **variables)
                self.assertEqual((report["path"], report["origin"]), (str(path), "hugging face cache"))
                self.assertEqual(self.bodies_sent(), 0)
                requests = len(self.server.requests)
                _, out, _ = self.run_thimble("list", "--json", **variables)
                row = json.loads(out)[0]
                self.assertEqual((row["name"], row["file"], row["location"]), ("hf:o/r/a-Q4_0.gguf", str(path), "hugging face"))
                code, out, error = self.run_thimble("info", "hf:o/r:Q4_0", "--json", **variables)
                self.assertEqual((code, json.loads(out)["file"]), (0, str(path)), error)
                code, out, error = self.run_thimble("rm", "hf:o/r", **variables)
                self.assertEqual((code, out), (4, ""), error)
                self.assertEqual(sorted(p.stat().st_mtime_ns for p in (self.folder / name).rglob("*")), before)
                self.assertEqual(len(self.server.requests), requests)
                self.assertEqual(self.files(), [])

    def test_the_same_file_of_an_older_commit_is_used(self):
        path = self.fill_hub_cache(self.folder / "hub", commit=SECOND)
        report = self.pull("hf:o/r", HF_HUB_CACHE=str(self.folder / "hub"))
        self.assertEqual(report["path"], str(path))
        other = self.fill_hub_cache(self.folder / "hub2", data=OTHER[:len(MODEL)], commit=SECOND)
        self.assertEqual(len(OTHER), len(MODEL))
        report = self.pull("hf:o/r", HF_HUB_CACHE=str(self.folder / "hub2"))
        self.assertNotEqual(report["path"], str(other))

    def test_offline(self):
        for arguments, variables in ((["--offline"], {}), ([], {"HF_HUB_OFFLINE": "1"}), ([], {"THIMBLE_OFFLINE": "yes"})):
            self.refuse(1, "--offline", "hf:o/r", *arguments, **variables)
            self.refuse(1, "--offline", self.server.url + "/m.gguf", *arguments, **variables)
        self.assertEqual(self.server.requests, [])
        self.pull("hf:o/r")
        self.server.requests.clear()
        self.assertEqual(self.pull("hf:o/r", "--offline")["origin"], "cache")
        path = self.fill_hub_cache(self.folder / "hub")
        self.run_thimble("rm", "o--r")
        self.assertEqual(self.pull("hf:o/r", "--offline", HF_HUB_CACHE=str(self.folder / "hub"))["path"], str(path))
        self.assertEqual(self.server.requests, [])

    def test_models_by_name(self):
        code, out, error = self.run_thimble("generate", "-m", "hf:o/r:Q8_0", "-p", "x")
        self.assertEqual((code, out), (4, ""))
        self.assertIn("thimble pull hf:o/r:Q8_0", error)
        self.assertEqual(self.server.requests, [])
        self.pull("hf:o/r:Q8_0")
        self.pull("hf:o/r")
        self.server.requests.clear()
        texts = {}
        for name in ("hf:o/r", "hf:o/r:Q4_0", "hf:o/r:Q8_0", "hf:o/r/a-Q8_0.gguf", "o--r/a-Q8_0.gguf", str(self.models / "o--r/a-Q8_0.gguf")):
            code, texts[name], error = self.run_thimble("generate", "-m", name, "--ids", "72,105", "-n", "8", "--temp", "0", "--json")
            self.assertEqual(code, 0, error)
            texts[name] = json.loads(texts[name])["tokens"]
        self.assertEqual(texts["hf:o/r"], texts["hf:o/r:Q4_0"])
        self.assertEqual(texts["hf:o/r:Q8_0"], texts["o--r/a-Q8_0.gguf"])
        code, _, error = self.run_thimble("info", "o--r")
        self.assertEqual(code, 2)
        code, _, error = self.run_thimble("info", "https://example.invalid/x.gguf")
        self.assertEqual(code, 4)
        self.assertIn("thimble pull https://example.invalid/x.gguf", error)
        self.assertEqual(self.server.requests, [])

    def test_list_and_rm(self):
        code, out, error = self.run_thimble("list")
        self.assertEqual((code, out), (0, ""))
        self.assertIn("no models yet", error)
        self.assertEqual(json.loads(self.run_thimble("list", "--json")[1]), [])
        self.pull("hf:o/r")
        self.pull("hf:o/r:Q8_0")
        self.server.routes["/cut.gguf"] = file_route(MODEL, cut_after=30000)
        self.run_thimble("pull", self.server.url + "/cut.gguf", "--retries", "0")
        (self.models / "broken").mkdir()
        (self.models / "broken/x.gguf").write_bytes(b"noise")
        rows = {row["name"]: row for row in json.loads(self.run_thimble("list", "--json")[1])}
        self.assertEqual(sorted(rows), ["broken", "cut", "o--r/a-Q4_0.gguf", "o--r/a-Q8_0.gguf"])
        self.assertEqual(rows["o--r/a-Q4_0.gguf"]["sha256"], digest(MODEL))
        self.assertEqual(rows["o--r/a-Q4_0.gguf"]["architecture"], "llama")
        self.assertEqual(rows["o--r/a-Q4_0.gguf"]["source"], "hf:o/r/a-Q4_0.gguf")
        self.assertEqual((rows["cut"]["size"], rows["cut"]["whole_size"], rows["cut"]["complete"]), (30000, len(MODEL), False))
        self.assertIn("being fetched", self.run_thimble("list")[1])
        code, out, error = self.run_thimble("rm", "o--r/a-Q8_0.gguf", "cut", "broken", "--json")
        self.assertEqual(code, 0, error)
        report = json.loads(out)
        self.assertEqual([len(entry["files"]) for entry in report["removed"]], [1, 1, 1])
        self.assertGreater(report["freed_bytes"], len(OTHER) + 30000)
        self.assertEqual([row["name"] for row in json.loads(self.run_thimble("list", "--json")[1])], ["o--r"])
        code, out, error = self.run_thimble("rm", "hf:o/r:Q4_0")
        self.assertEqual((code, self.files()), (0, []), error)
        self.assertIn("freed", out)
        self.assertFalse((self.models / "o--r").exists())

    def test_rm_never_leaves_the_cache(self):
        outside = self.folder / "outside"
        outside.mkdir()
        (outside / "x.gguf").write_bytes(MODEL)
        self.models.mkdir(parents=True)
        (self.models / "link").symlink_to(outside)
        (self.models / "real").mkdir()
        (self.models / "real/y.gguf").symlink_to(outside / "x.gguf")
        (self.models / "real/notes.txt").write_text("mine")
        for name in ("../outside", "..", ".", "", "/", str(outside), "real/../../outside/x.gguf", "real/..", "a/b/c", "hf:../x", "link/x.gguf/"):
            code, out, error = self.run_thimble("rm", "--", name)
            self.assertEqual((code, out), (2, ""), name + error)
        for name, expected in (("link", 1), ("link/x.gguf", 1), ("nothing", 4), ("real/nothing.gguf", 4), ("real/notes.txt", 4)):
            code, out, error = self.run_thimble("rm", name)
            self.assertEqual((code, out), (expected, ""), name + error)
        code, _, error = self.run_thimble("rm", "real")
        self.assertEqual(code, 0, error)
        self.assertEqual((outside / "x.gguf").read_bytes(), MODEL)
        self.assertEqual((self.models / "real/notes.txt").read_text(), "mine")
        self.assertFalse((self.models / "real/y.gguf").is_symlink())

    def test_rm_of_what_is_being_fetched(self):
        self.server.routes["/slow.gguf"] = file_route(MODEL, rate=len(MODEL) / 20)
        program = self.start("pull", self.server.url + "/slow.gguf")
        while not (self.models / "slow/slow.gguf.part").exists():
            pass
        code, _, error = self.run_thimble("rm", "slow")
        self.assertEqual(code, 1)
        self.assertIn("being fetched", error)
        program.terminate()
        program.communicate()


class Addresses(PullCase):
    def test_an_address_is_asked_again_only_where_it_changed(self):
        url = self.server.url + "/some%20model.gguf?download=true#x"
        self.server.routes["/some%20model.gguf"] = file_route(MODEL, etag='"1"')
        report = self.pull(url)
        self.assertEqual(report["path"], str(self.models / "some_model/some_model.gguf"))
        self.assertEqual(self.pull(url)["origin"], "cache")
        self.assertEqual(self.pull(url, "--offline")["origin"], "cache")
        self.server.routes["/some%20model.gguf"] = file_route(OTHER, etag='"2"')
        self.assertEqual(self.pull(url)["origin"], "fetched")
        self.assertEqual((self.models / "some_model/some_model.gguf").read_bytes(), OTHER)

    def test_two_addresses_with_one_name(self):
        self.server.routes["/a/m.gguf"] = file_route(MODEL)
        self.server.routes["/b/m.gguf"] = file_route(OTHER)
        self.pull(self.server.url + "/a/m.gguf")
        code, _, error = self.run_thimble("pull", self.server.url + "/b/m.gguf")
        self.assertEqual(code, 2)
        self.assertIn("--name", error)
        report = self.pull(self.server.url + "/b/m.gguf", "--name", "other")
        self.assertEqual(report["path"], str(self.models / "other/m.gguf"))
        self.assertEqual(self.run_thimble("info", "other")[0], 0)
        for name in ("../x", "a/b", ".x", "a b", "", "..", "\x1b"):
            code, _, error = self.run_thimble("pull", self.server.url + "/a/m.gguf", "--name", name)
            self.assertEqual(code, 0 if name == "" else 2, error)

    def test_a_local_file(self):
        source = self.folder / "my model.gguf"
        source.write_bytes(MODEL)
        report = self.pull(str(source))
        path = self.models / "my_model/my_model.gguf"
        self.assertEqual((report["path"], report["sha256"], report["origin"]), (str(path), digest(MODEL), "linked"))
        self.assertTrue(path.samefile(source))
        self.assertEqual(self.pull(str(source))["origin"], "cache")
        self.assertEqual(json.loads(self.run_thimble("rm", "my_model", "--json")[1])["freed_bytes"] < 1000, True)
        self.assertEqual(source.read_bytes(), MODEL)
        self.pull(str(source))
        source.unlink()
        source.write_bytes(OTHER)  # another file under the same name takes the place of the first
        self.assertEqual(self.pull(str(source))["sha256"], digest(OTHER))
        self.assertEqual(path.read_bytes(), OTHER)
        self.run_thimble("rm", "my_model")
        (self.folder / "bad.gguf").write_bytes(b"noise")
        self.refuse(4, "bad.gguf", str(self.folder / "bad.gguf"))
        self.refuse(3, "will not fit", str(source), "--budget", "1MB")
        self.refuse(5, "expected SHA-256", str(source), "--sha256", digest(MODEL))
        self.refuse(4, "no such file", str(self.folder / "missing.gguf"))
        self.refuse(4, "a directory", str(self.folder))
        self.assertEqual(self.server.requests, [])

    def test_a_local_file_from_another_disk_is_copied(self):
        if not os.path.isdir("/dev/shm") or os.stat("/dev/shm").st_dev == os.stat(self.folder).st_dev:
            self.skipTest("there is no other file system here")
        source = f"/dev/shm/thimble-fetch-{os.getpid()}.gguf"
        with open(source, "wb") as out:
            out.write(MODEL)
        self.addCleanup(os.unlink, source)
        report = self.pull(source, "--name", "copy")
        self.assertEqual(report["origin"], "copied")
        with open(report["path"], "rb") as copied:
            self.assertEqual(copied.read(), MODEL)

    def test_an_unwritable_cache(self):
        (self.folder / "cache").write_text("a file, no folder")
        self.server.routes["/m.gguf"] = file_route(MODEL)
        code, _, error = self.run_thimble("pull", self.server.url + "/m.gguf")
        self.assertEqual(code, 1)
        self.assertIn("the folder cannot be made", error)


class Redirects(PullCase):
    def test_the_token_stays_with_the_hub(self):
        elsewhere = self.start_server()
        self.server.add_repository("o/r", {"a-Q4_0.gguf": (MODEL, digest(MODEL))}, serve=lambda _: in_turn(
            redirect_route(elsewhere.url + "/blob"), redirect_route(f"http://localhost:{self.server.port}/blob")))
        elsewhere.routes["/blob"] = file_route(MODEL)
        self.server.routes["/blob"] = file_route(MODEL)
        for _ in range(2):
            self.pull("hf:o/r", HF_TOKEN="hf_secret")
            self.run_thimble("rm", "o--r")
        self.assertEqual(len(elsewhere.requests), 1)
        self.assertNotIn("Authorization", elsewhere.requests[0][1])
        by_other_name = [headers for path, headers in self.server.requests if path == "/blob"]
        self.assertEqual(len(by_other_name), 1)
        self.assertNotIn("Authorization", by_other_name[0])
        to_hub = [headers for path, headers in self.server.requests if path != "/blob"]
        self.assertEqual({headers.get("Authorization") for headers in to_hub}, {"Bearer hf_secret"})

    def test_another_server_gets_no_token_and_gives_none_back(self):
        elsewhere = self.start_server()
        elsewhere.routes["/m.gguf"] = redirect_route(elsewhere.url + "/n.gguf")
        elsewhere.routes["/n.gguf"] = file_route(MODEL)
        self.pull(elsewhere.url + "/m.gguf", HF_TOKEN="hf_secret")
        self.assertEqual([headers.get("Authorization") for _, headers in elsewhere.requests], [None, None])

    def test_circles_and_endless_ones(self):
        self.server.routes["/m.gguf"] = redirect_route("/m.gguf")
        self.refuse(1, "there were 10 before it", self.server.url + "/m.gguf")
        self.assertEqual(len(self.server.requests), 11)
        for number in range(10):
            self.server.routes[f"/{number}.gguf"] = redirect_route(f"/{number + 1}.gguf", status=(301, 302, 303, 307, 308)[number % 5])
        self.server.routes["/10.gguf"] = file_route(MODEL)
        self.pull(self.server.url + "/0.gguf")

    def test_places_that_are_no_web_address(self):
        for place in ("file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://x/", "http://u:p@127.0.0.1/", "http://[", "javascript:x", "http://a b/"):
            self.server.routes["/m.gguf"] = redirect_route(place)
            self.refuse(1, "is not followed", self.server.url + "/m.gguf")


class Display(PullCase):
    def test_a_terminal_shows_how_far_it_is(self):
        self.server.routes["/m.gguf"] = file_route(MODEL, rate=len(MODEL) / 3.5)
        ours, theirs = os.openpty()
        program = subprocess.Popen([os.environ["THIMBLE_BIN"], "pull", self.server.url + "/m.gguf"], env=self.variables,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=theirs)
        os.close(theirs)
        out, _ = program.communicate(timeout=30)
        shown = os.read(ours, 1 << 16).decode()
        os.close(ours)
        self.assertEqual((program.returncode, out.decode()), (0, f"{self.models}/m/m.gguf\n"))
        self.assertRegex(shown, r"fetching \[#+\.+\] \d+% \d\.\d/\d\.\d MB, \d\.\d\d MB/s, 0:0\d left")

    def test_nothing_is_shown_elsewhere(self):
        self.server.routes["/m.gguf"] = file_route(MODEL)
        self.assertEqual(self.run_thimble("pull", self.server.url + "/m.gguf"), (0, f"{self.models}/m/m.gguf\n", ""))


class Network(PullCase):
    """Nothing but pull opens a connection."""
    def test_no_other_verb_uses_the_network(self):
        self.server.routes["/m.gguf"] = file_route(MODEL)
        self.pull(self.server.url + "/m.gguf")
        log = self.folder / "calls"
        strace = ["strace", "-f", "-e", "trace=network,execve", "-o", str(log)]

        def calls(*arguments):
            done = subprocess.run([*strace, os.environ["THIMBLE_BIN"], *arguments], env={**self.variables, "HF_TOKEN": "x", "ASAN_OPTIONS": "detect_leaks=0"},
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            if done.returncode != 0 and "ptrace" in done.stderr:
                self.skipTest("strace may not trace here")
            self.assertEqual(done.returncode, 0, done.stderr)
            lines = log.read_text().splitlines()
            return [line for line in lines if "+++" not in line and "---" not in line][1:]  # after its own execve
        try:
            self.assertTrue(any("AF_INET" in line for line in calls("pull", self.server.url + "/m.gguf")), "strace shows nothing")
        except FileNotFoundError:
            self.skipTest("there is no strace here")
        for arguments in (["generate", "-m", "m", "--ids", "72", "-n", "2"], ["plan", "-m", "m"], ["info", "m"], ["list"], ["version"],
                          ["tokenize", "-m", "m", "x"], ["bench", "-m", "m", "-p", "4", "-n", "2", "-r", "1"],
                          ["help", "pull"], ["rm", "m"]):
            self.assertEqual(calls(*arguments), [], arguments)


if __name__ == "__main__":
    unittest.main()
