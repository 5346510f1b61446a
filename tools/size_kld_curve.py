#!/usr/bin/env python3
"""Size against KL divergence, llama.cpp's mixes and Thimble's budgets: measured into a CSV, drawn as an SVG.

    python3 size_kld_curve.py measure REFERENCE.gguf IMATRIX.gguf TEXT CURVE.csv --name MODEL [--types Q4_K_M,...]
        [--thimble BINARY --calibration TEXT] [--chunks 40] [--cache FOLDER] [--tools FOLDER]
    python3 size_kld_curve.py plot CURVE.csv CURVE.svg

`measure` quantizes the reference with llama-quantize and the imatrix to every type, has llama-perplexity judge each (as
judge_quantization.py does, with its cache), and writes a row each: model, program, mix, bytes, bits a weight (of all tensors),
mean KLD and its error. With --thimble it then asks `thimble quantize --method best --budget` for the bytes of each of
llama.cpp's files. Rows already in the CSV are kept, so a stopped run goes on. `plot` draws a panel a model, needs no package.
Needs for `measure`: pip install gguf.
"""
import argparse
import csv
import math
import subprocess
import sys
from pathlib import Path
from xml.sax.saxutils import escape

import judge_quantization

TYPES = ("Q2_K,Q3_K_S,IQ3_XXS,IQ3_S,IQ3_M,Q3_K_M,Q3_K_L,IQ4_XS,IQ4_NL,Q4_0,Q4_1,Q4_K_S,Q4_K_M,"
         "Q5_0,Q5_1,Q5_K_S,Q5_K_M,Q6_K,Q8_0")
COLUMNS = ("model", "program", "mix", "bytes", "bits_per_weight", "kld_mean", "kld_error")
PANEL_WIDTH, PANEL_HEIGHT = 520, 420
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 40, 48
COLOURS = {"llama.cpp": "#b5541c", "thimble": "#1c5fb5"}
LABEL_SIZE, LETTER_WIDTH = 9, 5.3
OUT = object()  # stands for the name of the file to make


def read_rows(path):
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write_rows(path, rows):
    partial = path.with_suffix(".partial")
    with partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    partial.replace(path)


def bits_per_weight(path):
    import gguf
    tensors = gguf.GGUFReader(path).tensors
    return 8 * sum(int(tensor.n_bytes) for tensor in tensors) / sum(int(tensor.n_elements) for tensor in tensors)


def measured_row(arguments, program, mix, command):
    """The row of one file, made by `command`, in which OUT stands for its name; None when the program refuses."""
    out = arguments.cache / f"{arguments.name}-{program}-{mix}.gguf"
    done = subprocess.run([str(out) if word == OUT else str(word) for word in command],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    if done.returncode != 0:
        print(f"{program} {mix}: exit code {done.returncode}: {done.stdout.strip()[-300:]}", file=sys.stderr)
        return None
    figures = judge_quantization.measure(arguments, out, arguments.text)
    row = {"model": arguments.name, "program": program, "mix": mix, "bytes": out.stat().st_size,
           "bits_per_weight": f"{bits_per_weight(out):.4f}", "kld_mean": figures["kld_mean"], "kld_error": figures["kld_error"]}
    out.unlink()
    print(", ".join(f"{value}" for value in row.values()), flush=True)
    return row


def measure(arguments):
    arguments.cache.mkdir(parents=True, exist_ok=True)
    arguments.tool = arguments.tools / "llama-perplexity"
    rows = read_rows(arguments.csv)

    def add(program, mix, command):
        if not any((row["model"], row["program"], row["mix"]) == (arguments.name, program, mix) for row in rows):
            row = measured_row(arguments, program, mix, command)
            if row:
                rows.append(row)
                write_rows(arguments.csv, rows)

    for mix in arguments.types.split(","):
        add("llama.cpp", mix, [arguments.tools / "llama-quantize", "--imatrix", arguments.imatrix, arguments.reference, OUT,
                               mix])
    if arguments.thimble:
        for row in [row for row in rows if row["model"] == arguments.name and row["program"] == "llama.cpp"]:
            add("thimble", row["mix"], [arguments.thimble, "quantize", "--method", "best", "--calibration",
                                        arguments.calibration, "--budget", row["bytes"], arguments.reference, OUT])


def front(points):
    """The points that no smaller-or-equal file betters, by size."""
    best, kept = math.inf, []
    for point in sorted(points):
        if point[1] < best:
            best = point[1]
            kept.append(point)
    return kept


class Panel:
    """One model's curves; x in bits a weight, y the logarithm of the mean KLD."""

    def __init__(self, title, rows, left):
        self.title, self.rows, self.left = title, rows, left
        bits = [float(row["bits_per_weight"]) for row in rows]
        klds = [float(row["kld_mean"]) for row in rows]
        self.bits = (min(3.0, math.floor(min(bits) * 2) / 2), max(8.75, max(bits) + 0.25))
        self.decades = (math.floor(math.log10(min(klds))), math.ceil(math.log10(max(klds))))
        self.taken = []  # boxes of labels and points, so that labels do not cover each other

    def x(self, bits):
        low, high = self.bits
        return self.left + LEFT + (bits - low) / (high - low) * (PANEL_WIDTH - LEFT - RIGHT)

    def y(self, kld):
        low, high = self.decades
        return PANEL_HEIGHT - BOTTOM - (math.log10(kld) - low) / (high - low) * (PANEL_HEIGHT - TOP - BOTTOM)

    def axes(self):
        right, bottom = self.left + PANEL_WIDTH - RIGHT, PANEL_HEIGHT - BOTTOM
        yield f'<text class="title" x="{(self.left + LEFT + right) / 2:.1f}" y="{TOP - 16}">{escape(self.title)}</text>'
        for bits in range(math.ceil(self.bits[0]), math.floor(self.bits[1]) + 1):
            yield f'<path class="grid" d="M{self.x(bits):.1f} {TOP}V{bottom}"/>'
            yield f'<text class="tick" x="{self.x(bits):.1f}" y="{bottom + 16}" text-anchor="middle">{bits}</text>'
        for decade in range(self.decades[0], self.decades[1] + 1):
            for digit in (1, 2, 5):
                kld = digit * 10.0 ** decade
                if math.log10(kld) > self.decades[1]:
                    break
                yield f'<path class="{"grid" if digit == 1 else "fine"}" d="M{self.left + LEFT} {self.y(kld):.1f}H{right}"/>'
                yield (f'<text class="tick" x="{self.left + LEFT - 6}" y="{self.y(kld) + 3.5:.1f}" text-anchor="end">'
                       f'{kld:.{max(0, -decade)}f}</text>')
        yield f'<path class="axis" d="M{self.left + LEFT} {TOP}V{bottom}H{right}"/>'
        yield (f'<text class="label" x="{(self.left + LEFT + right) / 2:.1f}" y="{bottom + 36}" text-anchor="middle">'
               'bits a weight, all tensors</text>')
        middle = (TOP + bottom) / 2
        yield (f'<text class="label" x="{self.left + 16}" y="{middle:.1f}" text-anchor="middle" '
               f'transform="rotate(-90 {self.left + 16} {middle:.1f})">mean KL divergence to F16</text>')

    def place(self, x, y, text):
        """Where a label beside the point at (x, y) covers least of what is there."""
        width, height = len(text) * LETTER_WIDTH, LABEL_SIZE
        spots = [(x + 6, y + 3), (x + 5, y - 5), (x + 5, y + 12), (x - 6 - width, y + 3), (x - 5 - width, y - 5),
                 (x - 5 - width, y + 12), (x - width / 2, y - 8), (x - width / 2, y + 15),
                 (x + 8, y - 15), (x - 8 - width, y + 20)]

        def covered(spot):
            left, base = spot
            total = max(0.0, self.left + LEFT + 2 - left) * 100 + max(0.0, left + width - self.left - PANEL_WIDTH + RIGHT) * 100
            for box_left, box_top, box_right, box_bottom in self.taken:
                across = min(left + width, box_right) - max(left, box_left)
                down = min(base, box_bottom) - max(base - height, box_top)
                total += across * down if across > 0 and down > 0 else 0
            return total

        left, base = min(spots, key=covered)
        self.taken.append((left, base - height, left + width, base))
        return left, base

    def curves(self):
        points = {program: [(float(row["bits_per_weight"]), float(row["kld_mean"]), row["mix"]) for row in self.rows
                            if row["program"] == program] for program in COLOURS}
        for program in COLOURS:
            for bits, kld, _ in points[program]:
                self.taken.append((self.x(bits) - 4, self.y(kld) - 4, self.x(bits) + 4, self.y(kld) + 4))
        for program, colour in COLOURS.items():
            if len(points[program]) > 1:
                line = " ".join(f"{self.x(bits):.1f},{self.y(kld):.1f}" for bits, kld, _ in front(points[program]))
                yield f'<polyline class="line" stroke="{colour}" points="{line}"/>'
            for bits, kld, mix in sorted(points[program]):
                yield (f'<circle cx="{self.x(bits):.1f}" cy="{self.y(kld):.1f}" r="3" fill="{colour}">'
                       f'<title>{escape(program)} {escape(mix)}: {bits} bits, {kld}</title></circle>')
                if program == "llama.cpp":
                    left, base = self.place(self.x(bits), self.y(kld), mix)
                    yield f'<text class="mix" x="{left:.1f}" y="{base:.1f}" fill="{colour}">{escape(mix)}</text>'

    def legend(self):
        left = self.left + PANEL_WIDTH - RIGHT - 212
        shown = [program for program in COLOURS if any(row["program"] == program for row in self.rows)]
        names = {"llama.cpp": "llama.cpp, imatrix, its mixes", "thimble": "thimble --method best --budget"}
        for place, program in enumerate(shown):
            top = TOP + 14 + 18 * place
            yield f'<circle cx="{left}" cy="{top}" r="4" fill="{COLOURS[program]}"/>'
            yield f'<text class="label" x="{left + 10}" y="{top + 4}">{escape(names[program])}</text>'


def plot(arguments):
    rows = read_rows(arguments.csv)
    if not rows:
        sys.exit(f"{arguments.csv}: no rows")
    models = list(dict.fromkeys(row["model"] for row in rows))
    panels = [Panel(model, [row for row in rows if row["model"] == model], place * PANEL_WIDTH)
              for place, model in enumerate(models)]
    width = PANEL_WIDTH * len(panels)
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {PANEL_HEIGHT}" width="{width}" '
             f'height="{PANEL_HEIGHT}" font-family="sans-serif">',
             "<style>.title{font-size:14px;font-weight:bold;text-anchor:middle}.label{font-size:12px}"
             f".tick{{font-size:11px;fill:#444}}.mix{{font-size:{LABEL_SIZE}px}}.grid{{stroke:#ccc;fill:none}}"
             ".fine{stroke:#eee;fill:none}.axis{stroke:#222;fill:none}.line{fill:none;stroke-width:1.5}</style>",
             f'<rect width="{width}" height="{PANEL_HEIGHT}" fill="white"/>']
    for panel in panels:
        lines += [*panel.axes(), *panel.curves(), *panel.legend()]
    lines.append("</svg>")
    arguments.svg.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(required=True)
    measuring = verbs.add_parser("measure")
    for name in ("reference", "imatrix", "text", "csv"):
        measuring.add_argument(name, type=Path)
    measuring.add_argument("--name", required=True, help="the model's name in the CSV and the plot")
    measuring.add_argument("--types", default=TYPES)
    measuring.add_argument("--thimble", type=Path)
    measuring.add_argument("--calibration", type=Path)
    measuring.add_argument("--chunks", type=int, default=40)
    measuring.add_argument("--cache", type=Path, default=Path("judge-cache"))
    measuring.add_argument("--tools", type=Path, default=judge_quantization.TOOLS)
    measuring.add_argument("--threads", type=int, default=2)
    measuring.set_defaults(run=measure)
    plotting = verbs.add_parser("plot")
    plotting.add_argument("csv", type=Path)
    plotting.add_argument("svg", type=Path)
    plotting.set_defaults(run=plot)
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
