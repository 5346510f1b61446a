"""What is left of an utterance without its values: the form in which splits are held apart."""
import re

from . import spoken

FILLERS = {"um", "uh", "er", "erm", "please", "okay", "ok", "hey", "there", "alright", "listen", "well", "so", "right", "thanks", "thank", "you",
           "cheers", "now", "good", "the", "a", "an"}
NUMBER = set(spoken.ONES) | set(spoken.TENS[1:]) | {"", "hundred", "thousand", "point", "oh", "half"}


class Masker:
    def __init__(self, world):
        phrases = {}
        for machine in world.machines.values():
            code = machine["code"]
            for names in machine["names"].values():
                for name in names:
                    for form in {code, code.replace("-", ""), code.replace("-", " "), spoken.model_code(code)}:
                        phrases[name.replace(code, form).lower()] = "<machine>"
        words = world.words
        for kind in ("parameters", "mode", "priority", "status", "task", "procedure", "place", "contact"):
            for forms in words[kind].values():
                for form in (form for side in forms.values() for form in side):
                    phrases.setdefault(form.lower(), "<%s>" % kind)
        for unit in words["units"].values():
            for form in unit["written"] + unit["spoken"]:
                phrases[form.strip().lower()] = "<unit>"
        for unit in words["convert"].values():
            for form in unit["from"] + unit["to"]:
                phrases[form.strip().lower()] = "<unit>"
        for kind in ("label", "note", "text"):
            for form in (form for side in words[kind].values() for form in side):
                phrases[form.lower()] = "<free>"
        for side in words["title"].values():
            for titles in side.values():
                phrases.update((title.lower(), "<free>") for title in titles)
        phrases.update((day, "<day>") for day in words["weekday"])
        longest_first = sorted(phrases, key=len, reverse=True)
        self._phrases = phrases
        self._pattern = re.compile(r"(?<!\w)(%s)(?!\w)" % "|".join(map(re.escape, longest_first)))

    def mask(self, text):
        """A tuple of words: values become <kinds>, numbers and codes <n>; fillers and articles go."""
        text = self._pattern.sub(lambda m: " %s " % self._phrases[m.group(1)], text.lower())
        text = re.sub(r"(?<![\w<])[a-z]{0,2}[- ]?-?\d[\d.]*", " <n> ", text)
        words = []
        for word in re.findall(r"<\w+>|[a-z']+", text):
            word = "<n>" if word in NUMBER else word
            if word not in FILLERS and not (word == "<n>" and words and words[-1] == "<n>"):
                words.append(word)
        return tuple(words)


def distance(first, second, limit):
    """Edit distance over words, or limit + 1 where it is greater."""
    if abs(len(first) - len(second)) > limit:
        return limit + 1
    previous = list(range(len(second) + 1))
    for i, a in enumerate(first, 1):
        row = [i]
        for j, b in enumerate(second, 1):
            row.append(min(previous[j] + 1, row[-1] + 1, previous[j - 1] + (a != b)))
        if min(row) > limit:
            return limit + 1
        previous = row
    return previous[-1]


def near(first, second):
    """True where two masks are the same or differ in at most a fifth of their words."""
    return distance(first, second, max(len(first), len(second)) // 5) <= max(len(first), len(second)) // 5


def pairs_too_near(left, right):
    """left, right: {mask: id}. Pairs of different splits that are the same or nearly."""
    words = {mask: set(mask) for mask in right}
    for mask, name in left.items():
        own = set(mask)
        for other, other_name in right.items():
            longest = max(len(mask), len(other))
            akin = len(own & words[other]) * 5 >= 3 * min(len(own), len(words[other])) and abs(len(mask) - len(other)) * 5 <= longest
            if akin and near(mask, other):
                yield name, other_name
