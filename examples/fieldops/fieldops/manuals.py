"""Manuals as sections: {heading: text}. A table row is one line, its cells separated by " | "."""
import re
from html.parser import HTMLParser


def sections_of_markdown(text):
    sections, heading = {}, None
    for line in text.splitlines():
        match = re.match(r"#{1,6} (.*)", line)
        if match:
            heading = match.group(1).strip()
            sections[heading] = []
        elif heading is not None and line.strip() and not re.fullmatch(r"\|[-| ]+\|", line):
            sections[heading].append(line.strip().strip("|").strip().replace("**", ""))
    return {name: "\n".join(lines) for name, lines in sections.items()}


class _Html(HTMLParser):
    """Headings open a section; list items, paragraphs and table rows become lines."""

    LINES = {"p", "li", "tr", "h1", "h2", "h3"}
    IGNORED = {"style", "nav", "title"}

    def __init__(self):
        super().__init__()
        self.sections, self._heading, self._text, self._cells, self._ignore = {}, None, "", [], 0

    def handle_starttag(self, tag, attrs):
        self._ignore += tag in self.IGNORED
        if tag in self.LINES or tag in ("td", "th"):
            self._text = ""
        if tag == "tr":
            self._cells = []

    def handle_data(self, data):
        if not self._ignore:
            self._text += data

    def handle_endtag(self, tag):
        self._ignore -= tag in self.IGNORED
        line = " ".join(self._text.split())
        if tag in ("td", "th"):
            self._cells.append(line)
        elif tag in ("h1", "h2", "h3"):
            self._heading = line
            self.sections[line] = []
        elif tag in self.LINES:
            line = " | ".join(self._cells) if tag == "tr" else line
            if self._heading and line:
                self.sections[self._heading].append(line)


def sections_of_html(text):
    parser = _Html()
    parser.feed(text)
    return {name: "\n".join(lines) for name, lines in parser.sections.items()}


def read_manuals(root):
    """{file name in manuals/: {heading: text}}; the PDF is read as the text that it was made from."""
    result = {}
    for path in sorted((root / "manuals").iterdir()):
        source = path if path.suffix != ".pdf" else root / "sources" / (path.stem + ".md")
        text = source.read_text(encoding="utf-8")
        result[path.name] = sections_of_html(text) if path.suffix == ".html" else sections_of_markdown(text)
    return result
