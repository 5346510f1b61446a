"""Random regular expressions on random texts against Python's re.fullmatch, and texts written under them.

  regex_test.py --tool check_grammar --vocabulary V.gguf
"""
import random
import re
import sys

from grammar_tool import start

ALPHABET = "abc01 -é日"
ATOMS = ("a", "b", "c", "0", "é", "日", ".", "[ab]", "[^a]", "[a-c]", "[0-9é]", "\\d", "\\D", "[\\d-]", "\\x61", "\\u65e5", " ", "-", "[^\\d ]", "\\-")
REFUSED = (("(a)\\1", "backreferences"), ("(?=a)", "lookahead"), ("(?<!a)b", "lookbehind"), ("a\\b", "word boundaries"), ("(?>a)", "atomic"), ("a++", "possessive"),
           ("(a", "not closed"), ("a)", "no group"), ("*a", "nothing before"), ("a**", "repeated"), ("[b-a]", "no range"), ("a{3,2}", "wrong order"), ("a{99999}", "up to 10000"),
           ("\\q", "not known"), ("[a", "not closed"), ("(?i)a", "(?"), ("[[:alpha:]]", "POSIX"), ("a\\", "nothing after"), ("(a*)*" * 3 + "(" * 200, "nested"))


def expression(rng, depth=0):
    choice = rng.random()
    if depth > 3 or choice < 0.35:
        return rng.choice(ATOMS)
    if choice < 0.6:
        return "".join(expression(rng, depth + 1) for _ in range(rng.randint(1, 3)))
    if choice < 0.75:
        return "(" + rng.choice(("", "?:", "?P<n%d>" % rng.randrange(10**9))) + "|".join(expression(rng, depth + 1) for _ in range(rng.randint(1, 3))) + ")"
    return "(?:" + expression(rng, depth + 1) + ")" + rng.choice(("*", "+", "?", "{2}", "{1,3}", "{0,2}", "{2,}", "*?", "+?"))


def main():
    tool, _ = start(__doc__)
    rng = random.Random(5)
    faults = []
    compared = matched = written = 0
    for number in range(2000):
        text = expression(rng)
        if rng.random() < 0.1:
            text = "^(?:" + text + ")$"
        compiled = re.compile(text)
        texts = ["".join(rng.choice(ALPHABET) for _ in range(rng.randint(0, 6))) for _ in range(30)]
        result = tool.ask(kind="regex", text=text, accept=texts, write=1 if number % 10 == 0 else 0, seed=number)
        if "error" in result:
            faults.append(f"{text}: {result['error']}")
            continue
        for one, accepted in zip(texts, result["accepted"]):
            compared += 1
            matched += accepted
            if accepted != bool(compiled.fullmatch(one)):
                faults.append(f"{text}: {one!r} {accepted}")
        for one in result["written"]:
            written += one is not None
            # What ends a line is wider here than Python's \n, so that . takes less; Python agrees on all that is taken.
            if one is not None and not compiled.fullmatch(one):
                faults.append(f"{text}: wrote {one!r}")
    for text, expected in REFUSED:
        message = tool.ask(kind="regex", text=text).get("error", "")
        if expected not in message or "column" not in message:
            faults.append(f"{text[:50]}: {message}, expected {expected}")
    for fault in faults[:50]:
        print("FAULT", fault)
    print(f"{compared} texts compared, {matched} of them match, {written} written, {len(faults)} faults")
    return 1 if faults or matched < compared / 20 else 0


if __name__ == "__main__":
    sys.exit(main())
