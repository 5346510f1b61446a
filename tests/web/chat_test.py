"""The chat: streams, stop, edit, history, settings."""
import json
import unittest

from playwright.sync_api import expect

from mock_server import too_long
from page_case import PageCase

LONG = "word " * 400


class Chat(PageCase):
    def test_an_answer_streams_and_has_its_figures(self):
        self.server.replies["hello"] = "Grüße, 你好 \U0001f9f5 and more. " * 4
        self.server.split_bytes = 7  # characters are cut in two
        self.open()
        self.send("hello")
        answer = self.expect_answer(("Grüße, 你好 \U0001f9f5 and more. " * 4).strip())
        expect(answer.locator(".figures")).to_contain_text("24.6 tok/s")
        expect(answer.locator(".figures")).to_contain_text("tokens")
        expect(answer.locator(".figures")).to_contain_text("first after")
        expect(answer.locator(".figures")).to_contain_text("24 from cache")
        body = self.server.posts("/v1/chat/completions")[-1]
        self.assertTrue(body["stream"])
        self.assertEqual(body["messages"], [{"role": "user", "content": "hello"}])
        self.assertNotIn("temperature", body)

    def test_finished_answers_are_announced_and_tokens_are_not(self):
        self.server.replies["long"] = LONG
        self.server.token_seconds = 0.005
        self.open()
        self.page.evaluate("""() => {
          window.said = [];
          new MutationObserver(() => said.push(announcer.textContent)).observe(announcer, {childList: true});
        }""")
        self.send("long")
        expect(self.answers().locator(".markdown")).to_contain_text("word word")
        self.assertEqual(self.page.get_attribute(".messages", "aria-live"), "off")
        self.assertEqual(self.page.evaluate("said.filter(Boolean)"), [])
        self.page.keyboard.press("Escape")
        expect(self.page.locator("#announcer")).to_have_text("Stopped")
        self.send("short")
        expect(self.page.locator("#announcer")).to_contain_text("Answer: You said: short")

    def test_stop_frees_the_slot_and_keeps_what_there_is(self):
        self.server.replies["long"] = LONG
        self.server.token_seconds = 0.01
        self.open()
        self.send("long")
        expect(self.answers().locator(".markdown")).to_contain_text("word word")
        self.page.get_by_role("button", name="Stop").click()
        expect(self.answers().locator(".figures")).to_contain_text("Stopped.")
        for _ in range(100):
            if self.server.left:
                break
            self.page.wait_for_timeout(20)
        self.assertEqual(self.server.left, 1)
        kept = self.kept()["long"]["messages"][-1]
        self.assertEqual(kept["ending"], "stopped")
        self.assertTrue(kept["content"].startswith("word word"))

    def test_a_stream_leaves_finished_blocks_alone(self):
        self.server.replies["two"] = "first block\n\n" + "second " * 60
        self.server.token_seconds = 0.004
        self.open()
        self.send("two")
        expect(self.answers().locator(".markdown p")).to_have_count(2)
        self.page.evaluate("window.first = document.querySelector('.message.assistant .markdown').firstChild")
        self.expect_answer("second second")
        self.assertTrue(self.page.evaluate("first === document.querySelector('.message.assistant .markdown').firstChild"))

    def test_an_edit_goes_on_from_there(self):
        self.open()
        self.send("one")
        self.expect_answer("You said: one")
        self.send("two")
        self.expect_answer("You said: two")
        self.page.locator(".message.user").first.get_by_role("button", name="Edit and retry from here").click()
        field = self.page.get_by_role("textbox", name="Edit message")
        self.assertEqual(field.input_value(), "one")
        field.fill("three")
        field.press("Enter")
        self.expect_answer("You said: three")
        expect(self.page.locator(".message")).to_have_count(2)
        self.assertEqual(self.messages(), [{"role": "user", "content": "three"}])
        self.page.get_by_role("button", name="Edit and retry from here").click()
        self.page.get_by_role("textbox", name="Edit message").press("Escape")
        expect(self.page.locator(".message.user .plain")).to_have_text("three")

    def test_an_answer_is_written_again(self):
        self.open()
        self.send("one")
        self.expect_answer("You said: one")
        self.server.replies["one"] = "another answer"
        self.page.get_by_role("button", name="Write this answer again").click()
        self.expect_answer("another answer")
        expect(self.page.locator(".message")).to_have_count(2)
        self.assertEqual(len(self.kept()["one"]["messages"]), 2)
        self.assertEqual(self.page.evaluate("document.activeElement.className"), "messages")
        self.server.replies["one"] = LONG
        self.server.token_seconds = 0.01
        self.page.get_by_role("button", name="Write this answer again").click()
        expect(self.answers().locator(".markdown")).to_contain_text("word word")
        self.page.evaluate("document.activeElement.blur()")
        self.page.keyboard.press("Escape")
        expect(self.answers().locator(".figures")).to_contain_text("Stopped.")

    def test_a_reload_keeps_the_history_even_in_the_middle_of_an_answer(self):
        self.open()
        self.send("one")
        self.expect_answer("You said: one")
        self.server.replies["long"] = LONG
        self.server.token_seconds = 0.01
        self.send("long")
        expect(self.answers().nth(1).locator(".markdown")).to_contain_text("word word")
        self.page.wait_for_timeout(1100)
        self.assertIn("word word", self.kept()["one"]["messages"][-1]["content"])
        self.assertEqual(self.kept()["one"]["messages"][-1]["ending"], "cut")
        self.page.reload()
        expect(self.page.locator(".message")).to_have_count(4)
        self.expect_answer("You said: one", 0)
        expect(self.answers().nth(1)).to_contain_text("word word")
        expect(self.answers().nth(1).locator(".figures")).to_contain_text("Cut off")
        self.server.replies["long"] = "short"
        self.answers().nth(1).get_by_role("button", name="Write this answer again").click()
        self.expect_answer("short", 1)

    def test_conversations_are_listed_renamed_exported_and_deleted(self):
        self.open()
        self.send("first question")
        self.expect_answer("You said")
        self.page.get_by_role("button", name="New conversation").click()
        expect(self.page.locator(".message")).to_have_count(0)
        self.send("second question")
        self.expect_answer("You said")
        items = self.page.locator(".sidebar .conversation-title")
        expect(items).to_have_text(["second question", "first question"])
        self.page.get_by_role("button", name="first question").click()
        expect(self.page.locator(".message.user .plain")).to_have_text(["first question"])
        self.page.get_by_role("button", name="Rename conversation").click()
        self.page.get_by_role("textbox", name="Title").fill("A name")
        self.page.keyboard.press("Enter")
        expect(self.page.locator(".chat-title")).to_have_text("A name")
        with self.page.expect_download() as waiting:
            self.page.get_by_role("button", name="Export conversation as JSON").click()
        self.assertEqual(waiting.value.suggested_filename, "A-name.json")
        exported = json.loads(waiting.value.path().read_text(encoding="utf-8"))
        self.assertEqual([message["role"] for message in exported["messages"]], ["user", "assistant"])
        self.assertEqual(exported["title"], "A name")
        self.page.get_by_role("button", name="Delete conversation").click()
        self.page.get_by_role("button", name="Delete", exact=True).click()
        expect(items).to_have_text(["second question"])
        self.assertEqual(list(self.kept()), ["second question"])

    def test_two_answers_at_once_each_to_its_own_conversation(self):
        self.server.replies["slow"] = "slow " * 80
        self.server.token_seconds = 0.01
        self.open()
        self.send("slow")
        expect(self.answers().locator(".markdown")).to_contain_text("slow slow")
        self.page.get_by_role("button", name="New conversation").click()
        self.send("quick")
        self.expect_answer("You said: quick")
        expect(self.page.locator(".message")).to_have_count(2)
        self.page.get_by_role("button", name="slow").click()
        self.expect_answer("slow slow")
        self.assertEqual(self.kept()["slow"]["messages"][1]["content"], "slow " * 80)

    def test_settings_are_sent_and_kept(self):
        self.open()
        self.page.get_by_role("button", name="Settings").click()
        self.page.get_by_label("System prompt").fill("Be brief.")
        self.page.get_by_label("Temperature").fill("0.2")
        self.page.get_by_label("Top p").fill("0.9")
        self.page.get_by_label("Longest answer, tokens").fill("64")
        self.page.get_by_label("Seed").fill("7")
        self.page.get_by_label("Temperature").fill("9")
        expect(self.page.get_by_label("Temperature")).to_have_attribute("aria-invalid", "true")
        self.page.get_by_role("button", name="Done").click()
        self.send("one")
        self.expect_answer("You said: one")
        body = self.server.posts("/v1/chat/completions")[-1]
        self.assertEqual(body["messages"][0], {"role": "system", "content": "Be brief."})
        self.assertEqual([body[name] for name in ("temperature", "top_p", "max_tokens", "seed")], [0.2, 0.9, 64, 7])
        self.page.reload()
        self.page.get_by_role("button", name="Settings").click()
        self.assertEqual(self.page.get_by_label("System prompt").input_value(), "Be brief.")

    def test_reasoning_is_folded(self):
        self.server.reasoning = "The person greets."
        self.open()
        self.send("hello")
        answer = self.expect_answer("You said: hello")
        expect(answer.locator(".thought-text")).to_be_hidden()
        answer.get_by_text("Reasoning").click()
        expect(answer.locator(".thought-text")).to_have_text("The person greets.")
        self.send("again")
        self.expect_answer("You said: again")
        self.assertNotIn("greets", json.dumps(self.messages()))

    def test_a_full_context_offers_to_drop_the_oldest_turns(self):
        self.allowed = ["status of 400"]
        self.open()
        for text in ("first " * 30, "second " * 30):
            self.send(text)
            self.expect_answer("You said")
        self.server.faults = [too_long(2400, 2048)]
        self.send("third")
        expect(self.page.locator(".notice.error")).to_contain_text("2400 tokens")
        expect(self.page.locator(".notice.error")).to_contain_text("at most 2048")
        self.page.get_by_role("button", name="Drop the oldest turns and retry").click()
        self.expect_answer("You said: third")
        sent = self.messages()
        self.assertEqual(sent[-1]["content"], "third")
        self.assertEqual(sent[0]["role"], "user")
        self.assertNotIn("first", json.dumps(sent))
        expect(self.page.locator(".message.dropped").first.locator(".figures")).to_contain_text("Not sent any more")

    def test_one_message_that_is_too_long_says_so(self):
        self.allowed = ["status of 400"]
        self.open()
        self.server.faults = [too_long(5000, 2048)]
        self.send("one")
        expect(self.page.locator(".notice.error")).to_contain_text("shorten it")
        self.assertEqual(self.page.get_by_role("button", name="Drop the oldest turns and retry").count(), 0)

    def test_what_another_program_left_in_the_storage_is_passed_over(self):
        self.open()
        self.page.evaluate("""() => {
          localStorage.setItem('thimble.chat.a', '{');
          localStorage.setItem('thimble.chat.b', '{"id":"b","title":"t","messages":[{"role":"root","content":5}]}');
          localStorage.setItem('thimble.last', 'b');
        }""")
        self.page.reload()
        self.send("one")
        self.expect_answer("You said: one")

    def test_without_storage_a_page_lasts_as_long_as_it_is_open(self):
        self.page.add_init_script("""if (location.search === '?blocked') {
          for (const name of ['localStorage', 'sessionStorage']) {
            Object.defineProperty(window, name, {get() { throw new DOMException('blocked', 'SecurityError'); }});
          }
        }""")
        self.page.goto(self.server.address + "?blocked")
        self.send("one")
        self.expect_answer("You said: one")
        self.page.get_by_role("button", name="New conversation").click()
        self.page.get_by_role("button", name="one").click()
        self.expect_answer("You said: one")
        self.page.get_by_role("button", name="Colours: as the system").click()
        expect(self.page.get_by_role("button", name="Colours: light")).to_be_visible()
        self.page.goto(self.server.address)


if __name__ == "__main__":
    unittest.main()
