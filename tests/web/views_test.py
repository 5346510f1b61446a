"""Ask, Command and Logs, the header's figures, and views that are off."""
import re
import unittest

from playwright.sync_api import expect

from page_case import PageCase

LOG = "".join(f"2026-11-24T10:00:{at:02} INFO pump speed=1450\n" for at in range(30)) + \
    "2026-11-24T10:00:30 ERROR E07 bearing 91 C\r\n" + "".join(f"2026-11-24T10:01:{at:02} INFO pump stopped\n" for at in range(9))


class Ask(PageCase):
    def ask(self, question):
        self.page.fill("#ask-input", question)
        self.page.press("#ask-input", "Enter")

    def test_citations_open_their_section(self):
        page = self.open("ask")
        self.ask("How often is the oil changed?")
        expect(page.locator("#view-ask .markdown")).to_have_text("Every 500 hours of operation, with ISO VG 68 mineral oil.")
        sources = page.locator("#view-ask ol.citations button")
        expect(sources).to_have_count(2)
        expect(sources.first).to_contain_text("4.2 Oil change")
        expect(sources.first).to_contain_text("pump-cp40.md \u00b7 lines 118\u2013126")
        expect(sources.nth(1)).to_contain_text("page 3")
        sources.first.click()
        dialog = page.get_by_role("dialog", name="4.2 Oil change")
        expect(dialog.locator("pre")).to_contain_text("Oil is changed every 500 hours")
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
        page.get_by_text("What was looked at (2)").click()
        expect(page.locator("#view-ask ul.citations button")).to_have_count(2)

    def test_earlier_answers_are_sent_and_refusals_shown_plainly(self):
        page = self.open("ask")
        self.ask("How often is the oil changed?")
        expect(page.locator("#view-ask .markdown")).to_have_count(1)
        self.ask("What colour is it?")
        refused = page.locator("#view-ask .notice.refused")
        expect(refused).to_contain_text("The manuals do not say.")
        expect(refused).to_contain_text("no section has these words")
        body = self.server.posts("/v1/ask")[-1]
        self.assertEqual(body["question"], "What colour is it?")
        self.assertEqual([turn["question"] for turn in body["history"]], ["How often is the oil changed?"])
        page.get_by_role("button", name="New topic").click()
        self.ask("And the filter?")
        expect(page.locator("#view-ask .markdown")).to_have_count(1)
        self.assertEqual(self.server.posts("/v1/ask")[-1]["history"], [])


class Command(PageCase):
    def command(self, text):
        self.page.fill("#command-input", text)
        self.page.press("#command-input", "Enter")

    def test_a_call_with_its_arguments(self):
        page = self.open("command")
        self.command("start pump 2")
        card = page.get_by_role("article", name="start pump 2")
        expect(card.locator(".tool-name")).to_have_text("start_machine")
        expect(card).to_contain_text("Start a machine")
        self.assertEqual(card.locator("tbody th, tbody td").all_text_contents(),
                         ["machine", "pump", "string", "number", "2", "number", "zones", "[1,2]", "list"])
        self.assertEqual(card.get_by_role("meter", name="Confidence").get_attribute("aria-valuenow"), "93")
        expect(card).to_contain_text("Needs confirmation.")
        card.get_by_text("JSON", exact=True).click()
        expect(card.locator("pre")).to_contain_text('"confidence": 0.93')
        self.assertEqual(self.server.posts("/v1/command"), [{"text": "start pump 2"}])

    def test_no_tool_fits(self):
        page = self.open("command")
        self.command("sing a song")
        expect(page.locator("#view-command .notice.refused")).to_contain_text("No tool fits.")
        expect(page.get_by_role("meter")).to_have_attribute("aria-valuenow", "88")

    def test_the_tools_that_the_server_has(self):
        page = self.open("command")
        page.get_by_text("Tools (3)").click()
        expect(page.locator(".tools li")).to_have_count(3)
        page.get_by_label("Filter tools").fill("setp")
        expect(page.locator(".tools li")).to_have_text(["set_setpointChange what a machine regulates to"])


class Logs(PageCase):
    def test_a_file_and_the_lines_of_an_event(self):
        page = self.open("logs")
        page.set_input_files("#log-file", {"name": "pump.log", "mimeType": "text/plain", "buffer": LOG.encode()})
        expect(page.locator(".summary")).to_have_text("The pump tripped on bearing temperature lines 31\u201333 after suction pressure fell line 2.")
        self.assertEqual(self.server.posts("/v1/summarize"), [{"log": LOG, "name": "pump.log"}])
        expect(page.locator(".log-result")).to_contain_text("40 lines, 2 events")
        rows = page.locator(".events tbody tr")
        expect(rows).to_have_count(2)
        expect(rows.first.locator("td")).to_have_text(["error", "31\u201333", re.compile("^Bearing temperature above 90 degrees, pump tripped"), "1"])
        self.assertEqual(rows.first.locator(".hint").all_text_contents(), ["10:00:30 \u2013 10:01:01", "E07", "ended: reset"])
        rows.first.locator(".what").click()
        lines = page.get_by_role("dialog").locator(".log-line")
        self.assertEqual(lines.locator(".log-number").all_text_contents(), [str(number) for number in range(28, 37)])
        self.assertEqual(page.locator(".log-line.inside .log-number").all_text_contents(), ["31", "32", "33"])
        expect(page.locator(".log-line.inside").first).to_contain_text("ERROR E07 bearing 91 C")
        page.keyboard.press("Escape")
        page.locator(".summary .reference").nth(1).click()
        expect(page.get_by_role("dialog", name="Line 2")).to_be_visible()

    def test_a_dropped_file_and_pasted_text(self):
        page = self.open("logs")
        page.evaluate("""(text) => {
          const data = new DataTransfer();
          data.items.add(new File([text], 'dropped.log'));
          const zone = document.querySelector('.drop-zone');
          zone.dispatchEvent(new DragEvent('dragover', {dataTransfer: data, bubbles: true, cancelable: true}));
          zone.dispatchEvent(new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true}));
        }""", LOG)
        expect(page.locator(".log-result h3")).to_have_text("dropped.log")
        page.get_by_text("Paste text").click()
        page.fill("#log-paste", "all is well")
        page.get_by_role("button", name="Summarize").click()
        expect(page.locator(".summary")).to_have_text("Nothing happened.")
        self.assertEqual([body["name"] for body in self.server.posts("/v1/summarize")], ["dropped.log", "pasted text"])

    def test_what_is_no_log_or_too_large_is_not_sent(self):
        self.server.max_body_bytes = 1000
        page = self.open("logs")
        for name, data, said in [("big.log", b"x" * 1001, "at most 1000"), ("escaped.log", b"\n" * 600, "1231 bytes"), ("a.gz", b"\x1f\x8b\x08", "compressed"),
                                 ("a.bin", bytes(500), "binary")]:
            page.set_input_files("#log-file", {"name": name, "mimeType": "text/plain", "buffer": data})
            expect(page.locator(".log-result .notice.error")).to_contain_text(said)
        self.assertEqual(self.server.posts("/v1/summarize"), [])


class Stopping(PageCase):
    def test_escape_or_the_button_stops_and_the_view_goes_on(self):
        self.server.task_seconds = 0.6
        page = self.open("ask")
        for view, begin, stop in [("ask", "Ask", "Stop"), ("command", "Translate", "Escape")]:
            page.click(f"#tab-{view}")
            panel = page.locator(f"#view-{view}")
            page.fill(f"#{view}-input", "start pump 2")
            panel.get_by_role("button", name=begin).click()
            expect(panel.locator(".waiting")).to_be_visible()
            if stop == "Escape":
                page.press(f"#{view}-input", "Escape")
            else:
                panel.get_by_role("button", name=stop).click()
            expect(panel.get_by_text("Stopped.")).to_be_visible()
            expect(panel.get_by_role("button", name=begin)).to_be_visible()
        page.click("#tab-logs")
        for name in ("first.log", "second.log"):  # the second takes the first one's place
            page.set_input_files("#log-file", {"name": name, "mimeType": "text/plain", "buffer": LOG.encode()})
            expect(page.locator("#view-logs .waiting")).to_have_text(f"Reading {name}")
        expect(page.locator(".log-result h3")).to_have_text("second.log")


class Header(PageCase):
    def test_figures_are_shown_and_refreshed_while_seen(self):
        self.page.clock.install()
        page = self.open()
        expect(page.locator("#glance")).to_contain_text("181 MB of 4.0 GB", use_inner_text=True)
        expect(page.locator("#glance-speed")).to_have_text("25 tok/s")
        self.assertEqual(page.get_attribute("#glance", "title"), "Memory: 181 MB resident, 236 MB planned, limit 4.0 GB")
        self.server.decode_tps = 7.25
        page.clock.fast_forward(5100)
        expect(page.locator("#glance-speed")).to_have_text("7.3 tok/s")
        page.get_by_role("button", name="Server:").click()
        dialog = page.get_by_role("dialog", name="Server")
        for text in ("236 MB", "2048 tokens", "1 of 4 busy, 0 waiting", "no embeddings"):
            expect(dialog).to_contain_text(text)
        asked = self.props_asked()
        page.evaluate("""() => {
          Object.defineProperty(document, 'visibilityState', {value: 'hidden', configurable: true});
          document.dispatchEvent(new Event('visibilitychange'));
        }""")
        page.clock.fast_forward(30000)
        page.wait_for_timeout(100)
        self.assertEqual(self.props_asked(), asked)

    def props_asked(self):
        return sum(path == "/props" for _, path, _ in self.server.requests)


class Off(PageCase):
    def test_views_that_are_off_name_their_flag(self):
        self.server.features.update(ask=False, command=False)
        page = self.open("ask")
        expect(page.locator("#view-ask .off-note")).to_contain_text("--kb")
        expect(page.locator("#ask-input")).to_be_disabled()
        page.get_by_role("tab", name="Command").click()
        expect(page.locator("#view-command .off-note")).to_contain_text("--tools")
        expect(page.locator("#command-input")).to_be_disabled()
        page.get_by_role("tab", name="Chat").click()
        expect(page.locator("#chat-input")).to_be_enabled()
        self.server.features.update(ask=True)
        page.reload()
        page.get_by_role("tab", name="Ask").click()
        expect(page.locator("#ask-input")).to_be_enabled()
        expect(page.locator("#view-ask .off-note")).to_have_count(0)


if __name__ == "__main__":
    unittest.main()
