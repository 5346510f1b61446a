#!/usr/bin/env python3
"""Makes manuals/chiller-hx200.pdf from sources/chiller-hx200.md. Needs the package reportlab (4.x); the same input gives the same bytes.

usage: make_pdf.py [OUTPUT]
"""
import pathlib
import re
import sys

from reportlab import rl_config
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle, getSampleStyleSheet
from reportlab.lib.units import mm
from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

ROOT = pathlib.Path(__file__).resolve().parent
STYLES = getSampleStyleSheet()
CELL = ParagraphStyle("cell", parent=STYLES["BodyText"], fontSize=9, leading=11)
STEP = ParagraphStyle("step", parent=STYLES["BodyText"], leftIndent=8 * mm, bulletIndent=2 * mm)
GRID = TableStyle([("GRID", (0, 0), (-1, -1), 0.4, colors.grey), ("BACKGROUND", (0, 0), (-1, 0), colors.whitesmoke),
                   ("VALIGN", (0, 0), (-1, -1), "TOP")])


def inline(text):
    text = text.replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", text)


def table(rows, width):
    cells = [[Paragraph(inline(cell.strip()), CELL) for cell in row.strip().strip("|").split("|")] for row in rows]
    return Table(cells, colWidths=[width / len(cells[0])] * len(cells[0]), style=GRID, repeatRows=1)


def flowables(text, width):
    rows = []
    for line in text.splitlines() + [""]:
        if line.startswith("|"):
            if not re.fullmatch(r"\|[-| ]+\|", line):
                rows.append(line)
            continue
        if rows:
            yield table(rows, width)
            yield Spacer(1, 3 * mm)
            rows = []
        heading, step = re.match(r"(#+) (.*)", line), re.match(r"(\d+)\. (.*)", line)
        if heading:
            yield Paragraph(inline(heading.group(2)), STYLES["Title" if len(heading.group(1)) == 1 else "Heading%d" % len(heading.group(1))])
        elif step:
            yield Paragraph(inline(step.group(2)), STEP, bulletText=step.group(1) + ".")
        elif line:
            yield Paragraph(inline(line), STYLES["BodyText"])


def footer(canvas, document):
    canvas.setFont("Helvetica", 8)
    canvas.drawString(20 * mm, 12 * mm, "Nordkap HX-200, manual HX200-IOS-EN, edition 2")
    canvas.drawRightString(190 * mm, 12 * mm, "page %d" % document.page)


def main():
    rl_config.invariant = 1
    output = sys.argv[1] if len(sys.argv) > 1 else str(ROOT / "manuals" / "chiller-hx200.pdf")
    document = SimpleDocTemplate(output, pagesize=A4, leftMargin=20 * mm, rightMargin=20 * mm, topMargin=18 * mm, bottomMargin=20 * mm,
                                 title="Nordkap HX-200 Water Chiller", author="Nordkap")
    text = (ROOT / "sources" / "chiller-hx200.md").read_text(encoding="utf-8")
    document.build(list(flowables(text, document.width)), onFirstPage=footer, onLaterPages=footer)


if __name__ == "__main__":
    main()
