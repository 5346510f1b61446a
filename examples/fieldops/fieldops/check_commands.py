"""Checks of the command cases: labels against the schemas, values against the words said, splits against each other."""
from .commands import SLOT, split_phrasings
from .masks import Masker, pairs_too_near
from .schema import problems

SPLITS = ("train", "validation", "test")


def check_labels(world, cases):
    for case in cases:
        expected = case["expected"]
        if expected["name"] is None:
            if expected["arguments"]:
                yield "%s: arguments without an action" % case["id"]
            continue
        for problem in problems(world.tools[expected["name"]]["parameters"], expected["arguments"]):
            yield "%s: %s" % (case["id"], problem)
        if expected["name"] == "convert_units" and expected["arguments"]["to"] not in world.words["convert"][expected["arguments"]["from"]]["with"]:
            yield "%s: converts %s to %s" % (case["id"], expected["arguments"]["from"], expected["arguments"]["to"])
        if expected["name"] == "schedule_maintenance" and sum(
                key in expected["arguments"] for key in ("in_days", "weekday", "every_hours")) != 1:
            yield "%s: maintenance needs one time" % case["id"]
        for key in ("text", "note", "title", "label"):
            if expected["arguments"].get(key, "") not in case["prompt"]:
                yield "%s: the %s is not in the prompt" % (case["id"], key)


def check_unseen(world, by_split):
    """Machines kept for the test are in no other split, neither as a value nor by name."""
    for split in ("train", "validation"):
        for case in by_split[split]:
            for name in world.test_machines:
                machine = world.machines[name]
                words = {name, machine["code"].lower(), machine["maker"].lower()}
                if words & set(case["prompt"].lower().replace("-", " ").split()) or case["expected"]["arguments"].get("machine") == name:
                    yield "%s: speaks of the %s, which is kept for the test" % (case["id"], name)


def check_apart(world, by_split):
    masker = Masker(world)
    forms, said = {}, {}
    for split in SPLITS:
        commands, outside = split_phrasings(world.root / "sources" / "phrasings", split)
        forms[split] = {tuple(SLOT.sub(r"<\1>", p.text.lower()).replace(",", "").split()): split + " " + p.name for p in commands + outside}
        said[split] = {masker.mask(case["prompt"]): case["id"] for case in by_split[split]}
    for first, second in (("train", "test"), ("train", "validation"), ("validation", "test")):
        for kind in (forms, said):
            for one, other in pairs_too_near(kind[first], kind[second]):
                yield "%s and %s are alike" % (one, other)


def check_coverage(world, by_split):
    for split, phrasings in (("train", 12), ("validation", 3), ("test", 5)):
        for tool in world.tools:
            count = len({case["phrasing"] for case in by_split[split] if case["category"] == tool})
            if count < phrasings:
                yield "%s: %d phrasings of %s" % (split, count, tool)


def check(world, by_split):
    for split in SPLITS:
        yield from check_labels(world, by_split[split])
    yield from check_unseen(world, by_split)
    yield from check_apart(world, by_split)
    yield from check_coverage(world, by_split)
