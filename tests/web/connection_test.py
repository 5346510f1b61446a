"""What the page does when the server is away, busy, or wants a key."""
import unittest

from playwright.sync_api import expect

from mock_server import busy
from page_case import PageCase

REFUSED = "ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|ERR_CONNECTION_CLOSED"
CUT = "ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_CONNECTION"


class Connection(PageCase):
    def test_a_server_that_comes_back_gets_the_question_again(self):
        self.allowed = [REFUSED]
        self.open()
        self.server.stop()
        self.send("hello")
        expect(self.page.locator(".notice.error")).to_contain_text("cannot be reached")
        expect(self.page.locator("#banner")).to_contain_text("No connection to the server")
        self.server.start()
        self.expect_answer("You said: hello")
        expect(self.page.locator("#banner")).to_be_hidden()
        expect(self.page.locator(".message")).to_have_count(2)

    def test_the_banner_comes_and_goes_without_a_request_of_a_person(self):
        self.allowed = [REFUSED]
        self.open()
        self.server.stop()
        self.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # refreshes at once
        expect(self.page.locator("#banner")).to_be_visible()
        self.server.start()
        self.page.get_by_role("button", name="Try now").click()
        expect(self.page.locator("#banner")).to_be_hidden()

    def test_a_cut_in_the_middle_keeps_the_words_and_offers_to_retry(self):
        self.allowed = [CUT]
        self.server.replies["long"] = "word " * 40
        self.server.cut_after = 20
        self.open()
        self.send("long")
        expect(self.page.locator(".notice.error")).to_contain_text("lost in the middle")
        expect(self.answers().locator(".markdown")).to_contain_text("word word")
        self.page.get_by_role("button", name="Retry", exact=True).click()
        answer = self.expect_answer("word " * 39 + "word")
        expect(answer.locator(".notice")).to_have_count(0)
        expect(self.page.locator(".message")).to_have_count(2)

    def test_an_error_in_the_middle_of_a_stream(self):
        self.server.error_after = 2
        self.open()
        self.send("hello")
        expect(self.page.locator(".notice.error")).to_contain_text("out of memory")

    def test_retry_after_is_counted_down_and_kept(self):
        self.allowed = ["status of 429"]
        self.server.faults = [busy(429, 3)]
        self.open()
        self.send("hello")
        expect(self.page.locator(".notice.error")).to_contain_text("busy (429)")
        expect(self.page.locator(".notice.error")).to_contain_text("Trying again in 3 s")
        expect(self.page.locator(".notice.error")).to_contain_text("Trying again in 2 s")
        self.assertEqual(len(self.server.posts("/v1/chat/completions")), 1)
        self.expect_answer("You said: hello")
        self.assertEqual(len(self.server.posts("/v1/chat/completions")), 2)

    def test_a_person_need_not_wait_for_the_countdown_or_may_leave_it(self):
        self.allowed = ["status of 503"]
        self.server.faults = [busy(503, 3000), busy(503, 3000)]
        self.open()
        self.send("hello")
        expect(self.page.locator(".notice.error")).to_contain_text("Trying again in 3000 s")
        self.page.get_by_role("button", name="Retry now").click()
        expect(self.page.locator(".notice.error")).to_have_count(1)
        self.page.get_by_role("button", name="Do not wait").click()
        expect(self.page.locator(".notice.error")).not_to_contain_text("Trying again")
        self.page.get_by_role("button", name="Retry now").click()
        self.expect_answer("You said: hello")

    def test_other_views_count_down_too(self):
        self.allowed = ["status of 429", "status of 503"]
        self.open("ask")
        self.server.faults = [busy(503, 1)]
        self.page.fill("#ask-input", "oil?")
        self.page.press("#ask-input", "Enter")
        expect(self.page.locator("#view-ask .notice.error")).to_contain_text("busy (503)")
        expect(self.page.locator("#view-ask .markdown")).to_contain_text("500 hours")

    def test_a_key_is_asked_for_once_and_kept_for_the_tab(self):
        self.allowed = ["status of 401"]
        self.server.api_key = "right"
        page = self.page
        page.goto(self.server.address)
        field = page.get_by_label("Key", exact=True)
        field.fill("wrong")
        field.press("Enter")
        expect(page.get_by_text("The key was not accepted.")).to_be_visible()
        page.get_by_label("Key", exact=True).fill("right")
        page.get_by_role("button", name="Use this key").click()
        expect(page.locator("#glance-model")).to_have_text("SmolLM2-135M-Instruct")
        self.send("hello")
        self.expect_answer("You said: hello")
        page.reload()
        expect(page.locator("#glance-model")).to_have_text("SmolLM2-135M-Instruct")
        self.assertEqual(page.locator("dialog").count(), 0)
        self.assertEqual(page.evaluate("[sessionStorage.length, Object.values(localStorage).join().includes('right')]"), [1, False])

    def test_a_key_that_is_not_given_is_not_asked_for_by_every_refresh(self):
        self.allowed = ["status of 401"]
        self.server.api_key = "right"
        self.page.goto(self.server.address)
        expect(self.page.get_by_label("Key", exact=True)).to_be_visible()
        self.page.keyboard.press("Escape")
        expect(self.page.locator("dialog")).to_have_count(0)
        self.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        self.page.wait_for_timeout(300)
        expect(self.page.locator("dialog")).to_have_count(0)
        self.send("hello")
        expect(self.page.get_by_label("Key", exact=True)).to_be_visible()
        self.page.keyboard.press("Escape")
        expect(self.page.locator(".notice.error")).to_contain_text("an API key is needed")

    def test_pieces_of_the_protocol(self):
        self.open()
        self.assertEqual(self.page.evaluate("""async () => {
          const {EventSplitter, parseRetryAfter} = await import('/api.js');
          const text = ': comment\\r\\n\\r\\ndata: one\\r\\n\\r\\nevent: x\\ndata:two\\ndata: three\\n\\ndata: [DONE]\\n\\n';
          const whole = new EventSplitter().push(text);
          const splitter = new EventSplitter();
          const single = [...text].flatMap((character) => splitter.push(character));
          const now = Date.parse('Tue, 24 Nov 2026 10:00:00 GMT');
          return [whole, single, parseRetryAfter('7'), parseRetryAfter('Tue, 24 Nov 2026 10:00:30 GMT', now), parseRetryAfter('x'),
                  parseRetryAfter(null), parseRetryAfter('999999'), parseRetryAfter('-5')];
        }"""), [["one", "two\nthree", "[DONE]"], ["one", "two\nthree", "[DONE]"], 7, 30, None, None, 3600, 0])


if __name__ == "__main__":
    unittest.main()
