"""A test of the page in Debian's Chromium. Whatever a test looks at, the page must not leave its origin, break its content security
policy or write an error to the console; a test says which failed requests it causes.
"""
import atexit
import functools
import json
import os
import re
import unittest

from playwright.sync_api import expect, sync_playwright

from mock_server import MockServer

CHROMIUM = os.environ.get("THIMBLE_CHROMIUM", "/usr/bin/chromium")
expect.set_options(timeout=5000)


@functools.lru_cache(maxsize=None)
def browser():
    """One for all tests of the process."""
    playwright = sync_playwright().start()
    started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
    atexit.register(playwright.stop)
    atexit.register(started.close)
    return started


class PageCase(unittest.TestCase):
    options = {"viewport": {"width": 1100, "height": 720}}
    model_name = "SmolLM2-135M-Instruct"

    def make_server(self):
        """Not yet started; goes away by itself."""
        server = MockServer()
        self.addCleanup(server.stop)
        return server

    @classmethod
    def setUpClass(cls):
        """One tab for the tests of a class: each has a server, and with it an origin, of its own."""
        context = browser().new_context(**cls.options)
        cls.addClassCleanup(context.close)
        cls.context, cls.page = context, context.new_page()
        cls.errors, cls.requests = [], []
        cls.page.on("console", lambda message: message.type in ("error", "warning") and cls.errors.append(message.text))
        cls.page.on("pageerror", lambda error: cls.errors.append(str(error)))
        cls.page.on("request", lambda request: cls.requests.append(request.url))
        cls.page.add_init_script("document.addEventListener('securitypolicyviolation', "
                                 "e => console.error('policy: ' + e.violatedDirective + ' ' + e.blockedURI))")

    def setUp(self):
        self.server = self.make_server().start()
        self.allowed = []  # patterns of errors that the test causes
        self.errors.clear()
        self.requests.clear()

    def tearDown(self):
        self.assertTrue(self.requests)
        outside = [url for url in self.requests if not url.startswith((self.server.address, "blob:" + self.server.address))]
        self.assertEqual(outside, [])
        wrong = [error for error in self.errors if not any(re.search(pattern, error) for pattern in self.allowed)]
        self.page.evaluate("localStorage.clear(), sessionStorage.clear()")
        self.page.goto("about:blank")
        self.assertEqual(wrong, [])

    def open(self, view="chat"):
        self.page.goto(f"{self.server.address}#{view}")
        expect(self.page.locator("#glance-model")).to_contain_text(self.model_name)
        return self.page

    def send(self, text):
        self.page.fill("#chat-input", text)
        self.page.press("#chat-input", "Enter")

    def answers(self):
        return self.page.locator(".message.assistant")

    def expect_answer(self, text, at=-1):
        """The answer at this place is complete and says this."""
        answer = self.answers().nth(at)
        expect(answer.locator(".markdown")).to_contain_text(text)
        expect(answer).to_have_attribute("aria-busy", "false")
        return answer

    def messages(self):
        """What the last request for an answer held."""
        return self.server.posts("/v1/chat/completions")[-1]["messages"]

    def kept(self):
        """The conversations in the browser, by title."""
        stored = self.page.evaluate("Object.entries(localStorage).filter(([key]) => key.startsWith('thimble.chat.'))")
        return {value["title"]: value for value in (json.loads(text) for _, text in stored)}
