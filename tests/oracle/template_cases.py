"""Small templates, one feature each; jinja2 says what they render to. Those it refuses are in the lists too."""

CONTEXT = {
    "n": 5, "zero": 0, "neg": -7, "pi": 3.14159, "big": 1e16, "tiny": 1.5e-7, "t": True, "f": False, "nil": None,
    "s": "Hello World", "empty": "", "u": "Grüße, 世界 😀!", "ws": "  \t padded \n ", "lines": "one\ntwo\n\nthree\n",
    "xs": [3, 1, 2], "names": ["bob", "Alice", "carol", "alice"], "nested": [[1, 2], [3, [4, "five"]]], "none_list": [None, True, 1.0],
    "d": {"b": 1, "a": "x", "C": [1, {"k": None}]}, "e": {}, "el": [],
    "messages": [
        {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi <b>&'\"</b>"},
        {"role": "assistant", "content": "Hello!\nHow?"}, {"role": "user", "content": "Bye"},
    ],
    "users": [{"name": "Zoe", "age": 31, "tags": ["x"]}, {"name": "adam", "age": 25, "tags": []}, {"name": "Ben", "age": 31}],
    "quote": "it's \"quoted\" \\ back", "ctl": "a\u0001b\u007fc\u200bd\u00a0e\u2028f",
}

EXPRESSIONS = r"""
1 + 2 * 3
(1 + 2) * 3
7 // 2
-7 // 2
7 // -2
-7 % 3
7 % -3
7.5 // 2
-7.5 // 2
7.5 % 2
-7.5 % 2
-0.0
0.0 * -1
2 ** 10
2 ** -1
2 ** 0.5
2 ** 3 ** 2
-2 ** 2
10 / 4
10 / 5
1 / 3
1e3
1e16
1.0e15
123456789012345678.0
1.5e-5
0.0001
0.00001
1e22
1e100
0.1 + 0.2
100.0
1_000_000
0x1F + 0b101 + 0o17
1.5e300 * 1e10
+5
--5
+true
-true
true + true
n - 1
n * 1.5
neg // 2
neg % 3
pi
big
tiny
1 < 2 < 3
1 < 3 < 2
1 == 1.0
1 == true
0 == false
'1' == 1
'a' < 'b'
'a' < 'B'
[1, 2] < [1, 3]
[1, 2] == [1, 2]
(1, 2) == [1, 2]
(1, 2) < (1, 2, 3)
{'a': 1} == {'a': 1.0}
none == none
undefined_x == undefined_y
undefined_x != 1
1 in [1, 2]
'ell' in s
'x' not in s
'b' in d
'z' in d
1 not in xs
not 1 in xs
'' in ''
not true
not not empty
true and false or true
1 and 2
0 or 'x'
empty or nil or 'last'
nil and nope
n if t else 'no'
n if f
(n if f) is defined
'a' if f else 'b' if f else 'c'
s ~ n ~ nil ~ t
1 ~ 2.0 ~ [1]
'a' 'b' "c"
'a\n\t\\\'\"\x41\u00e9\U0001F600\q\101'
"it's"
'it\'s'
'line\
continued'
'ab' * 3
3 * 'ab'
'ab' * -1
[1, 2] * 2
[1] + [2, 3]
(1,) + (2,)
()
(1,)
(1, 2)
[]
[1, 2.5, 'x', none, true, [1], (2,), {'k': 'v'}]
{}
{'a': 1, 2: 'b', none: none, 1.5: true, (1, 2): []}
{'a': 1, 'a': 2}
{1: 'a', true: 'b', 1.0: 'c'}
[1, 2,]
{'a': 1,}
xs[0]
xs[-1]
xs[5]
xs[1:]
xs[:2]
xs[::-1]
xs[::2]
xs[-2:]
xs[5:]
xs[2:0:-1]
xs[-100:100]
s[0]
s[-1]
s[1:4]
s[::-1]
s[::2]
s[100]
s[100:]
u[7]
u[7:9]
u[::-1]
u[-2]
u|length
(1, 2, 3)[1:]
d['a']
d.a
d['nope']
d.nope
d.nope is undefined
d['C'][1].k
d.C.0
d.C[1]['k']
nested[1][1][1]
nested.1.1.0
users[0].name
messages[0]['role']
messages[-1].content
d.items()
d.keys()
d.values()
d.keys()|list
d.items()|list
d.get('a')
d.get('zz')
d.get('zz', 7)
d.copy()
d|items|list
d|list
d|length
d|dictsort
d|dictsort(true)
d|dictsort(false, 'key', true)
{'x': 2, 'y': 1}|dictsort(by='value')
nil
t
f
undefined_x
undefined_x is defined
undefined_x|default('fallback')
undefined_x|d('fb')
empty|default('fb')
empty|default('fb', true)
nil|default('fb')
nil|default('fb', boolean=true)
undefined_x|default
undefined_x or 'x'
undefined_x|length
undefined_x|list
undefined_x|upper
undefined_x|trim
undefined_x|string
undefined_x ~ 'a'
undefined_x|first
undefined_x|join(',')
[undefined_x]
'a' in undefined_x
s is string
n is string
n is number
n is integer
pi is integer
pi is float
t is number
t is integer
t is boolean
nil is none
nil is not none
s is not none
undefined_x is none
d is mapping
xs is mapping
xs is sequence
s is sequence
d is sequence
n is sequence
xs is iterable
n is iterable
s is iterable
d.items() is sequence
d.items() is iterable
(xs|map('string')) is iterable
(xs|map('string')) is sequence
n is odd
n is even
10 is divisibleby 5
10 is divisibleby(3)
n is eq 5
n is equalto 5
n is == 5
n is ne 5
n is sameas 5
nil is sameas none
n is gt 3
n is ge(5)
n is lt 3
n is le 5
n is greaterthan 4
n is lessthan 4
n is in [1, 5]
n is not in [1, 5]
'a' is in 'abc'
s is lower
'abc' is lower
'ABC' is upper
'123' is upper
t is true
f is false
n is true
range is callable
s is callable
s.upper is callable
n is defined and n is number
not n is string
'upper' is filter
'nope' is filter
'odd' is test
s|upper
s|lower
'hELLO wORLD'|title
"it's a-test (of) title"|title
'hELLO wORLD'|capitalize
u|upper
'straße ǆ ŉ İ'|upper
'ÀÉÎ ΑΣ'|lower
s|length
s|count
xs|length
ws|trim
'xxhixx'|trim('x')
s|first
s|last
xs|first
xs|last
el|first
el|last is defined
xs|join
xs|join(', ')
names|join('-')
users|join(', ', attribute='name')
[1, none, 'a', 2.5]|join('|')
s|join('.')
xs|sort
xs|sort(reverse=true)
names|sort
names|sort(case_sensitive=true)
users|sort(attribute='age')|map(attribute='name')|list
users|sort(attribute='age,name', reverse=true)|map(attribute='name')|list
names|unique|list
names|unique(true)|list
users|unique(attribute='age')|map(attribute='name')|list
xs|reverse|list
s|reverse
xs|sum
users|sum(attribute='age')
xs|sum(start=10)
[]|sum
xs|min
xs|max
el|max is undefined
names|min
users|max(attribute='age')
xs|map('string')|list
xs|map('string')|join('+')
names|map('upper')|list
names|map('replace', 'o', '0')|list
users|map(attribute='name')|list
users|map(attribute='tags', default='-')|list
users|map(attribute='tags.0', default='none')|list
messages|map(attribute='role')|join(',')
xs|select|list
[0, 1, '', none, 'x']|select|list
xs|select('odd')|list
xs|select('gt', 1)|list
xs|reject('odd')|list
[0, 1]|reject|list
messages|selectattr('role', 'equalto', 'user')|list|length
messages|selectattr('role', '==', 'user')|map(attribute='content')|list
messages|rejectattr('role', 'in', ['system', 'assistant'])|map(attribute='content')|join(' / ')
users|selectattr('tags')|map(attribute='name')|list
users|selectattr('tags', 'defined')|map(attribute='name')|list
users|rejectattr('tags', 'defined')|map(attribute='name')|list
(messages|selectattr('role', 'equalto', 'nobody')) and 'generators are true'
(messages|selectattr('role', 'equalto', 'user')|first).content
xs|list
s|list
u[:3]|list
'abc'|list|length
n|string ~ '!'
n|string|length
'42'|int
'42.9'|int
' 12 '|int
'x'|int
'x'|int(7)
'x'|int(default=none)
'0x1f'|int(0, 16)
'1f'|int(0, 16)
'1_000'|int
3.99|int
-3.99|int
nil|int
true|int
'3.5'|float
'x'|float
'x'|float(1.5)
5|float
'1e3'|float
'-inf'|float
'nan'|float
xs|int
n|abs
neg|abs
-2.5|abs
pi|round
pi|round(2)
2.5|round
3.5|round
42.55|round(1, 'floor')
42.51|round(1, 'ceil')
2.675|round(2)
1234.5|round(-2)
1234|round(-2)
5|round
s|replace('l', 'L')
s|replace('l', 'L', 1)
s|replace('', '-')
12345|replace(3, 'x')
lines|indent
lines|indent(2)
lines|indent(2, true)
lines|indent(2, blank=true)
lines|indent('> ', true)
'one'|indent(4, first=true)
s|truncate(5)
s|truncate(8, true, '…', 0)
'foo bar baz qux'|truncate(9)
'foo bar baz qux'|truncate(9, True)
'foo bar baz qux'|truncate(11)
'foo bar baz qux'|truncate(11, False, '...', 0)
s|wordcount
'it is-a_word'|wordcount
'x'|center(5)
'x'|center(4)
'ab'|center(7)
xs|batch(2)|list
xs|batch(2, 'x')|list
[1, 2, 3, 4, 5]|slice(2)|list
[1, 2, 3, 4, 5]|slice(3, 'x')|list
users|groupby('age')|list
users|groupby('age')|map('first')|list
users|groupby('name')|map('first')|list
"%s is %d"|format(s, n)
"%s %s" % (1, 'b')
"%5d|%-5d|%05d|%+d|% d" % (42, 42, 42, 42, 42)
"%.2f %8.3f %e %g %g" % (pi, pi, pi, pi, 1e10)
"%x %X %o %#x %#o" % (255, 255, 8, 255, 8)
"%r %s %%" % ('q', none)
"%(a)s-%(b)03d" % {'a': 'x', 'b': 7}
"%c%c" % ('A', 66)
"%5s|%-5s|%.2s" % ('abc', 'abc', 'abc')
"%s" % xs
"%s" % (xs,)
"%*d" % (5, 3)
"%d" % 3.99
'{} {}'.format(1, 'a')
'{0} {1} {0}'.format('a', 'b')
'{name}={value!r}'.format(name='x', value='y')
'{:>8}|{:<8}|{:^8}|{:*^9}'.format('a', 'b', 'c', 'd')
'{:05d} {:+d} {:,} {:x} {:#b}'.format(42, 42, 1234567, 255, 5)
'{:.2f} {:8.3f} {:e} {:.1%} {:g}'.format(pi, pi, pi, 0.256, 0.5)
'{0[a]} {1[0]} {0.b}'.format(d, xs)
'{{}} {}'.format(1)
'{:{}}|'.format('a', 5)
'{!s:>5}'.format(1)
'{:d}'.format(true)
'{}'.format(true)
'{:_}'.format(1234567)
'{:.3}'.format('abcdef')
'{:.3}'.format(3.14159)
'{:10.4}'.format(1e20)
d|tojson
xs|tojson
u|tojson
quote|tojson
ctl|tojson
u|tojson(ensure_ascii=true)
ctl|tojson(ensure_ascii=true)
d|tojson(indent=2)
d|tojson(indent='\t')
d|tojson(indent=0)
e|tojson(indent=2)
el|tojson(indent=2)
{'a': [], 'b': {}}|tojson(indent=4)
{'b': 1, 'a': 2}|tojson(sort_keys=true)
d|tojson(separators=(',', ':'))
d|tojson(indent=2, separators=(',', ': '))
[1.0, 1e16, 1e-7, none, true]|tojson
{1: 2, none: 3, true: 4, 1.5: 5}|tojson
(1, 2)|tojson
'<>&\''|tojson
messages|tojson
nil|tojson
'nan'|float|tojson
d
messages[1]
quote
[quote]
['it\'s', 'say "x"', 'both \' and "']
[ctl]
[u, '\u200d\ud7ff', '\x7f\x80']
none_list
[1e16, 0.1, -0.0, 1.0]
range(5)
range(5)|list
range(2, 5)|list
range(10, 0, -3)|list
range(0)|list
range(3)[1]
range(10)[2:4]|list
3 in range(5)
range(5)|length
range(1, 10, 2)
dict(a=1, b='x')
dict(d)
dict([('a', 1), ['b', 2]])
dict({'a': 1}, b=2)
namespace(a=1).a
namespace(a=1)
namespace({'a': 1}).a
namespace(a=1)['a']
s.upper()
s.lower()
s.title()
"they're bill's"|title
"they're bill's".title()
s.capitalize()
s.swapcase()
ws.strip()
ws.lstrip()
ws.rstrip()
'xxaxx'.strip('x')
'xyaxy'.lstrip('yx')
'abc'.rstrip('bc')
s.split()
s.split('o')
s.split('o', 1)
s.split(' ', maxsplit=1)
'  a b  c '.split()
'  a b  c '.split(none, 1)
'a,b,,c'.split(',')
'a,b,c'.rsplit(',', 1)
'  a b  c '.rsplit(none, 1)
''.split()
''.split(',')
lines.splitlines()
lines.splitlines(true)
'a\r\nb\rc\x0bd'.splitlines()
s.startswith('Hell')
s.startswith(('x', 'H'))
s.startswith('W', 6)
s.endswith('ld')
s.endswith(('x', 'd'))
s.find('o')
s.find('o', 5)
s.rfind('o')
s.find('zz')
u.find('世')
s.index('W')
s.count('l')
s.count('')
'aaaa'.count('aa')
s.replace('o', '0')
s.replace('l', 'L', 2)
'-'.join(names)
', '.join(['a', 'b'])
''.join([])
'a=b=c'.partition('=')
'a=b=c'.rpartition('=')
'abc'.partition('x')
'prefix-x'.removeprefix('prefix-')
'x.gguf'.removesuffix('.gguf')
'7'.zfill(3)
'-7'.zfill(4)
'a'.ljust(3) ~ '|'
'a'.rjust(3, '*')
'a'.center(4, '-')
'abc'.isalpha()
'abc1'.isalnum()
'123'.isdigit()
'12a'.isdigit()
''.isdigit()
'  '.isspace()
'abc'.isupper()
'ABC'.isupper()
'Title Case'.istitle()
'a\tb'.expandtabs(4)
xs.index(1)
xs.count(1)
xs.copy()
(1, 2, 1).count(1)
strftime_now('%Y-%m-%d')
strftime_now('%d %b %Y %H:%M:%S %A %B %j')
'<b>'|escape
'<b>&"\''|e
'<b>'|safe
('<b>'|safe) + '<i>'
'<i>' + ('<b>'|safe)
('<b>'|safe) ~ '<i>'
d|tojson|safe
['<b>'|safe]
('<b>'|e)|e
('<b>'|safe)|upper
('<b>'|safe)|string|length
('<b>'|safe) is string
('<b>'|safe) == '<b>'
joiner(', ')()
cycler(1, 2).next()
d.__class__
s.__class__
''.__class__ is defined
messages|attr('nope')
s|attr('upper') is callable
d|string
xs|string
t|string
1.0|string
(1 if t else 2) + 3
[1 if t, 2]
n is not defined
n is defined or nope is defined
'a' is string and 'b' is string
[x for_x]
s|upper|lower|title
s|replace("World", "you")|upper
-n|abs
(-n)|abs
-5|abs
5 - 3 - 1
2 * 3 % 4
10 // 3 * 3
not (1 == 1)
1 == 1 and not 2 == 3
'%s' % 'a' ~ 'b'
true|upper
none|upper
xs|tojson|length
{'role': 'x', 'content': u}|tojson
{'x': {'y': [1, {'z': none}]}}.x.y[1].z is none
d.items()|list|first|last
(d|items|list)[0][1]
users|map(attribute='age')|sum / users|length
users|map(attribute='name')|map('lower')|sort|join(' ')
users|selectattr('age', 'ge', 30)|map(attribute='name')|list
[[1, 'b'], [0, 'a']]|sort
[1, 'a']|sort
[none, 1]|max
xs + 1
s + 1
1 + s
nil + 1
undefined_x + 1
undefined_x.a
undefined_x['a']
undefined_x()
d.nope.deeper
d.a.b
d.a.b.c
xs.append(1)
d.update({})
d.pop('a')
n()
n.x
nil.x
nil['x']
nil[0]
n[0]
n[1:]
d[[]]
d[1:2]
xs['a']
xs[1.0]
xs['a':]
xs[::0]
xs|nofilter
xs is notest
nofunc()
1 / 0
1 // 0
1 % 0
1.0 / 0
0 ** -1
'a' - 'b'
'a' < 1
[] < {}
none < 1
undefined_x < 1
-'a'
+none
'a' * 'b'
'a' * 1.5
1 in 5
1 in 'abc'
5|length
none|length
none|list
5|list
5|join
{'a': undefined_x}|tojson
range|tojson
[d.items()]|tojson
(xs|map('string'))|tojson
xs|map('nofilter')|list
xs|map|list
xs|select('notest')|list
users|map(attribute='name', bogus=1)|list
range(1, 2, 0)
range(1000000)
range('a')
range()
'%d' % 'x'
'%s %s' % (1,)
'%s' % (1, 2)
'%q' % 1
'%(a)s' % 5
'{} {}'.format(1)
'{a}'.format(1)
'{'.format()
'{:d}'.format('a')
'{:z}'.format(1)
s.nomethod()
s.split('')
s.index('zz')
s.startswith(1)
s.join([1])
' '.join(5)
s.replace('a')
s.upper(1)
s|upper(1)
s|replace('a')
s|truncate(1)
xs|round
'a'|round
'a'|abs
[]|first
{[]: 1}
{{}: 1}
namespace(_x=1)
namespace(1)
dict(1)
dict([1])
raise_exception('stop')
raise_exception()
strftime_now()
cycler()
users|groupby
'abc'|dictsort
'a' is divisibleby 2
5 is divisibleby 0
'a' is odd
5 is in 5
n is eq
undefined_x|int
undefined_x|float
undefined_x|abs
undefined_x|round
undefined_x|tojson
undefined_x|sort
undefined_x|sum
undefined_x|map('upper')|list
undefined_x|dictsort
undefined_x|items|list
undefined_x|reverse|list
undefined_x|unique|list
undefined_x|batch(2)|list
undefined_x|replace('a', 'b')
undefined_x|indent
undefined_x|truncate
undefined_x|wordcount
undefined_x|title
undefined_x|capitalize
undefined_x is string
undefined_x is iterable
undefined_x is mapping
undefined_x is odd
undefined_x is callable
undefined_x in [1]
undefined_x in 'abc'
not undefined_x
undefined_x is eq undefined_y
{undefined_x: 1}
xs[undefined_x]
xs[undefined_x:]
range(undefined_x)
-undefined_x
undefined_x * 2
undefined_x % 2
'%s' % undefined_x
'{}'.format(undefined_x)
'a' ~ undefined_x
'a' + undefined_x
[1, undefined_x]|join(',')
[undefined_x, 1]|select('defined')|list
[3, undefined_x]|sort
s.replace(undefined_x, 'a')
s.split(undefined_x)
s.strip(undefined_x)
s.startswith(undefined_x)
(1, 2)|first
d|first
d|last
""" # noqa

STATEMENTS = [
    "{% if n %}yes{% endif %}",
    "{% if f %}a{% elif n == 5 %}b{% else %}c{% endif %}",
    "{% if f %}a{% elif nil %}b{% elif zero %}c{% else %}d{% endif %}",
    "{% if 1, %}tuple{% endif %}",
    "{% for x in xs %}{{ x }},{% endfor %}",
    "{% for x in xs %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }};{% endfor %}",
    "{% for x in xs %}{{ loop.previtem }}<{{ x }}>{{ loop.nextitem }} {% endfor %}",
    "{% for x in xs %}{{ loop.previtem is defined }}{{ loop.nextitem is defined }} {% endfor %}",
    "{% for x in xs %}{{ loop.cycle('a', 'b') }}{{ loop.depth }}{{ loop.depth0 }}{% endfor %}",
    "{% for x in [1,1,2,2,1] %}{{ loop.changed(x) }} {% endfor %}",
    "{% for x in [] %}a{% else %}empty{% endfor %}",
    "{% for x in [1] %}a{% else %}empty{% endfor %}",
    "{% for x in undefined_x %}a{% else %}none{% endfor %}",
    "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}",
    "{% for k, v in d|items %}{{ k }}={{ v }};{% endfor %}",
    "{% for k in d %}{{ k }};{% endfor %}",
    "{% for (a, b) in [(1, 2), (3, 4)] %}{{ a }}-{{ b }} {% endfor %}",
    "{% for a, (b, c) in [(1, (2, 3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}",
    "{% for c in u %}[{{ c }}]{% endfor %}",
    "{% for x in xs if x > 1 %}{{ x }}:{{ loop.index }}/{{ loop.length }} {% endfor %}",
    "{% for x in xs if x > 1 %}{{ x }}{{ loop.last }}{% else %}no{% endfor %}",
    "{% for x in xs if x > 9 %}{{ x }}{% else %}no{% endfor %}",
    "{% for x in xs|sort %}{% if x == 2 %}{% continue %}{% endif %}{{ x }}{% endfor %}",
    "{% for x in xs|sort %}{% if x == 2 %}{% break %}{% endif %}{{ x }}{% endfor %}",
    "{% for x in [1,2] %}{% for y in [1,2] %}{{ x }}{{ y }}{{ loop.index }}{% if y == 1 %}{% continue %}{% endif %};{% endfor %}{{ loop.index }} {% endfor %}",
    "{% for x in xs %}{% set y = x %}{% endfor %}{{ y is defined }}",
    "{% set y = 0 %}{% for x in xs %}{% set y = y + x %}{{ y }} {% endfor %}{{ y }}",
    "{% set ns = namespace(y=0) %}{% for x in xs %}{% set ns.y = ns.y + x %}{% endfor %}{{ ns.y }}",
    "{% set ns = namespace() %}{% set ns.a, ns.b = 1, 2 %}{{ ns.a }}{{ ns.b }}{{ ns.c }}",
    "{% set ns = namespace(flag=true) %}{% for x in [1,2,3,4] if ns.flag %}{{ x }}{% if x == 2 %}{% set ns.flag = false %}{% endif %}{% endfor %}",
    "{% set a, b = 1, 2 %}{{ a }}{{ b }}",
    "{% set a, b = 'xy' %}{{ a }}{{ b }}",
    "{% set (a, b), c = (1, 2), 3 %}{{ a }}{{ b }}{{ c }}",
    "{% set a = 1, 2 %}{{ a }}",
    "{% set a %}x{{ n }}y{% endset %}[{{ a }}]",
    "{% set a | upper %}x{{ n }}y{% endset %}[{{ a }}]",
    "{% set a | upper | replace('X', 'z') %}x{{ n }}y{% endset %}[{{ a }}]",
    "{% set a %}{% set inner = 1 %}{% endset %}{{ inner is defined }}",
    "{% if t %}{% set a = 1 %}{% endif %}{{ a }}",
    "{% if f %}{% set n = 1 %}{% endif %}{{ n }}",
    "{% set n = n + 1 %}{{ n }}",
    "{% for x in [1, 2] %}{{ n }}{% set n = x %}{{ n }} {% endfor %}{{ n }}",
    "{% macro m(a, b=2) %}{{ a }}-{{ b }}{% endmacro %}{{ m(1) }} {{ m(1, 3) }} {{ m(b=5, a=4) }} {{ m() }}",
    "{% macro m(a, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}",
    "{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, x=3) }}",
    "{% macro m(a) %}{{ a }}{{ varargs }}{% endmacro %}{{ m(1, 2, 3) }}",
    "{% macro m(a) %}{{ caller() }}{{ a }}{% endmacro %}{% call m(1) %}body{% endcall %}",
    "{% macro m() %}{{ caller('x', 2) }}{% endmacro %}{% call(a, b=1) m() %}<{{ a }}{{ b }}>{% endcall %}",
    "{% macro m() %}{{ caller is defined }}{% endmacro %}{{ m() }}",
    "{% macro m() %}x{% endmacro %}{% call m() %}body{% endcall %}",
    "{% macro m(a) %}{% if a > 0 %}{{ a }}{{ m(a - 1) }}{% endif %}{% endmacro %}{{ m(5) }}",
    "{% macro m() %}{{ n }}{% set n = 9 %}{{ n }}{% endmacro %}{{ m() }}{{ n }}",
    "{% macro m() %}{{ later }}{% endmacro %}{% set later = 'L' %}{{ m() }}",
    "{% macro m(x) %}  {{ x }}  {% endmacro %}[{{ m(1)|trim }}]",
    "{% macro m(x) %}{{ x }}{% endmacro %}{{ m }}|{{ m.name }}",
    "{% macro m(x) %}{{ x }}{% endmacro %}{{ m(1, 2) }}",
    "{% macro m(x) %}{{ x }}{% endmacro %}{{ m(y=2) }}",
    "{% macro m(x) %}{{ x }}{% endmacro %}{{ m(1, x=2) }}",
    "{% macro m(*args) %}{{ x }}{% endmacro %}",
    "{% macro m(a=1, b) %}{% endmacro %}",
    "{% macro m(x) %}{{ x }}{% endmacro %}{{ xs|map('string')|map('upper')|join }}{{ m(*[1]) }}{{ m(**{'x': 2}) }}",
    "{% filter upper %}abc{{ s }}{% endfilter %}",
    "{% filter replace('a', 'b')|upper %}abc{% endfilter %}",
    "{% filter trim %}  x {% endfilter %}",
    "{% with a = 1, b = 2 %}{{ a }}{{ b }}{% endwith %}{{ a }}",
    "{% with a = n, n = 1 %}{{ a }}{{ n }}{% endwith %}{{ n }}",
    "{% with %}{% set q = 1 %}{{ q }}{% endwith %}{{ q }}",
    "{% generation %}gen{{ n }}{% endgeneration %}",
    "{% generation %}{% set q = 1 %}{% endgeneration %}{{ q is defined }}",
    "{% for x in xs %}{% generation %}{{ x }}{{ loop.index }}{% endgeneration %}{% endfor %}",
    "{% raw %}{{ n }}{% if %}{# x #}{% endraw %}",
    "a {% raw %}\n {{ x }} {% endraw %}\n b",
    "a {%- raw -%}\n {{ x }} {%- endraw -%}\n b",
    "{# comment #}a{# multi\nline #}b",
    "{#- c -#} a {#- d #}",
    "{# c #}\nx\n  {# d #}\ny",
    "a\n{% if t %}\nb\n{% endif %}\nc",
    "a\n  {% if t %}\n  b\n  {% endif %}\nc",
    "a\n  {%- if t -%}\n  b\n  {%- endif -%}\n  c",
    "a\n  {%+ if t +%}\n  b\n  {%+ endif +%}\n  c",
    "  {% if t %}  x  {% endif %}  ",
    "x  {% if t %}\n\n  y{% endif %}",
    "  {{ n }}  \n  {{ n }}",
    "  {{- n -}}  \n  {{ n -}} z",
    "a {{+ n }} b",
    "{{ n }}\n",
    "{{ n }}\n\n",
    "\n\n{{ n }}",
    "a\r\nb\rc\n{{ n }}\r\n",
    "{% if t -%}\n\n   x\n{%- endif %}\n\n",
    "\t{% set a = 1 %}\t{{ a }}",
    "{% set a = 1 %} {% set b = 2 %}\n{{ a + b }}",
    "{% for x in xs %}\n  {{ x }}\n{% endfor %}\n",
    "{% for x in xs -%}\n  {{ x }}\n{% endfor -%}\n!",
    "{% for x in xs %}\n  {%- if loop.first %}first{% endif %}\n  {{- x }}\n{%- endfor %}",
    "\u00a0{%- if t %}\u2003x{% endif %}",
    "\u00a0\n\u2003{% if t %}x{% endif %}",
    "{%if t%}tight{%endif%}",
    "{% if t %}{% endif %}\n\n\nx",
    "{{'}}'}}{{ '%}' }}{% if '%}' %}x{% endif %}",
    "{{ {'a': {'b': 1}}['a']['b'] }}",
    "{{ {'a': {'b': 1}} }}",
    "{{{'a': 1}}}",
    "{{ '{{ n }}' }} {{ '{% if %}' }} {{ '{#' }}",
    "{ { n } } {n} {% raw %}{{% endraw %} %} }} #}",
    "{", "{{", "{%", "}}", "%}", "{{}}", "{{ }}", "{% %}", "{##}", "",
    "a{", "a{ ", "{ {", "{{ n", "{{ n }", "{{ n %}", "{% if n }}", "{% if n %}", "{% endif %}", "{% for x in xs %}",
    "{% for x in xs %}{% endif %}", "{% else %}", "{% nosuch %}", "{% include 'x' %}", "{% import 'x' as y %}", "{% extends 'x' %}",
    "{% do xs %}", "{% break %}", "{% continue %}", "{% macro m() %}{% break %}{% endmacro %}", "{% raw %} ", "{# open",
    "{{ 'open }}", "{{ (1 }}", "{{ 1) }}", "{{ [1}} ]", "{{ 1 + }}", "{{ + }}", "{{ n n }}", "{{ a.b. }}", "{{ a[ }}", "{{ a[] }}",
    "{{ f(a=1, 2) }}", "{{ f(**d, 1) }}", "{{ n | }}", "{{ n is }}", "{{ n if }}", "{{ n ! }}", "{{ n ? 1 : 2 }}", "{{ @n }}", "{{ $ }}",
    "{{ n is string is none }}", "{{ x = 1 }}", "{% set 1 = 2 %}", "{% set a.b = 2 %}", "{% set xs.b = 2 %}", "{% set a[0] = 1 %}",
    "{% set true = 2 %}", "{% for 1 in xs %}{% endfor %}", "{% for x, y in xs %}{% endfor %}", "{% for x in 5 %}{% endfor %}", "{% for x in none %}{% endfor %}",
    "{% set a, b = [1] %}", "{% set a, b = 5 %}", "{% if %}{% endif %}", "{% set %}", "{% set a = %}", "{% filter %}{% endfilter %}",
    "{% filter nosuch %}x{% endfilter %}", "{% call n %}{% endcall %}", "{% macro 1() %}{% endmacro %}", "{% macro m %}{% endmacro %}",
    "{% if f %}{{ n|nosuch }}{% endif %}ok", "{{ n|nosuch if f else 'ok' }}", "{% if f %}{{ n is nosuch }}{% endif %}ok",
    "{{ nosuch(1) if f else 'ok' }}", "{% macro m() %}{{ n|nosuch }}{% endmacro %}",
    "{% for x in xs recursive %}{{ x }}{% endfor %}",
    "{% for x in [{'n': 1, 'c': [{'n': 2, 'c': [{'n': 3}]}]}] recursive %}{{ x.n }}{{ loop.depth }}({{ loop(x.c) if x.c else '' }}){% endfor %}",
    "{% for x in xs %}{{ loop(xs) }}{% endfor %}",
    "{% set j = joiner(', ') %}{% for x in xs %}{{ j() }}{{ x }}{% endfor %}",
    "{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.current }}{{ c.next() }}{{ c.next() }}{% set _ = c.reset() %}{{ c.current }}",
    "{% set g = xs|map('string') %}{{ g|join }}{{ g|join }}",
    "{% set g = xs|select('odd') %}{{ g|first }}{{ g|list }}",
    "{% set it = d.items() %}{{ it|list|length }}{{ it|list|length }}",
    "{{ raise_exception('Conversation roles must alternate') }}",
    "{% if messages[0].role != 'user' %}{{ raise_exception('first') }}{% endif %}",
    "{% for message in messages %}{{ message.role }}: {{ message['content'] | trim }}\n{% endfor %}",
    "{% for m in messages %}{% if m.role == 'system' %}{% continue %}{% endif %}{{ loop.index }}{{ m.role }}{% if not loop.last %}, {% endif %}{% endfor %}",
    "{% for m in messages %}{{ messages[loop.index0 - 1].role }} {% endfor %}",
    "{% for m in messages[1:] %}{{ m.role }}{% endfor %}{% for m in messages[::-1] %}{{ m.role }}{% endfor %}",
    "{% set loop_messages = messages[1:] if messages[0].role == 'system' else messages %}{{ loop_messages|length }}",
    "{% set ns = namespace(last=-1) %}{% for m in messages %}{% if m.role == 'user' %}{% set ns.last = loop.index0 %}{% endif %}{% endfor %}{{ ns.last }}",
    "{% set ns = namespace(_x=1) %}", "{% set ns = namespace() %}{% set ns._x = 1 %}",
    "{% if 'tools' in messages[0] and messages[0].tools is not none %}a{% else %}b{% endif %}",
    "{%- for m in messages -%}\n    {%- if m.role == 'user' -%}\n        U:{{ m.content }}\n    {%- elif m.role == 'assistant' -%}\n        A:{{ m.content }}\n    {%- endif -%}\n{%- endfor -%}",
    "{{ messages | map(attribute='role') | unique | list }}{{ messages | selectattr('role', 'equalto', 'user') | map(attribute='content') | last }}",
    "{% set content = messages[2].content %}{% if '!' in content %}{{ content.split('!')[-1].lstrip('\\n') }}{{ content.split('!')[0].rstrip('\\n').split('H')[-1] }}{% endif %}",
    "{% set x = 'a' if f %}{{ x is defined }}{{ x }}",
    "{% for x in range(3) %}{% set outer = loop %}{% for y in range(2) %}{{ outer.index }}{{ loop.index }} {% endfor %}{% endfor %}",
    "{% for x in xs %}{% macro m() %}{{ x }}{% endmacro %}{{ m() }}{% endfor %}",
    "{% for x in xs: %}{{ x }}{% endfor %}", "{% if n: %}x{% endif %}",
    "{{ n }}{% set n = 7 %}{{ n }}", "{{ (n, s)[1] }}", "{{ n, s }}", "{{ n, }}", "{{ xs[0,1] }}", "{{ xs.0 }}{{ nested.0.1 }}",
    "{{ n.__class__.__mro__ }}", "{{ ''.__class__.__mro__ }}", "{{ d['__class__'] }}", "{{ d.__init__ }}", "{{ range.__globals__ }}",
    "{{ '{0.__class__}'.format(1) }}", "{{ '{a.__class__}'.format(a=d) }}",
    "{% for x in xs %}{% set loop = 1 %}{% endfor %}",
    "{% for loop in xs %}{{ loop }}{% endfor %}",
    "{% set x = 1 %}{% set x %}{{ x }}2{% endset %}{{ x }}",
    "{{ loop }}", "{% for x in xs %}{% if loop.first %}{{ loop.length }}{% endif %}{% endfor %}",
    "{{ xs|first + xs|last }}", "{{ n|string + s }}", "{{ -n|string }}", "{{ 'a' ~ 'b'|upper }}", "{{ 1 + 2|string|length }}",
    "{{ not n is none }}", "{{ n is not none and s is string }}", "{{ 'a' in 'abc' and not 'x' in 'abc' }}",
    "{{ s is string | string }}", "{{ (s is string) | string }}", "{{ n is divisibleby 5 | string }}",
    "{{ n == 5 | string }}", "{{ n in xs | map('int') | list }}", "{{ 5 is sameas n }}", "{{ xs is eq xs }}",
]


def cases():
    """(template, context) pairs."""
    for line in EXPRESSIONS.strip("\n").replace("\\\n", "\\\0").split("\n"):
        yield "{{ " + line.replace("\0", "\n") + " }}"
    yield from STATEMENTS
