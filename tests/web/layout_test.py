"""Screens, colours, keyboard, names of controls."""
import unittest

from playwright.sync_api import expect

from page_case import PageCase

VIEWS = ["chat", "ask", "command", "logs"]
WIDE = "| " + " | ".join(f"column {at}" for at in range(12)) + " |\n" + "|---" * 12 + "|\n" + "| value " * 12 + "|\n"
ANSWER = f"# Heading\n\nText with `code`, [a link](https://example.org) and {'unbroken' * 30}.\n\n```\n{'x = 1; ' * 40}\n```\n\n{WIDE}\n> quote\n"
LOG = "INFO a\n" * 20 + "ERROR b " + "long" * 200 + "\nINFO c\n"

# For each text that is seen: its contrast with what is behind it, after Web Content Accessibility Guidelines 2.2. Returns what is
# below 4.5, with the text. Disabled controls and what is in them do not count.
CONTRAST = """() => {
  const parse = (color) => { const [r, g, b, a = 1] = color.match(/[\\d.]+/g).map(Number); return {rgb: [r, g, b], a}; };
  const over = (top, below) => top.rgb.map((value, at) => value * top.a + below[at] * (1 - top.a));
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((value) => value / 255).map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.push(parse(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255]);
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const bad = [];
  let count = 0;
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || element.closest('.visually-hidden, noscript, option, :disabled') || !element.checkVisibility()) continue;
    let opacity = 1;
    for (let at = element; at; at = at.parentElement) opacity *= Number(getComputedStyle(at).opacity);
    const below = behind(element);
    const color = parse(getComputedStyle(element).color);
    const [light, dark] = [luminance(over({...color, a: color.a * opacity}, below)), luminance(below)].sort((a, b) => b - a);
    const ratio = (light + 0.05) / (dark + 0.05);
    count++;
    if (ratio < 4.5) bad.push([walker.currentNode.data.trim().slice(0, 30), Math.round(ratio * 100) / 100]);
  }
  return [count, bad];
}"""
CONTROLS = {"button", "textbox", "searchbox", "link", "tab", "meter", "dialog", "checkbox", "DisclosureTriangle", "tabpanel", "article"}


class Layout(PageCase):
    def fill_views(self):
        """Every view with something in it; yields its name while it is the one that is shown."""
        self.server.replies["show"] = ANSWER
        page = self.open()
        self.send("show")
        self.expect_answer("Heading")
        yield "chat"
        page.click("#tab-ask")
        for question in ("oil?", "colour?"):
            page.fill("#ask-input", question)
            page.press("#ask-input", "Enter")
            expect(page.get_by_role("article", name=question)).to_have_count(1)
            expect(page.locator("#view-ask .waiting")).to_have_count(0)
        yield "ask"
        page.click("#tab-command")
        page.fill("#command-input", "start pump 2")
        page.press("#command-input", "Enter")
        expect(page.locator(".tool-name")).to_be_visible()
        page.get_by_text("Tools (3)").click()
        yield "command"
        page.click("#tab-logs")
        page.set_input_files("#log-file", {"name": "pump.log", "mimeType": "text/plain", "buffer": LOG.encode()})
        expect(page.locator(".events")).to_be_visible()
        page.get_by_text("Paste text").click()
        yield "logs"
        page.locator(".events .reference").first.click()
        yield "lines"

    def assert_contrast(self, where):
        count, bad = self.page.evaluate(CONTRAST)
        self.assertGreater(count, 10, where)
        self.assertEqual(bad, [], where)

    def assert_names(self, where):
        """Every control has a name that a screen reader can say."""
        session = self.context.new_cdp_session(self.page)
        nodes = session.send("Accessibility.getFullAXTree")["nodes"]
        session.detach()
        roles = [node["role"]["value"] for node in nodes if not node.get("ignored")]
        self.assertGreater(roles.count("button") + roles.count("tab"), 0, where)
        unnamed = [node["role"]["value"] for node in nodes if not node.get("ignored") and node["role"]["value"] in CONTROLS
                   and not node.get("name", {}).get("value", "").strip()]
        self.assertEqual(unnamed, [], where)
        ids = self.page.evaluate("[...document.querySelectorAll('[id]')].map(({id}) => id)")
        self.assertEqual(len(ids), len(set(ids)), where)


class Desk(Layout):
    options = {"viewport": {"width": 1100, "height": 720}, "color_scheme": "light"}

    def setUp(self):
        super().setUp()
        self.page.emulate_media(color_scheme="light")

    def test_names_and_contrast_in_every_view_in_both_colours(self):
        for view in self.fill_views():
            self.assert_names(view)
            self.assert_contrast(view)
            self.page.emulate_media(color_scheme="dark")
            expect(self.page.locator("html")).to_have_attribute("data-theme", "dark")
            self.assert_contrast(view + ", dark")
            self.page.emulate_media(color_scheme="light")

    def test_colours_follow_the_system_until_a_person_chooses(self):
        page = self.open()
        ground = "getComputedStyle(document.body).backgroundColor"
        light = page.evaluate(ground)
        page.emulate_media(color_scheme="dark")
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        dark = page.evaluate(ground)
        self.assertNotEqual(light, dark)
        page.get_by_role("button", name="Colours: as the system").click()
        self.assertEqual(page.evaluate(ground), light)
        page.reload()
        expect(page.get_by_role("button", name="Colours: light")).to_be_visible()
        self.assertEqual(page.evaluate(ground), light)
        page.get_by_role("button", name="Colours: light").click()
        page.emulate_media(color_scheme="light")
        self.assertEqual(page.evaluate(ground), dark)
        page.get_by_role("button", name="Colours: dark").click()
        self.assertEqual(page.evaluate(ground), light)

    def test_by_keyboard_alone(self):
        self.server.replies["long"] = "word " * 400
        self.server.token_seconds = 0.005
        page = self.open()
        press = page.keyboard.press
        focused = "document.activeElement.id || document.activeElement.getAttribute('aria-label') || document.activeElement.textContent"
        press("Tab")
        self.assertEqual(page.evaluate(focused), "Skip to content")
        self.assertGreater(page.evaluate("document.activeElement.getBoundingClientRect().top"), 0)
        press("Enter")
        self.assertEqual(page.evaluate(focused), "views")
        seen = []
        for _ in range(20):
            press("Tab")
            seen.append(page.evaluate(focused))
            self.assertTrue(page.evaluate("""() => {
              const shown = document.activeElement.closest('.composer-box') ?? document.activeElement;
              const style = getComputedStyle(shown);
              return style.outlineStyle !== 'none' || style.boxShadow !== 'none' || document.activeElement === document.body;
            }"""), seen[-1])
            if seen[-1] == "chat-input":
                break
        self.assertEqual(seen[-1], "chat-input")
        page.keyboard.type("long")
        press("Shift+Enter")
        page.keyboard.type("line")
        self.assertEqual(page.input_value("#chat-input"), "long\nline")
        page.fill("#chat-input", "long")
        press("Enter")
        expect(self.answers().locator(".markdown")).to_contain_text("word word")
        press("Escape")
        expect(self.answers().locator(".figures")).to_contain_text("Stopped.")
        page.focus("#tab-chat")
        for key, view in [("ArrowRight", "ask"), ("ArrowRight", "command"), ("End", "logs"), ("ArrowRight", "chat"), ("ArrowLeft", "logs"),
                          ("Home", "chat")]:
            press(key)
            expect(page.locator(f"#view-{view}")).to_be_visible()
            self.assertEqual(page.evaluate("document.activeElement.id"), f"tab-{view}")
            self.assertEqual(page.locator("[role=tab][tabindex='0'], [role=tab]:not([tabindex])").count(), 1)
            self.assertEqual(page.locator("[role=tabpanel]:visible").count(), 1)

    def test_the_address_names_the_view(self):
        page = self.open("logs")
        expect(page.locator("#view-logs")).to_be_visible()
        page.click("#tab-ask")
        self.assertTrue(page.url.endswith("#ask"))
        self.assertEqual(page.title(), "Ask \u00b7 Thimble")


class Phone(Layout):
    options = {"viewport": {"width": 375, "height": 667}, "color_scheme": "dark", "has_touch": True, "is_mobile": True}

    def assert_fits(self, where):
        self.assertEqual(self.page.evaluate("""() => [document.documentElement, document.body, ...document.querySelectorAll('main > section, dialog')]
          .filter((element) => element.scrollWidth > Math.max(element.clientWidth, 0) + 0 && element.checkVisibility())
          .map((element) => [element.tagName, element.id, element.scrollWidth, element.clientWidth])"""), [], where)
        self.assertEqual(self.page.evaluate("window.innerWidth"), 375, where)

    def assert_touchable(self, where):
        small = self.page.evaluate("""() => [...document.querySelectorAll('button, input, textarea, summary, label.button')]
          .filter((element) => element.checkVisibility({visibilityProperty: true}) && !element.closest('.visually-hidden'))
          .map((element) => [element, element.getBoundingClientRect()])
          .filter(([element, box]) => Math.min(box.width, box.height) < (element.matches('.reference') ? 28 : 44))
          .map(([element, box]) => [element.outerHTML.slice(0, 80), box.width, box.height])""")
        self.assertEqual(small, [], where)

    def test_nothing_scrolls_sideways_and_all_can_be_touched(self):
        for view in self.fill_views():
            self.assert_fits(view)
            self.assert_touchable(view)

    def test_drawers(self):
        page = self.open()
        self.send("hello")
        self.expect_answer("You said: hello")
        page.get_by_role("button", name="Conversations").tap()
        drawer = page.get_by_role("dialog", name="Conversations")
        self.assert_fits("conversations")
        self.assert_touchable("conversations")
        self.assert_names("conversations")
        drawer.get_by_role("button", name="New conversation").tap()
        expect(drawer).to_have_count(0)
        expect(page.locator(".message")).to_have_count(0)
        page.get_by_role("button", name="Settings").tap()
        self.assert_fits("settings")
        self.assert_touchable("settings")
        self.assert_names("settings")
        self.assert_contrast("settings")
        page.get_by_role("button", name="Close").tap()
        page.get_by_role("button", name="Server:").tap()
        self.assert_fits("server")


if __name__ == "__main__":
    unittest.main()
