#!/usr/bin/env python3
"""The Debian Administrator's Handbook (package debian-handbook, English HTML) as plain text, in a fixed split of its pages.

Writes FOLDER/train.txt (for calibration) and FOLDER/held_out.txt (for perplexity): paragraphs one a line, an empty line
between them. The same package gives the same bytes. A page goes by its name alone, so the split does not move when pages
come or go: about one in four is held out.
"""
import hashlib
import sys
from html.parser import HTMLParser
from pathlib import Path

SOURCE = Path("/usr/share/doc/debian-handbook/html/en-US")
TEXTS = ("train.txt", "held_out.txt")
NO_PROSE = {"index.html"}  # the table of contents

BLOCKS = {"p", "div", "h1", "h2", "h3", "h4", "h5", "h6", "li", "dt", "dd", "td", "th", "tr", "table", "ul", "ol", "dl", "br"}
SKIPPED = {"head", "script", "style"}
SKIPPED_CLASSES = {"docnav", "toc"}
SKIPPED_IDS = {"banner", "title"}
VOID = {"br", "hr", "img", "input", "link", "meta", "col"}


class TextParser(HTMLParser):
    """Paragraphs of a page; listings (<pre>) keep their lines."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.paragraphs = []
        self.pieces = []
        self.stack = []       # (tag, hidden, preformatted) of each open element
        self.hidden = self.preformatted = False

    def handle_starttag(self, tag, attrs):
        if tag in BLOCKS or tag == "pre":
            self.end_paragraph()
        if tag in VOID:
            return
        self.stack.append((tag, self.hidden, self.preformatted))
        attributes = dict(attrs)
        classes = set((attributes.get("class") or "").split())
        self.hidden |= tag in SKIPPED or bool(classes & SKIPPED_CLASSES) or attributes.get("id") in SKIPPED_IDS
        self.preformatted |= tag == "pre"

    def handle_endtag(self, tag):
        if tag in VOID or not any(opened == tag for opened, _, _ in self.stack):
            return
        if tag in BLOCKS or tag == "pre":
            self.end_paragraph()
        opened = None
        while opened != tag:
            opened, self.hidden, self.preformatted = self.stack.pop()

    def handle_data(self, data):
        if not self.hidden:
            self.pieces.append(data)

    def end_paragraph(self):
        text = "".join(self.pieces)
        self.pieces.clear()
        if self.preformatted:
            text = "\n".join(line.rstrip() for line in text.strip("\n").splitlines())
        else:
            text = " ".join(text.split())
        if text:
            self.paragraphs.append(text)


def page_text(path):
    parser = TextParser()
    parser.feed(path.read_text(encoding="utf-8"))
    parser.close()
    parser.end_paragraph()
    return "\n\n".join(parser.paragraphs) + "\n"


def is_held_out(page_name):
    return hashlib.sha256(page_name.encode()).digest()[0] % 4 == 0


def write_parts(folder, texts):
    """Writes each of `texts`, {file name: parts}, into `folder`, whole or not at all; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, parts in texts.items():
        partial = folder / (name + ".partial")
        partial.write_text("\n".join(parts), encoding="utf-8")
        partial.replace(folder / name)
    return folder


def write_texts(folder, source=SOURCE):
    """Makes both texts in `folder` and returns it."""
    texts = {name: [] for name in TEXTS}
    pages = sorted(path for path in source.iterdir() if path.suffix == ".html" and path.name not in NO_PROSE)
    for path in pages:
        texts[TEXTS[is_held_out(path.name)]].append(page_text(path))
    return write_parts(folder, texts)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: handbook_text.py FOLDER")
    print(write_texts(Path(sys.argv[1])))
