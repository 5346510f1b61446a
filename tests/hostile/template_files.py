"""Models whose chat template attacks whoever renders it. `chat` must refuse or survive each; other verbs do not render."""
from case import MAY, REFUSE, RUN, TEMPLATE_VERBS, Category
from gguf_file import STRING, Value, text, u32

KEY = "tokenizer.chat_template"
GROW = "{% set ns = namespace(x='ab') %}{% for i in range(64) %}{% set ns.x = "

REFUSED = {
    "range-1e9": "{{ range(10**9)|list|length }}", "range-2-63": "{% for i in range(9223372036854775807) %}{% endfor %}",
    "nested-loops": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "loops-that-write": "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}",
    "macro-calls-itself": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "macros-call-each-other": "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}{{ a() }}",
    "macro-twice": "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(40) }}",
    "caller": "{% macro m() %}{{ caller() }}{% endmacro %}{% macro r() %}{% call m() %}{{ r() }}{% endcall %}{% endmacro %}{{ r() }}",
    "recursive-loop": "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
    "parentheses-300": "{{ " + "(" * 300 + "1" + ")" * 300 + " }}", "parentheses-100k": "{{ " + "(" * 100000 + "1" + ")" * 100000 + " }}",
    "lists-100k": "{{ " + "[" * 100000 + "]" * 100000 + " }}", "dicts-50k": "{{ " + "{1:" * 50000 + "1" + "}" * 50000 + " }}",
    "minus-100k": "{{ " + "-" * 100000 + "1 }}", "not-100k": "{{ " + "not " * 100000 + "1 }}", "filters-50k": "{{ x" + "|upper" * 50000 + " }}",
    "attributes-50k": "{{ x" + ".x" * 50000 + " }}", "calls-50k": "{{ x" + "()" * 50000 + " }}", "ifs-50k": "{% if 1 %}" * 50000,
    "sum-100k": "{{ 1" + "+1" * 100000 + " }}", "fors-50k": "{% for x in y %}" * 50000, "ternary-50k": "{{ " + "1 if 1 else " * 50000 + "1 }}",
    "power-tower": "{{ 2" + "**2" * 50000 + " }}", "string-times-1e12": "{{ 'a' * 10**12 }}", "string-times-2-63": "{{ 'ab' * 9223372036854775807 }}",
    "list-times-1e12": "{{ [1] * 10**12 }}", "strings-double": GROW + "ns.x + ns.x %}{% endfor %}{{ ns.x }}",
    "tilde-doubles": GROW + "ns.x ~ ns.x %}{% endfor %}{{ ns.x }}", "replace-doubles": GROW + "ns.x|replace('a', 'aa') %}{% endfor %}{{ ns.x }}",
    "format-doubles": GROW + "'%s%s' % (ns.x, ns.x) %}{% endfor %}{{ ns.x }}", "join-bomb": "{{ (['x' * 100000] * 100000)|join }}",
    "lists-of-lists": "{% set ns = namespace(x=[1]) %}{% for i in range(64) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}",
    "list-holds-itself": "{% set ns = namespace() %}{% set ns.x = [ns] %}{{ ns.x }}", "center-1e15": "{{ 'x'|center(10**15) }}",
    "indent-1e15": "{{ 'x\\ny'|indent(10**15) }}", "ljust-1e15": "{{ 'x'.ljust(10**15) }}", "tojson-indent": "{{ {'a': 1}|tojson(indent=10**15) }}",
    "percent-width": "{{ '%1000000000000d' % 1 }}", "percent-precision": "{{ '%.1000000000000f' % 1 }}", "format-width": "{{ '{:1000000000000}'.format(1) }}",
    "format-width-2-64": "{{ '{:99999999999999999999}'.format(1) }}", "slice-1e15": "{{ [1]|slice(10**15)|list }}", "batch-1e15": "{{ [1]|batch(10**15, 0)|list }}",
    "output-1e8": "{% for i in range(99999) %}" + "x" * 1000 + "{% endfor %}", "output-2mb": "{{ 'x' * 2000000 }}", "output-900k": "{{ 'hello ' * 150000 }}",
    "int64-min-over-minus-1": "{{ (-9223372036854775807 - 1) // -1 }}", "overflow": "{{ 9223372036854775807 + 1 }}", "power": "{{ 9 ** 9 ** 9 }}",
    "divide-by-zero": "{{ 1 // 0 }}", "modulo-zero": "{{ 1 % 0 }}", "true-divide-zero": "{{ 1 / 0 }}", "slice-step-0": "{{ [1, 2][::0] }}",
    "range-step-0": "{{ range(1, 2, 0)|list }}", "literal-too-large": "{{ 99999999999999999999 }}", "negative-shift": "{{ 1 << -1 }}",
    "index-out": "{{ messages[10**18].content }}", "unknown-function": "{{ frobnicate() }}", "unknown-filter": "{{ 'x'|frobnicate }}",
    "unknown-test": "{{ 1 is frobnicate }}", "unknown-tag": "{% frobnicate %}", "undefined-attribute": "{{ a.b.c }}", "undefined-index": "{{ a[0][1] }}",
    "none-attribute": "{{ none.x.y }}", "call-a-string": "{{ 'x'() }}", "add-string-and-int": "{{ 'a' + 1 }}", "open": "{{ open('/etc/passwd').read() }}",
    "include": "{% include '/etc/passwd' %}", "import": "{% import 'os' as os %}{{ os.system('id') }}", "from-import": "{% from 'os' import system %}",
    "extends": "{% extends '/etc/passwd' %}", "class-mro": "{{ ''.__class__.__mro__[1].__subclasses__() }}", "globals": "{{ range.__globals__.os }}",
    "attr-filter": "{{ ''|attr('__class__')|attr('__mro__') }}", "format-attribute": "{{ '{0.__class__.__mro__}'.format('') }}",
    "cycler-globals": "{{ cycler.__init__.__globals__.os.popen('id').read() }}", "lipsum": "{{ lipsum.__globals__['os'].popen('id').read() }}",
    "self-init": "{{ self.__init__.__globals__ }}", "list-append": "{{ messages.append(1) }}", "dict-update": "{{ {}.update({'a': 1}) }}",
    "raise": "{{ raise_exception('this model\\x1b[2J refuses') }}", "raise-long": "{{ raise_exception('x' * 100000) }}",
    "raise-lines": "{{ raise_exception('a\\nb\\nc') }}", "raise-number": "{{ raise_exception(5) }}", "unclosed-variable": "{{ 'x' ", "unclosed-tag": "{% for x in y ",
    "unclosed-block": "{% if 1 %}x", "unclosed-string": "{{ 'x }}", "unclosed-comment": "{# x", "stray-end": "{% endfor %}", "stray-else": "{% else %}",
    "empty-variable": "{{ }}", "empty-tag": "{% %}", "two-values": "{{ 1 2 }}", "operator-only": "{{ + }}", "assign-nothing": "{% set %}", "for-nothing": "{% for %}{% endfor %}",
    "for-number": "{% for x in 5 %}{% endfor %}", "unpack-wrong": "{% for a, b in [1] %}{% endfor %}", "break-outside": "{% break %}", "macro-bad-call": "{% macro m(a) %}{% endmacro %}{{ m(1, 2, 3) }}",
    "writes-nothing": "{# nothing #}", "writes-nothing-by-if": "{% if false %}x{% endif %}", "find-in-loop": "{% set x = 'a' * 1000000 %}{% for i in range(99999) %}{{ x.find('b') }}{% endfor %}",
    "sort-in-loop": "{% set x = range(90000)|list %}{% for i in range(99999) %}{{ x|sort|length }}{% endfor %}", "split-in-loop": "{% set x = 'a ' * 400000 %}{% for i in range(9999) %}{{ x.split()|length }}{% endfor %}",
    "strftime": "{{ strftime_now('%' * 100001) }}", "strftime-bad": "{{ strftime_now(5) }}", "nul-in-tag": "{{ \0 }}", "block": "{% block x %}{{ self.x() }}{% endblock %}",
}
SURVIVED = {
    "empty": "", "space": " ", "text-only": "hello", "ignores-messages": "{{ 'hello' }}", "output-escapes": "\x1b[2J\x1b]0;x\x07{{ messages[0].content }}",
    "crlf": "{% for m in messages %}\r\n{{ m.content }}\r\n{% endfor %}", "nul-in-text": "a\0b{{ messages[0].content }}", "set-messages": "{% set messages = [] %}{{ messages|length }}",
    "control-tokens": "<s></s><|im_end|>{{ messages[0].content }}", "fdd0": "\ufdd0{{ messages[0].content }}", "bidi": "\u202e{{ messages[0].content }}",
    "unknown-variables": "{{ frob }}{{ messages[0].content }}", "attribute-of-text": "{{ ''.__class__ }}{{ messages[0].content }}", "tools": "{{ tools }}{{ messages|tojson }}",
    "long-flat": "{{ ''" + " ~ 'a'" * 300 + " }}", "elif-chain": "{% if 0 %}" + "{% elif 0 %}" * 10000 + "{% else %}hello{% endif %}", "thousand-macros": "".join(f"{{% macro m{i}() %}}x{{% endmacro %}}" for i in range(1000)) + "hello",
    "million-spaces": " " * 900000 + "{{ messages[0].content }}", "comments": "{# x #}" * 10000 + "hello", "endless-raw": "{% raw %}{{ x }}{% endraw %}", "context-overflow": "{{ 'hello ' * 3000 }}",
    "deep-data": "{{ messages[0]['content'][0][0][0] }}", "regex-bomb": "{{ ('a' * 100000)|replace('a' * 50000, '') }}", "many-braces": "}}" * 100000, "percent-braces": "%}" * 100000,
}


def cases():
    category = Category("templates", TEMPLATE_VERBS)

    def put(name, value, expect, words=(), family="llama"):
        category.change(name, lambda f: f.set(KEY, value), expect, words, family)

    for name, source in REFUSED.items():
        put(name, text(source), REFUSE, "the prompt has" if name == "output-900k" else "template")
    for name, source in SURVIVED.items():
        put(name, text(source), MAY)
    for name, source in (("not-utf8", b"\xff{{ 1 }}"), ("cut-character", b"\xe2\x82"), ("surrogate", b"\xed\xa0\x80{{ 1 }}"),
                         ("utf16", "{{ 1 }}".encode("utf-16")), ("two-megabytes", b"x" * 2000000), ("braces-2mb", b"{{" * 1000000)):
        put(name, Value.of(STRING, source), REFUSE, "template")
    for name, value in (("number", u32(1)), ("array", Value.array(STRING, ["{{ 1 }}"]))):
        put(name, value, REFUSE, KEY)
    category.change("missing", lambda f: f.remove(KEY), words="chat template")
    category.change("named-one-only", lambda f: f.set(KEY + ".tool_use", f.values.pop(KEY)), words="chat template")
    for family in ("qwen2", "gemma3"):
        put(f"{family}-ordinary", text("{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"), RUN, family=family)
    return category.cases
