"""`thimble pull` against servers that cut, lie, stall, redirect and refuse: the right bytes, or one line that says why not."""
import json
import signal
import time
import unittest

from fault_server import FaultServer, file_route, in_turn, last_modified, redirect_route, status_route
from model_bytes import FUTURE, digest, header_and_size, model
from pull_case import PullCase

MODEL = model()
OTHER = model(seed=2)


class Connections(PullCase):
    def fetch_whole(self, route, *arguments):
        self.server.routes["/m.gguf"] = route
        report = self.pull(self.server.url + "/m.gguf", *arguments)
        self.assertEqual((self.models / "m/m.gguf").read_bytes(), MODEL)
        self.assertEqual(report["sha256"], digest(MODEL))
        self.assertEqual(self.files(), ["m/.lock", "m/m.gguf", "m/m.gguf.json"])
        return report

    def test_a_connection_that_is_cut_is_gone_on_with(self):
        self.fetch_whole(in_turn(file_route(MODEL, cut_after=len(MODEL) // 2), file_route(MODEL)))
        self.assertEqual(len(self.server.requests), 2)
        start = int(self.server.ranges_asked()[0][len("bytes="):-1])
        self.assertTrue(0 < start <= len(MODEL) // 2)

    def test_a_connection_that_is_cut_at_every_attempt_still_ends(self):
        self.fetch_whole(file_route(MODEL, cut_after=len(MODEL) // 20))
        self.assertTrue(20 <= len(self.server.requests) <= 30, len(self.server.requests))

    def test_a_cut_without_progress_is_given_up(self):
        self.server.routes["/m.gguf"] = file_route(MODEL, cut_after=0)
        error = self.refuse(1, "given up after 4 attempts", self.server.url + "/m.gguf")
        self.assertEqual(len(self.server.requests), 4)
        self.assertIn("trying again", error)
        self.assertEqual(self.files(), [])

    def test_a_server_without_ranges_that_cuts_is_given_up(self):
        self.server.routes["/m.gguf"] = file_route(MODEL, ranges=False, cut_after=1000)
        self.refuse(1, "given up", self.server.url + "/m.gguf")
        self.assertLessEqual(len(self.server.requests), 6)

    def test_ranges_are_ignored(self):
        self.fetch_whole(in_turn(file_route(MODEL, cut_after=30000), file_route(MODEL, ranges=False)))

    def test_a_stall_is_noticed(self):
        def stall(handler):
            handler.head(200, {"Content-Length": len(MODEL), "ETag": '"v1"'})
            handler.wfile.write(MODEL[:10000])
            handler.wfile.flush()
            time.sleep(8)
        started = time.monotonic()
        self.fetch_whole(in_turn(stall, file_route(MODEL)))
        self.assertLess(time.monotonic() - started, 7)
        self.assertEqual(self.server.ranges_asked(), ["bytes=10000-"])

    def test_a_slow_drip_is_waited_for(self):
        self.fetch_whole(file_route(MODEL, rate=len(MODEL) / 2))

    def test_no_answer_at_all(self):
        self.server.routes["/m.gguf"] = lambda handler: handler.cut()
        self.refuse(1, "given up", self.server.url + "/m.gguf")

    def test_nobody_listens(self):
        server = FaultServer()
        server.close()
        self.refuse(1, "given up", server.url + "/m.gguf")

    def test_length_longer_than_the_body(self):
        def route(handler):
            handler.head(200, {"Content-Length": len(MODEL) + 100})
            handler.wfile.write(MODEL)
        self.server.routes["/m.gguf"] = route
        self.refuse(1, "given up", self.server.url + "/m.gguf")

    def test_length_shorter_than_the_model(self):
        def route(handler):
            handler.head(200, {"Content-Length": len(MODEL) - 100})
            handler.wfile.write(MODEL)
        self.server.routes["/m.gguf"] = route
        self.refuse(4, "cut short", self.server.url + "/m.gguf")

    def test_length_other_than_the_hub_says(self):
        self.server.add_repository("o/r", {"m-Q4_0.gguf": (MODEL, digest(MODEL))}, serve=lambda data: file_route(data[:-4]))
        self.refuse(1, f"expected {len(MODEL)} bytes, the server offers {len(MODEL) - 4}", "hf:o/r")

    def test_no_length(self):
        def endless(handler):
            handler.head(200, {"Transfer-Encoding": "chunked"})
            while True:
                handler.wfile.write(b"4000\r\n" + MODEL[:0x4000] + b"\r\n")
        self.server.routes["/m.gguf"] = endless
        self.refuse(1, "does not say how long", self.server.url + "/m.gguf")

    def test_compression_that_was_not_asked_for(self):
        self.server.routes["/m.gguf"] = file_route(MODEL, Content_Encoding="gzip")
        self.refuse(1, "'gzip', which was not asked for", self.server.url + "/m.gguf")

    def test_an_endless_http_header(self):
        def route(handler):
            handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
            for number in range(100000):
                handler.wfile.write(b"X-%d: %s\r\n" % (number, b"a" * 100))
        self.server.routes["/m.gguf"] = route
        self.refuse(1, "header is longer than", self.server.url + "/m.gguf")


class Ranges(PullCase):
    """The first answer is cut; the second is a wrong answer to the range that follows."""
    def second(self, route):
        self.server.routes["/m.gguf"] = in_turn(file_route(MODEL, cut_after=20000), route, file_route(MODEL))
        self.pull(self.server.url + "/m.gguf")
        self.assertEqual((self.models / "m/m.gguf").read_bytes(), MODEL)

    def answer_with(self, content_range, body=MODEL[20000:], etag='"v1"'):
        headers = {"ETag": etag}
        if content_range is not None:
            headers["Content-Range"] = content_range
        self.second(lambda handler: handler.answer(206, body, **headers))

    def test_wrong_content_ranges(self):
        size = len(MODEL)
        for content_range in (f"bytes 0-{size - 1}/{size}", f"bytes 20001-{size - 1}/{size}", f"bytes 20000-{size}/{size}",
                              f"bytes 20000-19999/{size}", "bytes */100", f"bytes 20000-{size - 1}/*", "lines 1-2/3", "",
                              "bytes 99999999999999999999-5/7", None):
            with self.subTest(content_range):
                # The body is what the range says, so that it is wrong where it is put at another place.
                start = {"bytes 0-": 0, "bytes 20001-": 20001}.get((content_range or "").split("-")[0] + "-", 20000)
                self.answer_with(content_range, MODEL[start:])
                self.run_thimble("rm", "m")

    def test_another_size(self):
        self.answer_with(f"bytes 20000-{len(MODEL)}/{len(MODEL) + 1}", MODEL[20000:] + b"x")

    def test_another_etag(self):
        self.answer_with(f"bytes 20000-{len(MODEL) - 1}/{len(MODEL)}", OTHER[20000:], '"v2"')

    def test_multipart(self):
        self.second(lambda handler: handler.answer(206, b"--x\r\n", Content_Type="multipart/byteranges; boundary=x"))

    def test_more_bytes_than_there_are(self):
        def route(handler):
            handler.head(206, {"Content-Range": f"bytes 20000-{len(MODEL) - 1}/{len(MODEL)}", "ETag": '"v1"'})
            handler.wfile.write(MODEL[20000:] + b"x" * 100000)
        self.server.routes["/m.gguf"] = in_turn(file_route(MODEL, cut_after=20000), route)
        self.refuse(1, "sends more than", self.server.url + "/m.gguf")

    def test_not_satisfiable(self):
        self.second(lambda handler: handler.answer(416, b"", Content_Range=f"bytes */{len(MODEL)}"))

    def test_a_range_nobody_asked_for(self):
        self.server.routes["/m.gguf"] = status_route(206, MODEL, Content_Range=f"bytes 0-{len(MODEL) - 1}/{len(MODEL)}")
        self.refuse(1, "given up", self.server.url + "/m.gguf")

    def test_an_object_that_changes_between_runs_is_fetched_anew(self):
        self.server.routes["/m.gguf"] = file_route(OTHER, etag='"old"', cut_after=30000)
        self.run_thimble("pull", self.server.url + "/m.gguf", "--retries", "0")
        self.assertEqual(self.files(), ["m/.lock", "m/m.gguf.part", "m/m.gguf.part.json"])
        self.server.routes["/m.gguf"] = file_route(MODEL, etag='"new"')
        self.pull(self.server.url + "/m.gguf")
        self.assertEqual((self.models / "m/m.gguf").read_bytes(), MODEL)
        self.assertEqual(self.server.requests[-1][1]["If-Range"], '"old"')

    def test_without_a_validator_nothing_is_gone_on_with(self):
        self.server.routes["/m.gguf"] = in_turn(file_route(OTHER, etag=None, cut_after=30000), file_route(MODEL, etag=None))
        self.pull(self.server.url + "/m.gguf")
        self.assertEqual((self.models / "m/m.gguf").read_bytes(), MODEL)
        self.assertEqual(self.server.ranges_asked(), [])

    def test_a_weak_etag_is_no_validator(self):
        self.server.routes["/m.gguf"] = in_turn(file_route(OTHER, etag='W/"v1"', cut_after=30000), file_route(MODEL, etag='W/"v1"'))
        self.pull(self.server.url + "/m.gguf")
        self.assertEqual((self.models / "m/m.gguf").read_bytes(), MODEL)

    def test_a_date_is_a_validator(self):
        date = last_modified(1_700_000_000)
        route = in_turn(file_route(MODEL, etag=None, cut_after=30000, Last_Modified=date),
                        lambda handler: handler.answer(206, MODEL[30000:], Last_Modified=date,
                                                       Content_Range=f"bytes 30000-{len(MODEL) - 1}/{len(MODEL)}"))
        self.server.routes["/m.gguf"] = route
        self.pull(self.server.url + "/m.gguf")
        self.assertEqual((self.models / "m/m.gguf").read_bytes(), MODEL)
        self.assertEqual(self.server.requests[-1][1]["If-Range"], date)

    def test_a_damaged_description_of_a_part_is_not_believed(self):
        url = self.server.url + "/m.gguf"
        good = {"url": url, "validator": '"v1"', "sha256": "", "size": len(MODEL), "kept": 5000}
        for change in ({"kept": len(MODEL) + 1}, {"kept": -1}, {"kept": 1e300}, {"size": 10}, {"url": url + "x"}, {"sha256": "zz"},
                       {"kept": None}, {"validator": ""}):
            with self.subTest(change):
                self.models.joinpath("m").mkdir(parents=True, exist_ok=True)
                (self.models / "m/m.gguf.part").write_bytes(b"\xff" * 5000)
                (self.models / "m/m.gguf.part.json").write_text(json.dumps({**good, **change}))
                self.server.routes["/m.gguf"] = file_route(MODEL)
                self.pull(url)
                self.assertEqual((self.models / "m/m.gguf").read_bytes(), MODEL)
                self.run_thimble("rm", "m")
        for text in ("", "[" * 100000, "\xff", "{}", "null"):
            (self.models / "m").mkdir(parents=True, exist_ok=True)
            (self.models / "m/m.gguf.part").write_bytes(b"\xff" * 5000)
            (self.models / "m/m.gguf.part.json").write_text(text)
            self.pull(url)
            self.assertEqual((self.models / "m/m.gguf").read_bytes(), MODEL)
            self.run_thimble("rm", "m")


class Statuses(PullCase):
    def test_lasting_ones(self):
        for status, part in ((401, "HF_TOKEN"), (403, "HF_TOKEN"), (404, "no such file"), (410, "no such file"), (400, "refuses"),
                             (501, "a fault"), (204, "refuses"), (304, "refuses"), (300, "refuses")):
            with self.subTest(status):
                self.server.requests.clear()
                self.server.routes["/m.gguf"] = status_route(status)
                self.refuse(1, f"HTTP status {status}", self.server.url + "/m.gguf")
                self.assertIn(part, self.refuse(1, part, self.server.url + "/m.gguf"))
                self.assertEqual(len(self.server.requests), 2)

    def test_passing_ones(self):
        for status in (408, 429, 500, 502, 503, 504):
            with self.subTest(status):
                self.server.routes["/m.gguf"] = in_turn(status_route(status), status_route(status), file_route(MODEL))
                self.pull(self.server.url + "/m.gguf")
                self.run_thimble("rm", "m")
                self.server.routes["/m.gguf"] = status_route(status)
                self.refuse(1, "given up after 4 attempts", self.server.url + "/m.gguf")

    def test_retry_after_is_obeyed(self):
        self.server.routes["/m.gguf"] = in_turn(status_route(429, Retry_After=1), file_route(MODEL))
        started = time.monotonic()
        self.pull(self.server.url + "/m.gguf")
        self.assertGreaterEqual(time.monotonic() - started, 1)

    def test_a_long_retry_after_is_told(self):
        self.server.routes["/m.gguf"] = status_route(503, Retry_After=4000)
        self.refuse(1, "it says to wait 4000 s", self.server.url + "/m.gguf")


class Content(PullCase):
    def test_wrong_bytes_are_deleted(self):
        self.server.add_repository("o/r", {"m-Q4_0.gguf": (MODEL, digest(OTHER))})
        self.refuse(5, f"expected SHA-256 {digest(OTHER)}, found {digest(MODEL)}", "hf:o/r")
        self.assertEqual(self.files(), [])

    def test_a_digest_that_the_user_knows(self):
        self.server.routes["/m.gguf"] = file_route(MODEL)
        self.refuse(5, "expected SHA-256", self.server.url + "/m.gguf", "--sha256", digest(OTHER))
        self.pull(self.server.url + "/m.gguf", "--sha256", digest(MODEL).upper())

    def test_a_digest_that_the_server_links(self):
        self.server.routes["/m.gguf"] = redirect_route("/there", X_Linked_Etag=f'"{digest(OTHER)}"')
        self.server.routes["/there"] = file_route(MODEL)
        self.refuse(5, "expected SHA-256", self.server.url + "/m.gguf")

    def test_what_is_no_model(self):
        for body, part in ((b"<!DOCTYPE html><html>Sign in</html>", "HTML page"),
                           (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n", "Git LFS pointer"),
                           (b"\x80\x02}q\x00.", "pickle"), (b"{\"error\": 1}", "JSON"), (b"GGUF", "cut short"),
                           (b"G", "cut short"), (b"noise" * 5000, "begins with 'nois'"), (MODEL[:2000], "cut short"),
                           (b"", "0 bytes")):
            with self.subTest(part):
                self.server.routes["/m.gguf"] = file_route(body)
                self.refuse(4, part, self.server.url + "/m.gguf")
                self.assertEqual(self.files(), [])

    def test_a_page_about_the_file_is_taken_for_the_file(self):
        self.server.routes["/o/r/resolve/main/m.gguf"] = file_route(MODEL)
        self.pull(self.server.url + "/o/r/blob/main/m.gguf")

    def test_a_header_that_does_not_end(self):
        head = b"GGUF" + (3).to_bytes(4, "little") + (1).to_bytes(8, "little") + (60000).to_bytes(8, "little")
        entry = (3).to_bytes(8, "little") + b"a%02d" + (8).to_bytes(4, "little") + (60000).to_bytes(8, "little")

        def route(handler):
            handler.head(200, {"Content-Length": 1 << 30})
            handler.wfile.write(head)
            for number in range(60000):
                handler.wfile.write(entry.replace(b"%02d", b"%02d" % (number % 100)) + b"x" * 60000)
                self.poured = number * 60000
        self.server.routes["/m.gguf"] = route
        self.refuse(4, "its header is not complete", self.server.url + "/m.gguf")
        self.assertLess(self.poured, 80 << 20)

    def test_what_will_not_fit_is_refused_before_its_body_comes(self):
        head, size = header_and_size(width=2048, feed_forward=5632, blocks=16, heads=16, vocabulary=8000, number_type=2, label="7B")
        self.assertGreater(size, 400_000_000)

        def route(handler):
            handler.head(200, {"Content-Length": size, "ETag": '"v1"'})
            handler.pour(head, None)
            handler.pour(b"\0" * min(size - len(head), 64 << 20), None)
        self.server.routes["/m.gguf"] = route
        url = self.server.url + "/m.gguf"
        # The limit is given, so that the machine's own memory does not matter.
        error = self.refuse(3, "will not fit in 300 MB: 7B needs ", url, "--budget", "300MB")
        self.assertIn("--force", error)
        self.assertLess(self.server.sent, 24 << 20)
        self.assertEqual(self.files(), [])

    def test_force_fetches_what_will_not_fit(self):
        self.server.routes["/m.gguf"] = file_route(MODEL)
        self.refuse(3, "will not fit in 1 MB", self.server.url + "/m.gguf", "--budget", "1MB")
        code, _, error = self.run_thimble("pull", self.server.url + "/m.gguf", "--budget", "1MB", "--force")
        self.assertEqual(code, 0)
        self.assertIn("fetched all the same", error)

    def test_what_cannot_be_run_is_refused(self):
        for name, strange in (('"strange"', model(architecture="strange")), ("number format 250", model(number_type=FUTURE))):
            self.server.routes["/m.gguf"] = file_route(strange)
            self.refuse(4, name, self.server.url + "/m.gguf")
            code, _, error = self.run_thimble("pull", self.server.url + "/m.gguf", "--force")
            self.assertEqual(code, 0, error)
            self.run_thimble("rm", "m")
        self.server.routes["/m.gguf"] = file_route(b"<html>")
        self.refuse(4, "HTML", self.server.url + "/m.gguf", "--force")

    def test_a_file_that_no_disk_holds(self):
        def route(handler):
            handler.head(200, {"Content-Length": 1 << 49})
            handler.wfile.write(MODEL)
        self.server.routes["/m.gguf"] = route
        self.refuse(1, "make room", self.server.url + "/m.gguf")

    def test_a_size_that_cannot_be(self):
        for size in ((1 << 60), 1 << 62):
            def route(handler, size=size):
                handler.head(200, {"Content-Length": size})
                handler.wfile.write(MODEL)
            self.server.routes["/m.gguf"] = route
            self.refuse(4, "cannot be", self.server.url + "/m.gguf")


class Kills(PullCase):
    def test_a_kill_at_any_moment_leaves_no_wrong_file(self):
        big = model(width=512, feed_forward=1024, blocks=2, vocabulary=4000)
        self.assertGreater(len(big), 20 << 20)
        self.server.add_repository("o/r", {"m-Q4_0.gguf": (big, digest(big))}, serve=lambda data: file_route(data, rate=60e6))
        final = self.models / "o--r/m-Q4_0.gguf"
        for step in range(12):
            program = self.start("pull", "hf:o/r")
            time.sleep(0.03 * (step + 1))
            program.kill()
            program.communicate()
            if final.exists():  # it was quicker than the kill
                self.assertEqual(digest(final.read_bytes()), digest(big))
        report = self.pull("hf:o/r")
        self.assertEqual(final.read_bytes(), big)
        self.assertEqual(report["sha256"], digest(big))
        self.assertTrue(self.server.ranges_asked(), "nothing was gone on with")
        self.assertEqual(self.files(), ["o--r/.lock", "o--r/m-Q4_0.gguf", "o--r/m-Q4_0.gguf.json"])

    def test_interruption_leaves_what_has_come(self):
        self.server.routes["/m.gguf"] = file_route(MODEL, rate=len(MODEL) / 20)
        program = self.start("pull", self.server.url + "/m.gguf")
        part = self.models / "m/m.gguf.part"
        for _ in range(500):
            if part.exists() and part.stat().st_size > 8000:
                break
            time.sleep(0.01)
        program.send_signal(signal.SIGINT)
        out, error = program.communicate(timeout=10)
        self.assertEqual((program.returncode, out), (130, ""), error)
        self.assertEqual(self.whole_models(), [])
        kept = part.stat().st_size
        self.assertGreater(kept, 8000)
        self.server.routes["/m.gguf"] = file_route(MODEL)
        self.pull(self.server.url + "/m.gguf")
        self.assertEqual((self.models / "m/m.gguf").read_bytes(), MODEL)
        self.assertEqual(self.server.ranges_asked(), [f"bytes={kept}-"])

    def test_interruption_while_it_waits(self):
        self.server.routes["/m.gguf"] = status_route(503)
        program = self.start("pull", self.server.url + "/m.gguf", "--retry-wait", "30")
        program.stderr.readline()
        program.send_signal(signal.SIGTERM)
        program.communicate(timeout=5)
        self.assertEqual(program.returncode, 130)

    def test_two_at_once_fetch_once(self):
        self.server.add_repository("o/r", {"m-Q4_0.gguf": (MODEL, digest(MODEL))}, serve=lambda data: file_route(data, rate=len(data) * 2))
        programs = [self.start("pull", "--json", "hf:o/r") for _ in range(3)]
        reports = []
        notes = ""
        for program in programs:
            out, error = program.communicate(timeout=30)
            self.assertEqual(program.returncode, 0, error)
            reports.append(json.loads(out))
            notes += error
        self.assertEqual(sorted(report["origin"] for report in reports), ["cache", "cache", "fetched"])
        self.assertEqual(sum("/resolve/" in path for path, _ in self.server.requests), 1)
        self.assertIn("waiting", notes)
        self.assertEqual((self.models / "o--r/m-Q4_0.gguf").read_bytes(), MODEL)


if __name__ == "__main__":
    unittest.main()
