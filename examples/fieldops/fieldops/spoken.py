"""How numbers and codes are said."""
import re

ONES = ("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen eighteen nineteen").split()
TENS = " ten twenty thirty forty fifty sixty seventy eighty ninety".split(" ")


def below_hundred(n):
    if n < 20:
        return ONES[n]
    return TENS[n // 10] + (" " + ONES[n % 10] if n % 10 else "")


def whole(n):
    """A whole number in words."""
    if n < 0:
        return "minus " + whole(-n)
    if n < 100:
        return below_hundred(n)
    if n < 1000:
        return ONES[n // 100] + " hundred" + (" " + below_hundred(n % 100) if n % 100 else "")
    return whole(n // 1000) + " thousand" + (" " + whole(n % 1000) if n % 1000 else "")


def digits(text, zero="zero"):
    """Digit by digit."""
    return " ".join(zero if c == "0" else ONES[int(c)] for c in text)


def number(value, draw):
    """A number as it is said; `draw` chooses between usual ways."""
    text = written(value)
    sign = ""
    if text.startswith("-"):
        sign, text = "minus ", text[1:]
    if "." in text:
        head, tail = text.split(".")
        if tail == "5" and 0 < int(head) < 100 and draw.chance(0.3):
            return sign + whole(int(head)) + " and a half"
        return sign + whole(int(head)) + " point " + digits(tail)
    n = int(text)
    if 1000 < n < 10000 and n % 100 == 0 and n % 1000 and draw.chance(0.5):
        return sign + below_hundred(n // 100) + " hundred"
    if 100 < n < 1000 and n % 100 and draw.chance(0.3):
        return sign + whole(n // 100 * 100) + " and " + below_hundred(n % 100)
    return sign + whole(n)


def written(value):
    """Digits, without an exponent or a trailing zero."""
    return str(int(value)) if value == int(value) else ("%.4f" % value).rstrip("0")


def pairs(text):
    """Four digits as two numbers: 2041 is twenty forty one, 2105 twenty one oh five."""
    head, tail = int(text[:2]), int(text[2:])
    if tail == 0:
        return below_hundred(head) + " hundred"
    return below_hundred(head) + " " + ("oh " + ONES[tail] if tail < 10 else below_hundred(tail))


def fault_code(code, draw):
    """E07: "E oh seven"."""
    letter, figures = code[0], code[1:]
    if figures[0] == "0":
        return letter + " " + draw.pick(["oh ", "zero "]) + ONES[int(figures[1])]
    return letter + " " + draw.pick([below_hundred(int(figures)), digits(figures)])


def part_number(part, draw):
    """KP-2041: "K P twenty forty one"."""
    letters, figures = part.split("-")
    head = draw.pick([" ".join(letters), letters])
    return head + " " + draw.pick([digits(figures), pairs(figures), digits(figures, "oh")])


def model_code(code):
    """CP-40: "CP forty"."""
    letters, figures = re.fullmatch(r"([A-Z]+)-(\d+)", code).groups()
    n = int(figures)
    if n > 100 and n % 100:
        return letters + " " + ONES[n // 100] + " " + below_hundred(n % 100)
    return letters + " " + whole(n)


def valve(name, draw):
    """V-12: "V twelve"."""
    return draw.pick(["V " + whole(int(name[2:])), "V " + digits(name[2:])])
