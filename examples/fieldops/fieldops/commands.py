"""Command cases: phrasings of a split, filled, and made to sound as people type and talk."""
import json
import re

from .draw import Draw
from .slots import FREE_TEXT, Filler

SLOT = re.compile(r"\{(\w+)\}")
QUESTION = re.compile(r"^(what|how|can|could|would|is|do|does|which|where|are|have|any|has|did|was|who|why|when)\b", re.I)
ONLY_AFTER_ORDERS = (", will you", ", okay", " now")
STYLES = {"written": 0.36, "lower": 0.2, "spoken": 0.3, "typo": 0.14}
CORRECTABLE = ("machine", "quantity", "number", "code", "count", "percent", "duration")
# Cases a phrasing: commands, and what is no command and has a slot.
SAMPLES = {"train": (4, 2), "validation": (2, 1), "test": (2, 1)}


class Phrasing:
    """One line of a phrasings file: `text` with {slots}, `fixed` arguments, `name` as section/number."""

    def __init__(self, section, number, line):
        self.section, self.name = section, "%s/%d" % (section, number)
        text, _, fixed = line.partition(" => ")
        self.text, self.slots = text.strip(), SLOT.findall(text)
        self.fixed = {}
        for pair in filter(None, (part.strip() for part in fixed.split(","))):
            key, _, value = pair.partition("=")
            self.fixed[key] = int(value) if value.isdigit() else value


def read_phrasings(path):
    """[Phrasing] of a file with [sections]."""
    section, result, number = None, [], 0
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("[") and line.endswith("]"):
            section, number = line[1:-1], 0
        elif line and not line.startswith("#"):
            number += 1
            result.append(Phrasing(section, number, line))
    return result


def split_phrasings(folder, split):
    """Phrasings of commands, and of what is outside, of one split. An outside section is named "<split> <kind>"."""
    commands = read_phrasings(folder / (split + ".txt"))
    outside = [p for p in read_phrasings(folder / "outside.txt") if p.section.split()[0] == split]
    return commands, outside


def with_typo(text, draw):
    """One slip in one longer word outside the slots."""
    words = text.split(" ")
    places = [i for i, word in enumerate(words) if word.isalpha() and len(word) > 3]
    if not places:
        return text
    i = draw.pick(places)
    word, at = words[i], draw.between(1, len(words[i]) - 2)
    kind = draw.pick(["swap", "drop", "double"])
    if kind == "swap":
        word = word[:at] + word[at + 1] + word[at] + word[at + 2:]
    else:
        word = word[:at] + (word[at + 1:] if kind == "drop" else word[at] + word[at:])
    words[i] = word
    return " ".join(words)


def articles(text):
    text = re.sub(r"\bthe first aid\b", "first aid", text)
    return re.sub(r"\ba (?=(?:oil|inspection|urgent|open|overdue|eight|eleven|eighteen|80)\b)", "an ", text, flags=re.I)


def utterance(phrasing, filler, style, frames, draw):
    text = with_typo(phrasing.text, draw) if style == "typo" else phrasing.text
    text = articles(SLOT.sub(lambda match: filler.render(match.group(1)), text))
    ends_free = bool(phrasing.slots) and phrasing.slots[-1] in FREE_TEXT and phrasing.text.endswith("}")
    polite = re.search(r"\b(please|thank|will you|would you|can you|could you|now|moment)\b", phrasing.text)
    if draw.chance(0.22 if filler.tool else 0.1):
        text = draw.pick(frames["before"]) + text
    if filler.tool and not ends_free and not polite and draw.chance(0.15):
        asks = QUESTION.match(phrasing.text)
        text += draw.pick([frame for frame in frames["after"] if not (asks and frame in ONLY_AFTER_ORDERS)])
    if style == "written":
        if not re.match(r"\{(%s)\}" % "|".join(FREE_TEXT), phrasing.text):
            text = text[0].upper() + text[1:]
        if not ends_free and draw.chance(0.7):
            text += "?" if QUESTION.match(text) else "."
    elif style in ("lower", "spoken"):
        text = re.sub(r"(?<=\w)[,:?!.](?=\s|$)", "", text)
        text = text.lower()
        if style == "spoken" or set(phrasing.slots) & set(FREE_TEXT):
            text = re.sub(r"\bi\b", "I", text)
    return re.sub(r"\s+", " ", text).strip()


def make_case(world, split, phrasing, tool, round_number):
    draw = Draw(split, phrasing.name, round_number)
    style = draw.weighted(STYLES)
    filler = Filler(world, split, tool, phrasing.fixed, draw, style == "spoken")
    filler.choose_machine(phrasing.slots)
    can_correct = [slot for slot in phrasing.slots if slot in CORRECTABLE]
    if tool and can_correct and draw.chance(0.1):
        filler.correct = draw.pick(can_correct)
        filler.marker = draw.pick(world.words["correction"][split])
    prompt = utterance(phrasing, filler, style, world.words["frames"][split], draw)
    order = world.properties.get(tool, [])
    arguments = {key: filler.arguments[key] for key in order if key in filler.arguments} if tool else {}
    tags = [style] + (["corrected"] if filler.correct else [])
    if filler.arguments.get("machine") in world.test_machines:
        tags.append("unseen_machine")
    category = tool or "outside_" + phrasing.section.split()[1]
    return {"task": "command", "category": category, "prompt": prompt, "tools": "../tools.json",
            "expected": {"name": tool, "arguments": arguments}, "metric": "json_slots", "tags": tags,
            "phrasing": phrasing.name}


def build(world, split):
    """The command cases of one split, in a fixed mixed order."""
    commands, outside = split_phrasings(world.root / "sources" / "phrasings", split)
    per_command, per_outside = SAMPLES[split]
    cases, seen = [], set()
    for phrasing in commands + outside:
        tool = phrasing.section if phrasing.section in world.properties else None
        rounds = per_command if tool else (per_outside if phrasing.slots else 1)
        if split == "test" and tool and int(phrasing.name.split("/")[1]) % 2 == 0:
            rounds = 1
        for round_number in range(rounds):
            case = make_case(world, split, phrasing, tool, round_number)
            if case["prompt"].lower() not in seen:
                seen.add(case["prompt"].lower())
                cases.append(case)
    order = Draw("order", split)
    keyed = sorted((order.uniform(0, 1), i) for i in range(len(cases)))
    return [{"id": "command-%s-%04d" % (split, n + 1), **cases[i]} for n, (_, i) in enumerate(keyed)]


class World:
    """What all generators share: machines, words, the tools' properties."""

    def __init__(self, root):
        self.root = root
        self.machines, self.words = self.read("sources/machines.json"), self.read("sources/words.json")
        self.tools = {tool["function"]["name"]: tool["function"] for tool in self.read("tools.json")}
        self.properties = {name: list(tool["parameters"]["properties"]) for name, tool in self.tools.items()}
        self.test_machines = [name for name, machine in self.machines.items() if machine["in"] == "test"]

    def read(self, name):
        return json.loads((self.root / name).read_text(encoding="utf-8"))
