"""Random templates over template_cases.CONTEXT: mostly well-typed, sometimes not."""
import random

STRINGS = ["s", "empty", "u", "ws", "lines", "quote", "'x'", "'a,b,c'", "' pad '", "'é世'", "messages[0].content", "d.a"]
NUMBERS = ["n", "zero", "neg", "pi", "1", "2", "-3", "0.5", "10", "true", "xs|length", "s|length", "xs[0]"]
LISTS = ["xs", "names", "nested", "none_list", "el", "[1, 2, 3]", "['b', 'a']", "range(4)", "messages", "users", "(1, 2)", "d.values()", "s.split()"]
DICTS = ["d", "e", "messages[1]", "users[0]", "{'a': 1, 'b': [2]}", "dict(x=1)"]
ANY = ["nil", "undefined_x", "t", "f", "d.nope", "xs[9]"]
STRING_FILTERS = ["upper", "lower", "title", "capitalize", "trim", "replace('a', 'bb')", "replace('l', '')", "indent(2)", "indent(2, true)", "truncate(4)", "string", "center(9)", "e", "safe", "default('q')", "reverse"]
STRING_METHODS = ["upper()", "lower()", "title()", "capitalize()", "strip()", "lstrip()", "rstrip('d ')", "replace('o', '0')", "swapcase()", "zfill(4)", "center(8, '.')", "ljust(6)", "removeprefix('He')"]
LIST_FILTERS = ["list", "reverse|list", "sort", "unique|list", "map('string')|list", "select|list", "reject('none')|list", "map('default', 'z')|list", "batch(2)|list", "map('upper')|list", "select('number')|list", "reject('string')|list", "map('length')|list", "map('tojson')|list"]
TESTS = ["defined", "undefined", "none", "string", "number", "integer", "float", "mapping", "iterable", "sequence", "boolean", "true", "false", "odd", "even", "divisibleby(2)", "eq 1", "ne 'x'", "in [1, 'x', none]", "lower", "upper", "gt 2", "le 3", "callable"]
OPERATORS = ["+", "-", "*", "/", "//", "%", "~", "==", "!=", "<", "<=", ">", ">=", "and", "or", "in", "not in"]


class Grammar:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.variables = []
        self.macros = []

    def pick(self, options):
        return self.random.choice(options)

    def chance(self, share):
        return self.random.random() < share

    def string(self, depth):
        if depth <= 0 or self.chance(0.2):
            return self.pick(STRINGS)
        return self.pick([
            lambda: f"({self.string(depth - 1)})|{self.pick(STRING_FILTERS)}",
            lambda: f"({self.string(depth - 1)}).{self.pick(STRING_METHODS)}",
            lambda: f"({self.string(depth - 1)} ~ {self.expression(depth - 1)})",
            lambda: f"({self.string(depth - 1)} + {self.string(depth - 1)})",
            lambda: f"({self.list(depth - 1)})|join('{self.pick(['', ', ', '-'])}')",
            lambda: f"({self.expression(depth - 1)})|string",
            lambda: f"({self.expression(depth - 1)})|tojson{self.pick(['', '(indent=2)', '(ensure_ascii=true)', '(sort_keys=true)'])}",
            lambda: f"({self.string(depth - 1)})[{self.slice(depth - 1)}]",
            lambda: f"'{self.pick(['%s', '%r', '[%5s]', '%-6s|'])}' % ({self.expression(depth - 1)},)",
            lambda: f"'{self.pick(['{}', '{!r}', '{:>8}'])}'.format({self.string(depth - 1)})",
        ])()

    def slice(self, depth):
        bound = lambda: self.pick(["", "", "0", "1", "-1", "2", "-2", "9", self.number(0)])
        return ":".join(bound() for _ in range(self.pick([2, 2, 3]))) if self.chance(0.7) else self.number(depth)

    def number(self, depth):
        if depth <= 0 or self.chance(0.3):
            return self.pick(NUMBERS)
        return self.pick([
            lambda: f"({self.number(depth - 1)} {self.pick(['+', '-', '*', '/', '//', '%'])} {self.number(depth - 1)})",
            lambda: f"({self.list(depth - 1)})|length",
            lambda: f"({self.string(depth - 1)})|length",
            lambda: f"({self.number(depth - 1)})|{self.pick(['abs', 'int', 'float', 'round', 'round(1)', 'string|int'])}",
            lambda: f"({self.string(depth - 1)}).{self.pick(['find', 'count', 'rfind'])}({self.pick(STRINGS)})",
            lambda: f"-{self.number(depth - 1)}",
            lambda: f"({self.list(depth - 1)})|{self.pick(['first', 'last', 'sum', 'max', 'min'])}",
        ])()

    def list(self, depth):
        if depth <= 0 or self.chance(0.3):
            return self.pick(LISTS)
        return self.pick([
            lambda: f"({self.list(depth - 1)})|{self.pick(LIST_FILTERS)}",
            lambda: f"[{', '.join(self.expression(depth - 1) for _ in range(self.random.randrange(4)))}]",
            lambda: f"({self.list(depth - 1)})[{self.slice(depth - 1)}]",
            lambda: f"({self.list(depth - 1)} + {self.list(depth - 1)})",
            lambda: f"({self.string(depth - 1)}).{self.pick(['split()', 'split(' + chr(39) + 'a' + chr(39) + ')', 'splitlines()', 'rsplit(none, 1)'])}",
            lambda: f"({self.string(depth - 1)})|list",
            lambda: f"({self.dict(depth - 1)})|{self.pick(['items|list', 'list', 'dictsort'])}",
            lambda: f"messages|selectattr('role', '{self.pick(['eq', 'ne', 'in'])}', {self.pick(STRINGS + ['names', repr('user')])})|list",
            lambda: f"users|map(attribute='{self.pick(['name', 'age', 'tags', 'nope', 'tags.0'])}')|list",
            lambda: f"({self.list(depth - 1)})|map('{self.pick(['string', 'upper', 'length', 'first', 'default'])}')|list",
        ])()

    def dict(self, depth):
        if depth <= 0 or self.chance(0.4):
            return self.pick(DICTS)
        pairs = ", ".join(f"{self.pick([self.string(0), self.number(0)])}: {self.expression(depth - 1)}" for _ in range(self.random.randrange(4)))
        return "{" + pairs + "}"

    def expression(self, depth):
        if self.variables and self.chance(0.2):
            return self.pick(self.variables)
        if self.chance(0.06):
            return self.pick(ANY)
        if depth <= 0:
            return self.pick([self.string, self.number, self.list, self.dict])(0)
        return self.pick([
            lambda: self.string(depth), lambda: self.number(depth), lambda: self.list(depth), lambda: self.dict(depth),
            lambda: f"({self.expression(depth - 1)} {self.pick(OPERATORS)} {self.expression(depth - 1)})",
            lambda: f"(not {self.expression(depth - 1)})",
            lambda: f"(({self.expression(depth - 1)}) is {self.pick(['', 'not '])}{self.pick(TESTS)})",
            lambda: f"({self.expression(depth - 1)} if {self.expression(depth - 1)} else {self.expression(depth - 1)})",
            lambda: f"({self.dict(depth - 1)}).{self.pick(['get(' + self.string(0) + ')', 'a', 'role', 'items()', 'values()|list'])}",
            lambda: f"({self.expression(depth - 1)})|default({self.expression(depth - 1)}, {self.pick(['true', 'false'])})",
            lambda: f"({self.expression(depth - 1)})[{self.expression(0)}]",
            lambda: f"{self.number(depth - 1)} < {self.number(depth - 1)} <= {self.number(0)}",
        ])()

    def open(self):
        return "{%" + self.pick(["", "", "", "-", "+"]) + " "

    def close(self):
        return " " + self.pick(["", "", "", "-", "+"]) + "%}"

    def space(self):
        return self.pick(["", "", " ", "\n", "\n  ", "  \n", "\t", "a", " b ", "\n\nc\n"])

    def tag(self, text):
        return self.open() + text + self.close()

    def output(self, depth):
        return "{{" + self.pick(["", "", "-"]) + " " + self.expression(depth) + " " + self.pick(["", "", "-"]) + "}}"

    def body(self, depth):
        return "".join(self.space() + self.statement(depth) for _ in range(self.random.randrange(1, 4))) + self.space()

    def variable(self):
        name = "v" + str(self.random.randrange(3))
        self.variables.append(name)
        return name

    def loop(self, depth):
        iterable = self.list(1)
        condition = f" if {self.expression(1)}" if self.chance(0.3) else ""
        known = list(self.variables)
        name = self.variable()
        self.variables += ["loop.index", "loop.first", "loop.last", "loop.length"]
        inside = self.body(depth - 1)
        if self.chance(0.3):
            inside += self.tag("if " + self.expression(1)) + self.tag(self.pick(["break", "continue"])) + self.tag("endif")
        self.variables = known
        otherwise = self.tag("else") + self.body(depth - 1) if self.chance(0.2) else ""
        return self.tag(f"for {name} in {iterable}{condition}") + inside + otherwise + self.tag("endfor")

    def condition(self, depth):
        text = self.tag("if " + self.expression(2)) + self.body(depth - 1)
        if self.chance(0.3):
            text += self.tag("elif " + self.expression(2)) + self.body(depth - 1)
        if self.chance(0.4):
            text += self.tag("else") + self.body(depth - 1)
        return text + self.tag("endif")

    def macro(self, depth):
        name = "m" + str(self.random.randrange(2))
        known = list(self.variables)
        self.variables += ["p", "q"]
        inside = self.body(depth - 1)
        self.variables = known
        text = self.tag(f"macro {name}(p, q={self.expression(0)})") + inside + self.tag("endmacro")
        return text + "{{ " + f"{name}({self.pick(['', self.expression(1), 'q=' + self.expression(1)])})" + " }}"

    def statement(self, depth):
        if depth <= 0:
            return self.output(2)
        kind = self.random.randrange(12)
        if kind < 4:
            return self.output(3)
        if kind == 4:
            value = self.expression(2)
            return self.tag(f"set {self.variable()} = {value}")
        if kind == 5:
            inside = self.body(depth - 1)
            return self.tag(f"set {self.variable()}") + inside + self.tag("endset")
        if kind in (6, 7):
            return self.loop(depth)
        if kind in (8, 9):
            return self.condition(depth)
        if kind == 10:
            return self.macro(depth)
        return self.pick([
            lambda: "{#" + self.pick(["", "-", "+"]) + " c " + self.pick(["", "-", "+"]) + "#}",
            lambda: self.tag("filter " + self.pick(["upper", "trim", "replace('a', 'b')"])) + self.body(depth - 1) + self.tag("endfilter"),
            lambda: self.tag(f"with w = {self.expression(1)}") + self.body(depth - 1) + "{{ w }}" + self.tag("endwith"),
            lambda: self.tag("raw") + self.space() + "{{ x }}" + self.space() + self.tag("endraw"),
            lambda: self.tag("set ns = namespace(x=1)") + self.tag(f"set ns.x = {self.expression(2)}") + "{{ ns.x }}",
            lambda: self.tag("generation") + self.body(depth - 1) + self.tag("endgeneration"),
        ])()


def template(seed):
    return Grammar(seed).body(3)
