#!/usr/bin/env python3
"""The best mix of types that llama.cpp's own quantizer can be given at a byte limit: a fair search over `--tensor-type`.

    python3 best_stock_mix.py REFERENCE.gguf IMATRIX.gguf TEXT BASELINE.gguf OUT.gguf [--chunks 8] [--bands 3] [--work FOLDER]

TEXT is a calibration text, never the one that judges. The search, every file of it made by the stock llama-quantize:
 1. Every candidate type is tried on all tensors (`--pure`); the squared error of each tensor under each type is measured
    with the imatrix's weights (that of the embedding, which has none, without).
 2. Each group of tensors (one role in one of `--bands` bands of depth; embedding, head) is quantized alone to PROBE, the
    rest left at F16: its KL divergence on TEXT by llama-perplexity says what a unit of squared error costs there.
 3. A Lagrangian over tensors and types minimises the predicted KLD at no more than BASELINE's bytes, the rest filled
    greedily: once by tensor, once with one type a group, once with one type a role.
 4. The mixes and BASELINE are measured on TEXT, then as many mixes near the best one as --moves says: a group gets a type one
    or two steps larger or smaller, the Lagrangian refills the rest.
OUT is the best mix; its --tensor-type lines stand beside it in OUT.types.txt.
Needs: pip install gguf numpy.
"""
import argparse
import json
import os
import re
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import gguf
import numpy as np

TOOLS = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "thimble-peers/llama.cpp"
SUPER_BLOCK_TYPES = ("q3_k", "iq3_s", "iq4_xs", "q4_k", "q5_k", "q6_k")  # rows of 256
BLOCK_TYPES = ("iq4_nl", "q4_0", "q4_1", "q5_0", "q5_1", "q8_0")         # rows of 32
FTYPE_OF = {"q3_k": "Q3_K_M", "iq3_s": "IQ3_S", "iq4_xs": "IQ4_XS", "q4_k": "Q4_K_M", "q5_k": "Q5_K_M", "q6_k": "Q6_K",
            "iq4_nl": "IQ4_NL", "q4_0": "Q4_0", "q4_1": "Q4_1", "q5_0": "Q5_0", "q5_1": "Q5_1", "q8_0": "Q8_0"}
PROBE = "q4_0"

Tensor = namedtuple("Tensor", "name group role types sizes")  # sizes: bytes by type


def run(command):
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace")
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: exit code {done.returncode}\n{done.stdout[-2000:]}")
    return done.stdout


def say(message):
    print(message, file=sys.stderr, flush=True)


def bytes_as(kind, elements):
    block, size = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[kind.upper()]]
    return elements // block * size


def list_tensors(reader, bands):
    """The matrices of a model, each with its group and the types that its rows allow."""
    layers = 1 + max(int(found.group(1)) for tensor in reader.tensors if (found := re.match(r"blk\.(\d+)\.", tensor.name)))
    tensors = []
    for tensor in reader.tensors:
        if tensor.tensor_type == gguf.GGMLQuantizationType.F32 or len(tensor.shape) < 2:
            continue
        found = re.match(r"blk\.(\d+)\.(.*)\.weight$", tensor.name)
        role = found.group(2) if found else tensor.name.removesuffix(".weight")
        group = f"{role}/{int(found.group(1)) * bands // layers}" if found else role
        types = BLOCK_TYPES + (SUPER_BLOCK_TYPES if tensor.shape[0] % 256 == 0 else ())
        sizes = {kind: bytes_as(kind, int(tensor.n_elements)) for kind in types}
        tensors.append(Tensor(tensor.name, group, role, types, sizes))
    return tensors


def read_imatrix(path):
    """Mean square of each input column, by tensor."""
    tensors = {tensor.name: tensor.data for tensor in gguf.GGUFReader(path).tensors}
    names = [name.removesuffix(".in_sum2") for name in tensors if name.endswith(".in_sum2")]
    return {name: tensors[name + ".in_sum2"].reshape(-1) / max(1.0, float(tensors[name + ".counts"].reshape(-1)[0])) for name in names}


class Search:
    def __init__(self, arguments):
        self.arguments = arguments
        self.work = arguments.work
        self.work.mkdir(parents=True, exist_ok=True)
        self.reader = gguf.GGUFReader(arguments.reference)
        self.tensors = list_tensors(self.reader, arguments.bands)
        self.measured_path = self.work / "measured.json"
        self.measured = json.loads(self.measured_path.read_text()) if self.measured_path.exists() else {}

    def quantize(self, out, ftype, lines, pure=False):
        """llama-quantize with one --tensor-type pattern a line, first match counts."""
        types = self.work / "types.txt"
        types.write_text("\n".join(lines) + "\n")
        run([self.arguments.tools / "llama-quantize", "--imatrix", self.arguments.imatrix, *(["--pure"] if pure else []),
             *(["--tensor-type-file", types] if lines else []), self.arguments.reference, out, ftype, self.arguments.threads])

    def kld(self, model):
        text, logits = self.arguments.text, self.work / f"text-{self.arguments.chunks}.logits"
        command = [self.arguments.tools / "llama-perplexity", "-f", text, "-c", 512, "--chunks", self.arguments.chunks,
                   "-t", self.arguments.threads, "--kl-divergence-base"]
        if not logits.exists():
            partial = logits.with_suffix(".partial")
            run([*command, partial, "-m", self.arguments.reference])
            partial.replace(logits)
        return float(re.search(r"Mean\s+KLD:\s+(\S+)", run([*command, logits, "-m", model, "--kl-divergence"])).group(1))

    def remember(self, key, value_of):
        """Measurements survive a stop: the next run goes on where this one ended."""
        if key not in self.measured:
            self.measured[key] = value_of()
            self.measured_path.write_text(json.dumps(self.measured, indent=0))
        return self.measured[key]

    def errors_of(self, kind):
        """Weighted squared error of each tensor when all are of type `kind`."""
        out = self.work / "pure.gguf"
        self.quantize(out, FTYPE_OF[kind], [], pure=True)
        weights = read_imatrix(self.arguments.imatrix)
        quantized = {tensor.name: tensor for tensor in gguf.GGUFReader(out).tensors}
        errors = {}
        for tensor in self.reader.tensors:
            if tensor.tensor_type == gguf.GGMLQuantizationType.F32 or quantized[tensor.name].tensor_type.name.lower() != kind:
                continue
            columns = weights.get(tensor.name, np.float32(1))
            total = 0.0
            for start in range(0, len(tensor.data), 8192):
                rows = tensor.data[start:start + 8192].astype(np.float32)
                packed = quantized[tensor.name].data[start:start + 8192]
                difference = rows - gguf.quants.dequantize(packed, quantized[tensor.name].tensor_type).reshape(rows.shape)
                total += float(np.sum(difference * difference * columns, dtype=np.float64))
            errors[tensor.name] = total
        out.unlink()
        return errors

    def probe(self, group):
        """KLD when the tensors of `group` are of type PROBE and all others F16."""
        out = self.work / "probe.gguf"
        lines = [f"^{re.escape(tensor.name)}$={PROBE}" for tensor in self.tensors if tensor.group == group]
        self.quantize(out, "Q4_0", lines + [".*=f16"])
        value = self.kld(out)
        out.unlink()
        return value

    def costs(self):
        """Predicted KLD of each tensor under each type."""
        kinds = sorted({kind for tensor in self.tensors for kind in tensor.types})
        errors = {}
        for kind in kinds:
            errors[kind] = self.remember(f"errors {kind}", lambda: self.errors_of(kind))
            say(f"errors of {kind}: measured")
        costs = {}
        for group in dict.fromkeys(tensor.group for tensor in self.tensors):
            members = [tensor for tensor in self.tensors if tensor.group == group]
            value = self.remember(f"probe {group}", lambda: self.probe(group))
            say(f"{group}: KLD {value:.6f} as {PROBE}")
            unit = value / sum(errors[PROBE][tensor.name] for tensor in members)
            for tensor in members:
                costs[tensor.name] = {kind: unit * errors[kind][tensor.name] for kind in tensor.types}
        return costs

    def allocate(self, costs, limit, key, fixed=None):
        """Types by tensor: least predicted KLD at no more than `limit` bytes, one type for tensors with the same key."""
        units = {}
        for tensor in self.tensors:
            units.setdefault(key(tensor), []).append(tensor)
        options = {}
        for name, members in units.items():
            kinds = set.intersection(*(set(tensor.types) for tensor in members))
            held = {(fixed or {}).get(tensor.group) for tensor in members} - {None}
            if held:
                kinds &= held
            options[name] = {kind: (sum(tensor.sizes[kind] for tensor in members),
                                    sum(costs[tensor.name][kind] for tensor in members)) for kind in kinds}
        choice = choose(options, limit)
        return choice and {tensor.name: choice[key(tensor)] for tensor in self.tensors}

    def lines_of(self, mix):
        return [f"^{re.escape(name)}$={kind}" for name, kind in mix.items()]

    def measure_mix(self, mix):
        def value_of():
            out = self.work / "mix.gguf"
            self.quantize(out, "Q4_K_M", self.lines_of(mix))
            size, value = out.stat().st_size, self.kld(out)
            out.unlink()
            return [size, value]
        return self.remember("mix " + " ".join(mix.values()), value_of)


def choose(options, limit):
    """One option a unit, {unit: {option: (bytes, cost)}}: Lagrangian by bisection, then greedy use of the bytes left."""
    def at(price):
        return {unit: min(kinds, key=lambda kind: (kinds[kind][1] + price * kinds[kind][0], kinds[kind][0]))
                for unit, kinds in options.items()}

    def size(choice):
        return sum(options[unit][kind][0] for unit, kind in choice.items())

    if sum(min(option[0] for option in kinds.values()) for kinds in options.values()) > limit:
        return None
    low, high = 0.0, 1e-12
    while size(at(high)) > limit:
        high *= 2
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if size(at(middle)) > limit else (low, middle)
    choice = at(high)
    while True:
        left, best = limit - size(choice), None
        for unit, kind in choice.items():
            bytes_now, cost_now = options[unit][kind]
            for other, (bytes_then, cost_then) in options[unit].items():
                more, gain = bytes_then - bytes_now, cost_now - cost_then
                if gain > 0 and more <= left and (best is None or gain / max(more, 1) > best[0]):
                    best = (gain / max(more, 1), unit, other)
        if best is None:
            return choice
        choice[best[1]] = best[2]


def moves_from(search, mix, costs, limit):
    """Mixes near `mix`: each group one step larger or smaller, the others reallocated around it; most bytes first."""
    groups = {}
    for tensor in search.tensors:
        groups.setdefault(tensor.group, []).append(tensor)
    for group, members in sorted(groups.items(), key=lambda item: -sum(tensor.sizes["q8_0"] for tensor in item[1])):
        kinds = sorted(set.intersection(*(set(tensor.types) for tensor in members)), key=lambda kind: members[0].sizes[kind])
        now = max(members, key=lambda tensor: tensor.sizes[mix[tensor.name]])
        for step in (1, 2, -1, -2):
            place = kinds.index(mix[now.name]) + step if mix[now.name] in kinds else -1
            if 0 <= place < len(kinds):
                moved = search.allocate(costs, limit, lambda tensor: tensor.name if tensor.group != group else group,
                                        {group: kinds[place]})
                if moved:
                    yield f"{group} as {kinds[place]}", moved


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("reference", "imatrix", "text", "baseline", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--chunks", type=int, default=8)
    parser.add_argument("--bands", type=int, default=3)
    parser.add_argument("--moves", type=int, default=12)
    parser.add_argument("--work", type=Path, default=Path("stock-mix"))
    parser.add_argument("--tools", type=Path, default=TOOLS)
    parser.add_argument("--threads", type=int, default=2)
    search = Search(parser.parse_args())
    arguments = search.arguments
    costs = search.costs()
    # What is not a matrix (header, vocabulary, norms) is the same in every file of this model.
    sizes = {tensor.name: tensor.n_bytes for tensor in gguf.GGUFReader(arguments.baseline).tensors}
    limit = sum(int(sizes[tensor.name]) for tensor in search.tensors)
    best = [search.remember("baseline", lambda: search.kld(arguments.baseline)), None]
    say(f"baseline: {arguments.baseline.stat().st_size} bytes, KLD {best[0]:.6f}")

    def consider(name, mix):
        size, value = search.measure_mix(mix)
        if size > arguments.baseline.stat().st_size:
            sys.exit(f"{name}: {size} bytes came out, more than the baseline's")
        say(f"{name}: {size} bytes, KLD {value:.6f}{' *' if value < best[0] else ''}")
        if value < best[0]:
            best[:] = [value, mix]
            return True
        return False

    starts = {"a type a tensor": lambda tensor: tensor.name, "a type a group": lambda tensor: tensor.group,
              "a type a role": lambda tensor: tensor.role}
    for name, key in starts.items():
        if mix := search.allocate(costs, limit, key):
            consider(name, mix)
    if best[1]:
        for _, (name, mix) in zip(range(arguments.moves), moves_from(search, best[1], costs, limit)):
            consider(name, mix)
    if not best[1]:
        sys.exit("no mix is better than the baseline on this text")
    search.quantize(arguments.out, "Q4_K_M", search.lines_of(best[1]))
    arguments.out.with_suffix(".types.txt").write_text("\n".join(search.lines_of(best[1])) + "\n")
    print(f"{arguments.out}: {arguments.out.stat().st_size} bytes, KLD {best[0]:.6f} on {arguments.text.name}")


if __name__ == "__main__":
    main()
