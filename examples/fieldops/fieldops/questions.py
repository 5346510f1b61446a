"""Question cases from sources/questions/*.txt, and their checks against the manuals."""
import re

from .answers import holds
from .draw import Draw
from .manuals import read_manuals
from .masks import Masker, pairs_too_near

CATEGORIES = ("fact", "table", "fault", "procedure", "comparison", "conversion", "two_sections", "unanswerable")


def heading_of(sections, number):
    found = [name for name in sections if name.split(" ")[0] == number]
    if len(found) != 1:
        raise ValueError("section %s: %d headings" % (number, len(found)))
    return found[0]


def alternatives(text):
    """"a | b && c" as [["a", "b"], ["c"]]."""
    return [[variant.strip() for variant in part.split("|")] for part in text.split("&&")]


def parse(world, manuals, header, question):
    fields = [field.strip() for field in header.split(";;")]
    case = {"task": "question", "category": fields[0], "prompt": question, "documents": "../manuals"}
    words = fields[1].split()
    if fields[0] == "unanswerable":
        return {**case, "expected": {"refused": True}, "metric": "refusal", "machines": words, "reason": fields[2]}
    sections, machines = [], []
    for machine, number in zip(words[::2], words[1::2]):
        name = world.machines[machine]["manual"]
        section = {"path": name, "section": heading_of(manuals[name], number)}
        if section not in sections:
            sections.append(section)
        if machine not in machines:
            machines.append(machine)
    groups = alternatives(fields[2])
    case.update(expected={"answer": ", ".join(group[0] for group in groups), "all_of": groups}, metric="contains",
                machines=machines, sections=sections)
    extra = {field[0]: field[1:].strip() for field in fields[3:]}
    if "&" in extra:
        name = world.machines[machines[0]]["manual"]
        case["also"] = [{"path": name, "section": heading_of(manuals[name], number)} for number in extra["&"].split()]
    case["evidence"] = [group[0] for group in alternatives(extra["+"])] if "+" in extra else [group[0] for group in groups]
    if "?" in extra:
        case.update(expected=groups[0][0], choices=alternatives(extra["?"])[0], metric="choice")
    if "~" in extra:
        case["derived"] = extra["~"]
    return case


def build(world, split):
    manuals = read_manuals(world.root)
    lines = [line for line in (world.root / "sources" / "questions" / (split + ".txt")).read_text(encoding="utf-8").splitlines()
             if line and not line.startswith("#")]
    cases = []
    for header, question in zip(lines[::2], lines[1::2]):
        if ";;" not in header or ";;" in question:
            raise ValueError("%s questions: a header and a question do not alternate at: %s" % (split, header))
        cases.append(parse(world, manuals, header, question))
    order = Draw("questions", split)
    keyed = sorted((order.uniform(0, 1), i) for i in range(len(cases)))
    return [{"id": "question-%s-%03d" % (split, n + 1), **cases[i]} for n, (_, i) in enumerate(keyed)]


def check(world, by_split):
    """What is wrong with the questions, a line each."""
    manuals = read_manuals(world.root)
    for split, cases in by_split.items():
        for case in cases:
            if case["category"] not in CATEGORIES:
                yield "%s: category %s" % (case["id"], case["category"])
            if split != "test" and set(case["machines"]) & set(world.test_machines):
                yield "%s: asks about a machine that is kept for the test" % case["id"]
            texts = [manuals[section["path"]][section["section"]] for section in case.get("sections", [])]
            for words in case.get("evidence", []):
                if not any(holds(text, words) for text in texts):
                    yield "%s: %r is in none of its sections" % (case["id"], words)
            for index, text in enumerate(texts):
                if not any(holds(text, words) for words in case["evidence"]):
                    yield "%s: nothing of the answer is in section %s" % (case["id"], case["sections"][index]["section"])
            for section in case.get("also", []):
                if len(texts) != 1 or not all(holds(manuals[section["path"]][section["section"]], words) for words in case["evidence"]):
                    yield "%s: section %s does not answer it too" % (case["id"], section["section"])
            if case["category"] in ("comparison", "conversion", "two_sections") and "derived" not in case:
                yield "%s: says not how its answer is derived" % case["id"]
            if case["metric"] == "choice" and case["expected"] not in case["choices"]:
                yield "%s: the answer is no choice" % case["id"]
            if case["category"] == "unanswerable":
                yield from check_no_code(world, manuals, case)
    masker = Masker(world)
    asked = {split: {masker.mask(case["prompt"]): case["id"] for case in cases} for split, cases in by_split.items()}
    for first, second in (("train", "test"), ("train", "validation"), ("validation", "test")):
        for one, other in pairs_too_near(asked[first], asked[second]):
            yield "%s and %s are alike" % (one, other)


def check_no_code(world, manuals, case):
    """A fault code asked about in vain must not be in that machine's manual."""
    for code in re.findall(r"\b[A-Z]\d\d\b", case["prompt"]):
        for machine in case["machines"]:
            if any(holds(text, code) for text in manuals[world.machines[machine]["manual"]].values()):
                yield "%s: %s is in the manual" % (case["id"], code)
