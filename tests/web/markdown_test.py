"""Markdown to elements: what answers hold, what hostile ones hold, and how long it takes."""
import unittest

from playwright.sync_api import expect

from page_case import PageCase

# Text, and the elements that it becomes; code blocks and tables by their inner parts.
CASES = {
    "a **b** *c* ***d*** ~~e~~ `f`": "<p>a <strong>b</strong> <em>c</em> <em><strong>d</strong></em> <del>e</del> <code>f</code></p>",
    "snake_case_name and 2 * 3 * 4": "<p>snake_case_name and 2 * 3 * 4</p>",
    "**open and *never closed": "<p>**open and *never closed</p>",
    "**a *b** c*": "<p><strong>a *b</strong> c*</p>",
    r"\*not\* \`code\` \\": r"<p>*not* `code` \</p>",
    "`` a ` b `` and ` ` and ```": "<p><code>a ` b</code> and <code> </code> and ```</p>",
    "one\ntwo\n\nthree": "<p>one<br>two</p><p>three</p>",
    "# H\n### H3 ##\n#no": "<h3>H</h3><h5>H3</h5><p>#no</p>",
    "a\n---\nb": "<p>a</p><hr><p>b</p>",
    "- a\n- b\n  - c\n    1. d\n- e": "<ul><li>a</li><li>b<ul><li>c<ol start=\"1\"><li>d</li></ol></li></ul></li><li>e</li></ul>",
    "3. a\n4. b\n\n   more\n\ntext": "<ol start=\"3\"><li>a</li><li>b<p>more</p></li></ol><p>text</p>",
    "* a\n\n* b": "<ul><li>a</li><li>b</li></ul>",
    "- a\n\n1. b": "<ul><li>a</li></ul><ol start=\"1\"><li>b</li></ol>",
    "- [ ] a\n- [x] b": "<ul><li>\u2610 a</li><li>\u2611 b</li></ul>",
    "> a\n> - b\n>\n> > c": "<blockquote><p>a</p><ul><li>b</li></ul><blockquote><p>c</p></blockquote></blockquote>",
    "&lt;b&gt; &amp;amp; &copy;": "<p>&lt;b&gt; &amp;amp; &amp;copy;</p>",
    "[a](b) [c][d] [e] ]": "<p>a (b) [c][d] [e] ]</p>",
}
LINK = '<a href="{0}" rel="noopener noreferrer nofollow" target="_blank" title="{0}">{1}</a>'
LINKS = {
    "[the **manual**](https://example.org/a_(b))": LINK.format("https://example.org/a_(b)", "the <strong>manual</strong>"),
    "see https://example.org/x?a=1).": "see " + LINK.format("https://example.org/x?a=1", "https://example.org/x?a=1") + ").",
    "<http://example.org>": LINK.format("http://example.org/", "http://example.org"),
    "![a picture](https://example.org/p.png)": LINK.format("https://example.org/p.png", "a picture"),
    "[x](javascript:alert(1))": "x (javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1)) <javascript:alert(1)>": "x (JaVaScRiPt:alert(1)) &lt;javascript:alert(1)&gt;",
    "[x](data:text/html,hi) [y](//example.org) [z](/props)": "x (data:text/html,hi) y (//example.org) z (/props)",
    "[x](https://[bad)": "x (https://[bad)",
}
HOSTILE = [
    "<img src=x onerror=\"console.error('hostile')\">", "<script>console.error('hostile')</script>", "<svg/onload=console.error('hostile')>",
    "[a](javascript:console.error('hostile'))", "[a](https://example.org/\"onmouseover=\"console.error('hostile'))",
    "![x](x\" onerror=\"console.error('hostile'))", "`<img src=x onerror=console.error('hostile')>`",
    "```<img src=x onerror=console.error('hostile')>\n<script>console.error('hostile')</script>", "| <img src=x onerror=1> |\n|---|\n| <b>x</b> |",
    "<style>*{display:none}</style>", "<iframe src=https://example.org></iframe>", "<form action=https://example.org><input name=a></form>",
    "# <img src=https://example.org/x.png>", "> <base href=https://example.org>", "- <a href=javascript:alert(1)>x</a>",
    "[![a](javascript:alert(1))](javascript:alert(2))", "<https://example.org/\u202egnp.exe>", "\u0000\u0001\ufffd",
]
# Each must take time in proportion to its length.
PATHOLOGICAL = ["*a _b " * 20000, "[" * 100000, "[a](" * 30000, "`" * 3 + " ``" * 30000, "".join("`" * n + " " for n in range(1, 400)),
                "> " * 20000, "- " * 20000, "*" * 100000, "|" * 100000 + "\n" + "|-" * 50000, "![" * 50000, "<" * 100000,
                "\n".join(" " * n + "- a" for n in range(400)), "http://" * 20000, "&" * 100000, "a\n" * 20000, "\\" * 100000,
                "|a|\n" * 20000, "1. a\n\n" * 10000, "_" + "a_" * 50000, "```\n" * 20001]
ALLOWED = {"DIV", "P", "BR", "STRONG", "EM", "DEL", "CODE", "PRE", "H3", "H4", "H5", "H6", "UL", "OL", "LI", "BLOCKQUOTE", "HR", "TABLE",
           "THEAD", "TBODY", "TR", "TH", "TD", "A", "SPAN", "BUTTON", "svg", "path"}


class Rendering(PageCase):
    def html(self, text):
        return self.page.evaluate("async (text) => (await import('/markdown.js')).markdown(text).innerHTML", text)

    def test_elements(self):
        self.open()
        for text, html in CASES.items():
            with self.subTest(text):
                self.assertEqual(self.html(text), html)

    def test_only_addresses_of_the_web_are_links(self):
        self.open()
        for text, html in LINKS.items():
            with self.subTest(text):
                self.assertEqual(self.html(text), f"<p>{html}</p>")

    def test_code_and_tables(self):
        self.server.replies["code"] = "Run:\n\n```python title\nif a < b:\n\n    print(`x`)\n```\n\n~~~\nraw\n~~~\n\n| A | B\\|C |\n|:-:|--:|\n| `x|y` | 2 |\n| 3 |\n"
        self.context.grant_permissions(["clipboard-read", "clipboard-write"])
        self.open()
        self.send("code")
        answer = self.expect_answer("Run:")
        blocks = answer.locator(".code-block")
        expect(blocks.locator(".code-head span")).to_have_text(["python", "text"])
        self.assertEqual(blocks.first.locator("code").text_content(), "if a < b:\n\n    print(`x`)")
        blocks.first.get_by_role("button", name="Copy code").click()
        expect(self.page.locator("#announcer")).to_have_text("Copied")
        self.assertEqual(self.page.evaluate("navigator.clipboard.readText()"), "if a < b:\n\n    print(`x`)")
        self.assertEqual(answer.locator("th, td").all_text_contents(), ["A", "B|C", "x|y", "2", "3", ""])
        self.assertEqual(answer.locator("td").nth(1).get_attribute("class"), "right")

    def test_a_text_that_grows_ends_as_the_whole(self):
        self.open()
        text = "\n\n".join(list(CASES) + ["```c\nint a;\n```", "| a | b |\n|---|---|\n| 1 | 2 |", "```\nnever closed"])
        self.assertTrue(self.page.evaluate("""async (text) => {
          const {Markdown, markdown} = await import('/markdown.js');
          const parent = document.createElement('div');
          const growing = new Markdown(parent);
          for (let end = 0; end <= text.length; end += 3) growing.update(text.slice(0, end));
          growing.update(text);
          return parent.innerHTML === markdown(text).innerHTML && parent.lastChild.querySelector('code').textContent === 'never closed';
        }""", text))

    def test_hostile_answers_stay_text(self):
        self.open()
        found = self.page.evaluate("""async (texts) => {
          const {markdown} = await import('/markdown.js');
          return texts.map((text) => {
            const parent = markdown(text);
            document.body.append(parent);
            const all = [...parent.querySelectorAll('*')];
            const result = {
              tags: [...new Set(all.map((element) => element.tagName))],
              handlers: all.flatMap((element) => [...element.attributes]).filter(({name}) => name.startsWith('on') || name === 'style').length,
              links: all.filter((element) => element.tagName === 'A').map((link) => link.protocol),
            };
            parent.remove();
            return result;
          });
        }""", HOSTILE)
        for text, result in zip(HOSTILE, found):
            with self.subTest(text):
                self.assertLessEqual(set(result["tags"]), ALLOWED)
                self.assertEqual(result["handlers"], 0)
                self.assertLessEqual(set(result["links"]), {"https:", "http:"})

    def test_a_hostile_answer_in_the_chat(self):
        self.server.replies["all"] = "\n\n".join(HOSTILE)
        self.open()
        self.send("all")
        self.expect_answer("onerror")
        self.assertEqual(self.page.locator(".message img, .message script, .message iframe, .message form").count(), 0)

    def test_time_in_proportion(self):
        self.open()
        times = self.page.evaluate("""async (texts) => {
          const {markdown} = await import('/markdown.js');
          return texts.map((text) => {
            const begun = performance.now();
            markdown(text);
            return performance.now() - begun;
          });
        }""", PATHOLOGICAL)
        for text, milliseconds in zip(PATHOLOGICAL, times):
            with self.subTest(text[:20]):
                self.assertLess(milliseconds, 1500)


if __name__ == "__main__":
    unittest.main()
