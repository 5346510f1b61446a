"""The page with the program itself and a real model: what the mock server promises is what `thimble serve` does."""
import json
import os
import pathlib
import re
import tempfile
import unittest

from playwright.sync_api import expect

from page_case import PageCase
from program_server import FIELDOPS, ProgramServer

MODELS = os.environ.get("THIMBLE_MODELS")
REFUSED = "ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|ERR_CONNECTION_CLOSED|ERR_INCOMPLETE_CHUNKED_ENCODING"


@unittest.skipUnless(MODELS, "THIMBLE_MODELS is not set")
class Program(PageCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        tools = pathlib.Path(folder.name) / "tools.json"  # few, so that they are soon read
        tools.write_text(json.dumps(json.loads((FIELDOPS / "tools.json").read_text(encoding="utf-8"))[:3]), encoding="utf-8")
        model = next(pathlib.Path(MODELS, "smollm2-135m").glob("*.gguf"))
        cls.program = ProgramServer(os.environ["THIMBLE_BIN"], model, tools=tools)
        cls.addClassCleanup(cls.program.close)

    def make_server(self):
        return self.program

    def busy_slots(self):
        return self.page.evaluate("fetch('/props').then((answer) => answer.json()).then((props) => props.busy_slots)")

    def wait_until_free(self):
        for _ in range(100):
            if self.busy_slots() == 0:
                return
            self.page.wait_for_timeout(50)
        self.fail("a slot is still busy")

    def set_longest(self, tokens):
        self.page.get_by_role("button", name="Settings").click()
        self.page.get_by_label("Temperature").fill("0")
        self.page.get_by_label("Longest answer, tokens").fill(str(tokens))
        self.page.get_by_role("button", name="Done").click()

    def test_chat(self):
        """Streams, ends, stops with the slot freed, survives a killed server, refuses what the context cannot hold."""
        self.allowed = [REFUSED, "status of 400"]
        self.open()
        self.set_longest(24)
        self.send("Say hello.")
        expect(self.answers().locator(".figures")).to_contain_text("tok/s", timeout=20000)
        self.assertTrue(self.answers().locator(".markdown").inner_text().strip())
        self.set_longest(1500)
        self.send("Write a long story about a pump.")
        expect(self.answers().nth(1).locator(".markdown")).not_to_be_empty()
        self.page.get_by_role("button", name="Stop").click()
        expect(self.answers().nth(1).locator(".figures")).to_contain_text("Stopped.")
        self.wait_until_free()
        self.send("Write a long story about a valve and a long story about a boiler.")
        expect(self.answers().nth(2).locator(".markdown")).not_to_be_empty()
        self.server.kill()
        expect(self.page.locator(".notice.error")).to_contain_text("lost in the middle")
        expect(self.page.locator("#banner")).to_be_visible()
        self.server.start()
        expect(self.page.locator("#banner")).to_be_hidden(timeout=20000)
        self.set_longest(8)
        self.page.get_by_role("button", name="Retry", exact=True).click()
        expect(self.answers().nth(2).locator(".figures")).to_contain_text("8 tokens", timeout=20000)
        self.send("one two three four five six seven " * 400)
        expect(self.page.locator(".notice.error")).to_contain_text("at most 2048")
        self.page.get_by_role("button", name="Drop the oldest turns and retry").click()
        expect(self.page.locator(".notice.error")).to_contain_text("shorten it")

    def test_ask_command_and_logs(self):
        page = self.open("ask")
        page.fill("#ask-input", "How often is the oil of the pump changed?")
        page.press("#ask-input", "Enter")
        source = page.locator("#view-ask .citation").first
        expect(source).to_be_attached(timeout=30000)
        page.locator("#view-ask details summary").first.click()
        page.locator("#view-ask .citation:visible").first.click()
        expect(page.get_by_role("dialog").locator("pre")).not_to_be_empty()
        page.keyboard.press("Escape")
        page.get_by_role("tab", name="Command").click()
        page.fill("#command-input", "start the pump")
        page.press("#command-input", "Enter")
        expect(page.get_by_role("meter", name="Confidence")).to_be_visible(timeout=30000)
        page.get_by_text("Tools (3)").click()
        expect(page.locator(".tools li")).to_have_count(3)
        page.get_by_role("tab", name="Logs").click()
        page.set_input_files("#log-file", FIELDOPS / "logs/pump-cp40.log")
        expect(page.locator(".events tbody tr").first).to_be_visible(timeout=30000)
        expect(page.locator(".log-result > .muted")).to_have_text(re.compile(r"^635 lines, \d+ events$"))
        page.locator(".events tbody tr").first.click()
        expect(page.locator(".log-line.inside").first).to_be_visible()


if __name__ == "__main__":
    unittest.main()
